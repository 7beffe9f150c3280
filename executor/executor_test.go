package executor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor/driver"
)

var errTest = errors.New("the test's cause")

// open starts an executor that is closed when the test ends.
func open(t *testing.T, cfg Config) *Executor {
	t.Helper()
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, e) })
	return e
}

func shut(t *testing.T, e *Executor) {
	t.Helper()
	if err := e.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// in runs a test in a bubble of virtual time.
func in(t *testing.T, cfg Config, test func(t *testing.T, e *Executor)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		test(t, e)
		shut(t, e)
	})
}

// pass lets virtual time pass, and waits for everything that happens in it.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func spawn(t *testing.T, e *Executor, spec TaskSpec) *Task {
	t.Helper()
	task, err := e.Spawn(spec)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func wait(t *testing.T, e *Executor) {
	t.Helper()
	if err := e.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestStress has many goroutines wake, cancel and time tasks that park, preempt and count. Every
// task must see every event meant for it, and end.
func TestStress(t *testing.T) {
	const tasks, events, wakers = 200, 200, 4
	e := open(t, Config{Quantum: 500})
	type mailbox struct {
		task *Task
		sent atomic.Int64
	}
	boxes := make([]*mailbox, tasks)
	var ended atomic.Int64
	for i := range boxes {
		box := &mailbox{}
		boxes[i] = box
		ready := make(chan bool)
		box.task = spawn(t, e, TaskSpec{
			Tenant: fmt.Sprint(i % 3),
			Run: func(f *Fiber) {
				<-ready
				m := &tank{}
				f.SetMeter(m)
				for box.sent.Load() < wakers*events {
					if f.Park() != nil || m.burn(f, 300) != nil {
						return
					}
				}
			},
			Done: func(*Task) { ended.Add(1) },
		})
		close(ready)
	}
	var senders sync.WaitGroup
	for seed := range uint64(wakers) {
		senders.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 12))
			for range events {
				for _, i := range rng.Perm(tasks) {
					box := boxes[i]
					box.sent.Add(1)
					switch rng.IntN(10) {
					case 0:
						box.task.WakeDue(time.Now())
					default:
						box.task.Wake()
					}
					if i%10 == 0 && rng.IntN(events) == 0 {
						box.task.Cancel(errTest)
					}
					_ = box.task.Usage()
				}
			}
		})
	}
	senders.Wait()
	wait(t, e)
	if ended.Load() != tasks {
		t.Errorf("%d of %d tasks ended", ended.Load(), tasks)
	}
	s := e.Stats()
	if s.Ready != 0 || s.Running != 0 || s.Parked != 0 {
		t.Errorf("left over: %+v", s)
	}
}

func TestStats(t *testing.T) {
	in(t, Config{Workers: 2}, func(t *testing.T, e *Executor) {
		var tasks []*Task
		for range 10 {
			tasks = append(tasks, spawn(t, e, TaskSpec{Run: func(f *Fiber) { _ = f.Park() }}))
		}
		synctest.Wait()
		for range 3 {
			tasks = append(tasks, spawn(t, e, TaskSpec{Run: func(f *Fiber) { _ = f.Park() }, Uncounted: true}))
		}
		synctest.Wait()
		blocked := make(chan bool)
		for range 3 {
			spawn(t, e, TaskSpec{Run: func(*Fiber) { <-blocked }})
		}
		synctest.Wait()
		tasks[0].Wake()
		s := e.Stats()
		if s.Workers != 2 || s.Parked != 9 || s.Running != 2 || s.Ready != 2 || s.ParkedPeak != 10 || s.Resumes != 13 {
			t.Errorf("%+v", s)
		}
		close(blocked)
		for _, task := range tasks {
			task.Wake()
		}
		wait(t, e)
		if s := e.Stats(); s.Parked+s.Running+s.Ready != 0 || s.ParkedPeak != 10 {
			t.Errorf("at the end: %+v", s)
		}
	})
}

