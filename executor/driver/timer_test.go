package driver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// in runs a test in a bubble of virtual time, with a driver that is closed at its end.
func in(t *testing.T, test func(t *testing.T, d *Driver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := New(Config{})
		defer closeNow(t, d)
		test(t, d)
	})
}

// pass lets virtual time pass, and waits for everything that happens in it.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func timer(fire func(due time.Time)) *Timer {
	t := new(Timer)
	t.Init(fire)
	return t
}

func TestTimerFiresWhenDue(t *testing.T) {
	in(t, func(t *testing.T, d *Driver) {
		for _, wait := range []time.Duration{time.Hour, time.Nanosecond, 0, -time.Second} {
			due := time.Now().Add(wait)
			fired := make(chan time.Time)
			d.Start(timer(func(due time.Time) { fired <- due }), due)
			got := <-fired
			if !got.Equal(due) {
				t.Errorf("fired with due time %v, want %v", got, due)
			}
			if late := time.Since(due) - max(-wait, 0); late != 0 {
				t.Errorf("in %v: fired %v late", wait, late)
			}
		}
	})
}

func TestTimersFireInOrder(t *testing.T) {
	in(t, func(t *testing.T, d *Driver) {
		rng := rand.New(rand.NewPCG(7, 8))
		start := time.Now()
		var fired []time.Time
		const n = 1000
		for range n {
			due := start.Add(time.Duration(rng.IntN(100)) * time.Millisecond)
			d.Start(timer(func(due time.Time) { fired = append(fired, due) }), due)
		}
		pass(time.Second)
		if len(fired) != n || !slices.IsSortedFunc(fired, time.Time.Compare) {
			t.Errorf("%d of %d fired, in order: %v", len(fired), n, slices.IsSortedFunc(fired, time.Time.Compare))
		}
	})
}

// TestStop stops a timer before it fires, while it fires, and after.
func TestStop(t *testing.T) {
	in(t, func(t *testing.T, d *Driver) {
		var fired int
		tm := timer(func(time.Time) { fired++ })
		if d.Stop(tm) {
			t.Error("Stop of a timer that was never started = true")
		}
		d.Start(tm, time.Now().Add(time.Second))
		if !d.Stop(tm) {
			t.Error("Stop of an armed timer = false")
		}
		if d.Due(time.Hour) {
			t.Error("Due on account of a stopped timer")
		}
		if d.Stop(tm) {
			t.Error("second Stop = true")
		}
		pass(time.Minute)
		if fired != 0 {
			t.Errorf("a stopped timer fired %d times", fired)
		}

		firing, goOn := make(chan bool), make(chan bool)
		tm.Init(func(time.Time) { firing <- true; <-goOn })
		d.Start(tm, time.Now())
		<-firing
		if d.Stop(tm) {
			t.Error("Stop of a firing timer = true")
		}
		goOn <- true
		synctest.Wait()
		if d.Stop(tm) {
			t.Error("Stop of a fired timer = true")
		}
	})
}

func TestRestart(t *testing.T) {
	tests := []struct {
		name        string
		first, then time.Duration
	}{
		{"later", time.Second, time.Minute},
		{"earlier", time.Minute, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in(t, func(t *testing.T, d *Driver) {
				var fired []time.Duration
				start := time.Now()
				tm := timer(func(time.Time) { fired = append(fired, time.Since(start)) })
				d.Start(tm, start.Add(tt.first))
				d.Start(tm, start.Add(tt.then))
				pass(time.Hour)
				if !slices.Equal(fired, []time.Duration{tt.then}) {
					t.Errorf("fired at %v, want once, at %v", fired, tt.then)
				}
			})
		})
	}
}

// TestCompletionStartsTimers restarts a timer from its own function, and stops another.
func TestCompletionStartsTimers(t *testing.T) {
	in(t, func(t *testing.T, d *Driver) {
		var ticks int
		victim := timer(func(time.Time) { t.Error("the stopped timer fired") })
		var tm *Timer
		tm = timer(func(due time.Time) {
			d.Stop(victim)
			if ticks++; ticks < 5 {
				d.Start(tm, due.Add(time.Second))
			}
		})
		start := time.Now()
		d.Start(tm, start)
		d.Start(victim, start.Add(time.Nanosecond))
		pass(time.Minute)
		if ticks != 5 {
			t.Errorf("%d ticks, want 5", ticks)
		}
	})
}

