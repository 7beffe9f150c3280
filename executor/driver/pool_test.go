package driver

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPoolBoundsAndOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const threads, jobs = 3, 20
		d := New(Config{BlockingThreads: threads})
		defer d.Close()
		var running, most, done atomic.Int64
		for range jobs {
			d.Go(func() {
				most.Store(max(most.Load(), running.Add(1)))
				<-time.After(time.Second)
				running.Add(-1)
				done.Add(1)
			})
		}
		start := time.Now()
		synctest.Wait()
		if running.Load() != threads {
			t.Errorf("%d jobs run at once, want %d", running.Load(), threads)
		}
		d.Close()
		if done.Load() != jobs || most.Load() != threads {
			t.Errorf("%d jobs done, %d at once, want %d and %d", done.Load(), most.Load(), jobs, threads)
		}
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("took %v, want 7s for 20 jobs by threes", took)
		}
	})
}

func TestPoolIsFIFO(t *testing.T) {
	d := New(Config{BlockingThreads: 1})
	var got, want []int
	for i := range 100 {
		want = append(want, i)
		d.Go(func() { got = append(got, i) })
	}
	d.Close()
	if !slices.Equal(got, want) {
		t.Errorf("ran in the order %v", got)
	}
}

// TestPoolKeepsNoGoroutine is what TestMain would find, were it not that Close waits.
func TestPoolKeepsNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Config{})
		defer d.Close()
		d.Go(func() {})
		synctest.Wait()
		d.pool.mu.Lock()
		defer d.pool.mu.Unlock()
		if d.pool.running != 0 {
			t.Errorf("%d goroutines are left when all jobs are done", d.pool.running)
		}
	})
}

func TestGoAfterClosePanics(t *testing.T) {
	d := New(Config{})
	d.Close()
	defer func() {
		if recover() == nil {
			t.Error("Go after Close did not panic")
		}
	}()
	d.Go(func() {})
}

func TestConfigValidate(t *testing.T) {
	if err := (Config{BlockingThreads: -1}).Validate(); err == nil {
		t.Error("a negative bound is valid")
	}
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
}