// TestSleepingWorkersAreWoken: tasks that become ready together, each of which keeps its worker,
// get a worker each.
func TestSleepingWorkersAreWoken(t *testing.T) {
	in(t, Config{Workers: 8}, func(t *testing.T, e *Executor) {
		var tasks []*Task
		var running atomic.Int64
		goOn := make(chan bool)
		for range 8 {
			tasks = append(tasks, spawn(t, e, TaskSpec{Run: func(f *Fiber) {
				_ = f.Park()
				running.Add(1)
				<-goOn
			}}))
		}
		synctest.Wait()
		for _, task := range tasks {
			task.Wake()
		}
		synctest.Wait()
		if running.Load() != 8 {
			t.Errorf("%d of 8 run at once", running.Load())
		}
		close(goOn)
	})
}

// TestLoneTaskKeepsItsWorker: while one task alone is preempted again and again, nobody wakes the other worker.
func TestLoneTaskKeepsItsWorker(t *testing.T) {
	e := open(t, Config{Workers: 2})
	sleeping := func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.idle) == 1 && !e.waking
	}
	const yields = 5 // of its worker, to other goroutines
	spawn(t, e, TaskSpec{Run: func(f *Fiber) {
		for !sleeping() { // the other worker has to begin first
			runtime.Gosched()
		}
		for began := time.Now(); time.Since(began) < yields*yieldSeldom; {
			if err := f.Preempt(); err != nil {
				t.Error(err)
				return
			}
			if !sleeping() {
				t.Error("the other worker was woken")
				return
			}
		}
	}})
	wait(t, e)
}

func TestClose(t *testing.T) {
	bodies := map[string]func(*Fiber) error{
		"parked": func(f *Fiber) error {
			for {
				if err := f.Park(); err != nil {
					return err
				}
			}
		},
		"spinning": func(f *Fiber) error {
			m := &tank{}
			f.SetMeter(m)
			return m.burn(f, 1<<62)
		},
	}
	e, err := New(Config{Quantum: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var done atomic.Int64
	for _, body := range bodies {
		for range 50 {
			began := make(chan bool)
			spawn(t, e, TaskSpec{
				Run: func(f *Fiber) {
					close(began)
					if err := body(f); !errors.Is(err, ErrClosed) {
						t.Errorf("a body got %v, want ErrClosed", err)
					}
				},
				Done: func(*Task) { done.Add(1) },
			})
			<-began
		}
	}
	var closers sync.WaitGroup
	for range 3 {
		closers.Go(func() { shut(t, e) })
	}
	closers.Wait()
	if done.Load() != 100 {
		t.Errorf("%d of 100 tasks were done when Close returned", done.Load())
	}
	if _, err := e.Spawn(TaskSpec{Run: func(*Fiber) {}}); !errors.Is(err, ErrClosed) {
		t.Errorf("Spawn after Close: %v, want ErrClosed", err)
	}
}

// TestCloseGivesUp: a body that does not end is not abandoned, but Close returns when its context
// ends, and can be called again.
func TestCloseGivesUp(t *testing.T) {
	in(t, Config{}, func(t *testing.T, e *Executor) {
		goOn := make(chan bool)
		spawn(t, e, TaskSpec{Run: func(f *Fiber) {
			<-goOn
			if err := f.Park(); !errors.Is(err, ErrClosed) {
				t.Errorf("Park = %v, want ErrClosed", err)
			}
		}})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := e.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v, want the context's error", err)
		}
		goOn <- true
	})
}

func TestWait(t *testing.T) {
	in(t, Config{}, func(t *testing.T, e *Executor) {
		wait(t, e) // nothing to wait for
		task := spawn(t, e, TaskSpec{Run: func(f *Fiber) {
			_ = f.Park()
			spawn(t, e, TaskSpec{Run: func(*Fiber) { <-time.After(time.Hour) }})
		}})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := e.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait = %v, want the context's error", err)
		}
		task.Wake()
		start := time.Now()
		wait(t, e)
		if took := time.Since(start); took != time.Hour {
			t.Errorf("Wait returned after %v, want the hour that the second task takes", took)
		}
	})
}

func TestConfigValidate(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
	_, err := New(Config{Workers: -1, Quantum: -2, Driver: driver.Config{BlockingThreads: -3}})
	if err == nil {
		t.Fatal("a negative everything is valid")
	}
	for _, field := range []string{"Workers is -1", "Quantum is -2", "BlockingThreads is -3"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%q does not report that %s", err, field)
		}
	}
}