// TestExpire fires due timers on the caller's goroutine, and leaves the others armed.
func TestExpire(t *testing.T) {
	in(t, func(t *testing.T, d *Driver) {
		fired := make(chan time.Duration, 3)
		note := func(time.Time) { fired <- d.Uptime() }
		start := time.Now()
		d.Start(timer(note), start.Add(time.Second))
		d.Start(timer(note), start.Add(2*time.Second))
		if d.Due(time.Second - 1) {
			t.Error("Due before the first timer is")
		}
		d.Expire(time.Second - 1)
		if len(fired) != 0 {
			t.Error("Expire fired too early")
		}
		d.Expire(time.Second) // as if a worker's clock had reached it: the bubble's has not
		if len(fired) != 1 || <-fired != 0 {
			t.Error("Expire did not fire the first")
		}
		// The alarm rings for the first, finds nothing due, and is set for the second.
		if at := <-fired; at != 2*time.Second {
			t.Errorf("the second fired at %v", at)
		}
	})
}

// TestAttend: while no worker sleeps, timers wait for Expire, whether the alarm was set for them before or not. When a
// worker goes to sleep, the alarm rings for those that are due, and for the others when they are.
func TestAttend(t *testing.T) {
	in(t, func(t *testing.T, d *Driver) {
		var mu sync.Mutex
		var fired []string
		start := func(name string, after time.Duration) {
			d.Start(timer(func(time.Time) {
				mu.Lock()
				defer mu.Unlock()
				fired = append(fired, name)
			}), time.Now().Add(after))
		}
		want := func(names ...string) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(fired, names) {
				t.Fatalf("fired %v, want %v", fired, names)
			}
		}
		start("before", time.Second)
		d.Attend()
		start("first", 2*time.Second)
		start("second", 4*time.Second)
		start("third", 6*time.Second)
		pass(3 * time.Second)
		want()
		d.Expire(d.Uptime())
		want("before", "first")
		pass(2 * time.Second)
		want("before", "first")
		d.Unattend()
		pass(0)
		want("before", "first", "second")
		pass(time.Second)
		want("before", "first", "second", "third")
		d.Unattend()
		start("fourth", time.Second)
		pass(time.Second)
		want("before", "first", "second", "third", "fourth")
	})
}

// TestTimersFromManyGoroutines starts, restarts, stops and expires from everywhere. A timer fires
// exactly as often as it was started and not stopped.
func TestTimersFromManyGoroutines(t *testing.T) {
	d := New(Config{})
	defer closeNow(t, d)
	var fired, want, pending atomic.Int64
	idle := make(chan bool, 1)
	var users sync.WaitGroup
	pending.Add(1)
	release := func() {
		if pending.Add(-1) == 0 {
			idle <- true
		}
	}
	for seed := range uint64(4) {
		users.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 9))
			for range 2000 {
				tm := timer(func(time.Time) { fired.Add(1); release() })
				pending.Add(1)
				d.Start(tm, time.Now().Add(time.Duration(rng.IntN(2000))*time.Microsecond))
				d.Expire(d.Uptime())
				if rng.IntN(2) == 0 && d.Stop(tm) {
					release()
				} else {
					want.Add(1)
				}
			}
		})
	}
	users.Wait()
	release()
	<-idle
	if fired.Load() != want.Load() {
		t.Errorf("%d fired, want %d", fired.Load(), want.Load())
	}
	if d.timers.heap.Len() != 0 || d.Due(never-1) {
		t.Errorf("%d timers left, due: %v", d.timers.heap.Len(), d.Due(never-1))
	}
}

func BenchmarkTimer(b *testing.B) {
	for _, armed := range []int{1, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("armed=%d", armed), func(b *testing.B) {
			d := New(Config{})
			defer closeNow(b, d)
			rng := rand.New(rand.NewPCG(1, 1))
			later := func() time.Time { return time.Now().Add(time.Hour + time.Duration(rng.IntN(int(time.Hour)))) }
			timers := make([]Timer, armed)
			for i := range timers {
				d.Start(&timers[i], later())
			}
			tm := timer(func(time.Time) {})
			b.ReportAllocs()
			for b.Loop() {
				d.Start(tm, later())
				d.Stop(tm)
			}
		})
	}
}

// BenchmarkExpire measures the life of a timer that fires: it is added among others, and removed.
func BenchmarkExpire(b *testing.B) {
	for _, armed := range []int{1, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("armed=%d", armed), func(b *testing.B) {
			d := New(Config{})
			defer closeNow(b, d)
			rng := rand.New(rand.NewPCG(1, 1))
			const span = time.Second
			timers := make([]Timer, armed)
			for i := range timers {
				tm := &timers[i]
				tm.Init(func(due time.Time) { d.Start(tm, due.Add(span)) })
				d.Start(tm, d.Time(span+time.Duration(rng.IntN(int(span)))))
			}
			b.ReportAllocs()
			for b.Loop() {
				d.Expire(time.Duration(d.timers.next.Load()))
			}
		})
	}
}
