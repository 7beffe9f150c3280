package driver

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// closeNow closes a driver, and fails the test if that hangs.
func closeNow(t testing.TB, d *Driver) {
	t.Helper()
	if err := d.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestPoolStartsMoreBesideThoseThatWait: jobs that wait do not count as busy, so more are started, up to the limit.
func TestPoolStartsMoreBesideThoseThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const threads, jobs = 8, 50
		d := New(Config{BlockingThreads: threads, BlockingProcessors: 2})
		var running, over, done atomic.Int64
		release := make(chan struct{})
		for i := range jobs {
			d.Go(Job{Tenant: fmt.Sprint(i), Owner: fmt.Sprint(i), Lane: Lane{ID: uint64(i)}, Quick: i%2 == 0, Run: func() {
				if running.Add(1) > threads {
					over.Add(1)
				}
				<-release
				running.Add(-1)
				done.Add(1)
			}})
		}
		synctest.Wait()
		if n := running.Load(); n != 2 {
			t.Errorf("%d jobs run at first, want one for each processor", n)
		}
		// For how long their threads are at work is up to the machine: one may wait for a processor to stop on.
		for running.Load() < threads {
			time.Sleep(sampleEvery)
		}
		time.Sleep(100 * sampleEvery)
		close(release)
		closeNow(t, d)
		if done.Load() != jobs || over.Load() > 0 {
			t.Errorf("%d jobs done, want %d; %d times there were more than %d at once", done.Load(), jobs, over.Load(), threads)
		}
	})
}

// TestPoolKeepsToProcessors: jobs that use a processor, or are runnable without one, do not make room for others.
func TestPoolKeepsToProcessors(t *testing.T) {
	for _, tt := range []struct {
		passed, used time.Duration
		runnable     bool
		want         bool
	}{
		{sampleEvery, sampleEvery, true, true},
		{sampleEvery, sampleEvery, false, true},    // it has only just started to wait
		{sampleEvery, sampleEvery / 4, true, true}, // others had the processor
		{sampleEvery, sampleEvery / 4, false, false},
		{time.Second, sampleEvery, false, false},
	} {
		if got := isBusy(tt.passed, tt.used, tt.runnable); got != tt.want {
			t.Errorf("isBusy(%v, %v, %v) = %v", tt.passed, tt.used, tt.runnable, got)
		}
	}
}

// TestJobIsTimed: the cost of a job is its processor time, without the time in which it waits. For a quick job it is
// the elapsed time, within a bound.
func TestJobIsTimed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what a thread uses is not known")
	}
	d := New(Config{})
	const work = 5 * time.Millisecond
	spin := func() {
		thread := currentThread()
		for begin, _ := threadTime(thread); ; {
			if now, _ := threadTime(thread); now-begin > work {
				return
			}
		}
	}
	var worked, waited, quick Cost
	d.Go(Job{Run: spin, Done: func(c Cost) { worked = c }})
	d.Go(Job{Run: func() { <-time.After(10 * work) }, Done: func(c Cost) { waited = c }})
	d.Go(Job{Run: spin, Done: func(c Cost) { quick = c }, Quick: true})
	closeNow(t, d)
	if worked.CPU < work {
		t.Errorf("a job that worked for %v cost %+v", work, worked)
	}
	if waited.Elapsed < 10*work || waited.CPU >= waited.Elapsed {
		t.Errorf("a job that waited for %v cost %+v", 10*work, waited)
	}
	if quick.CPU != maxUntimedCPU || quick.Elapsed < maxUntimedCPU {
		t.Errorf("a job that was thought to be quick and worked for %v cost %+v", work, quick)
	}
	runtime.LockOSThread() // or it is another's when the answer comes
	defer runtime.UnlockOSThread()
	if !threadRunnable(currentThread()) {
		t.Error("the thread that asks does not run")
	}
}

// TestPoolSharesBetweenLanes: jobs that hang in one lane, whoever owns them, do not hold up another lane, and an owner
// whose jobs hang in all lanes does not hold up other owners.
func TestPoolSharesBetweenLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Config{BlockingThreads: 16, BlockingProcessors: 2})
		release := make(chan struct{})
		for i := range 1000 {
			d.Go(Job{Owner: fmt.Sprint("owner", i), Lane: Lane{Kind: "dead"}, Run: func() { <-release }})
			d.Go(Job{Owner: "greedy", Lane: Lane{ID: uint64(i)}, Run: func() { <-release }})
		}
		var done sync.WaitGroup
		done.Add(1)
		d.Go(Job{Owner: "other", Lane: Lane{Kind: "good"}, Run: done.Done})
		done.Wait() // beside those that hang
		close(release)
		closeNow(t, d)
	})
}

func TestOwnersJobsKeepTheirOrder(t *testing.T) {
	d := New(Config{BlockingThreads: 1})
	var got, want []int
	for i := range 100 {
		want = append(want, i)
		d.Go(Job{Run: func() { got = append(got, i) }})
	}
	closeNow(t, d)
	if !slices.Equal(got, want) {
		t.Errorf("ran in the order %v", got)
	}
}

// TestCloseTellsWhatHangs: a Close ends when its context does.
func TestCloseTellsWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Config{})
		release := make(chan struct{})
		d.Go(Job{Owner: "w1", Kind: "file", Target: "/dead/a", Run: func() { <-release }})
		time.Sleep(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := d.Close(ctx)
		hung, ok := errors.AsType[*HungError](err)
		if !ok || len(hung.Jobs) != 1 || !strings.Contains(err.Error(), "file /dead/a of w1, for 1m1s") || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		close(release)
		closeNow(t, d)
	})
}

// TestPoolKeepsNoGoroutine checks what TestMain cannot find, since Close waits.
func TestPoolKeepsNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Config{})
		defer closeNow(t, d)
		d.Go(Job{Run: func() {}})
		synctest.Wait()
		d.blocking.mu.Lock()
		defer d.blocking.mu.Unlock()
		if p := d.blocking; len(p.running) != 0 || p.busy != 0 || p.sampling || len(p.schedule.inLane) != 0 || len(p.schedule.ofOwner) != 0 {
			t.Errorf("left when all jobs are done: %+v", p)
		}
	})
}

func TestGoAfterClosePanics(t *testing.T) {
	d := New(Config{})
	closeNow(t, d)
	defer func() {
		if recover() == nil {
			t.Error("Go after Close did not panic")
		}
	}()
	d.Go(Job{Run: func() {}})
}

func TestConfigValidate(t *testing.T) {
	for _, bad := range []Config{{BlockingThreads: -1}, {BlockingProcessors: -1}, {Lookups: -1}} {
		if err := bad.Validate(); err == nil {
			t.Errorf("%+v is valid", bad)
		}
	}
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
}
