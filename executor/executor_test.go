package executor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
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

// pass lets virtual time pass, and what is to happen in it happen.
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

// tank is a meter that a test's body burns by hand, as a guest would: below zero it must preempt.
type tank struct{ quantum, left int64 }

func (m *tank) Refill(quantum int64) { m.quantum, m.left = quantum, quantum }
func (m *tank) Burnt() int64         { return m.quantum - m.left }

// burn burns fuel in small charges and preempts when it is spent.
func (m *tank) burn(f *Fiber, fuel int64) error {
	const charge = 100
	for ; fuel > 0; fuel -= charge {
		if m.left -= charge; m.left < 0 {
			if err := f.Preempt(); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestTaskRunsOnce(t *testing.T) {
	in(t, Config{}, func(t *testing.T, e *Executor) {
		var order []string
		task := spawn(t, e, TaskSpec{
			Run: func(f *Fiber) {
				order = append(order, "run "+f.Task().Phase().String())
			},
			Done: func(task *Task) { order = append(order, "done "+task.Phase().String()) },
		})
		wait(t, e)
		if want := []string{"run running", "done done"}; !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
		if task.Err() != nil || task.Panic() != nil {
			t.Errorf("Err, Panic = %v, %v", task.Err(), task.Panic())
		}
		task.Wake()
		task.Cancel(errTest) // too late to matter
	})
}

// TestWakeInEveryPhase wakes a task before it has run, while it runs, while it is parked, while it
// is ready, and when it is done. A Wake counts for one Park, and several before it for one.
func TestWakeInEveryPhase(t *testing.T) {
	in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
		goOn := make(chan bool)
		parks := 0
		task := spawn(t, e, TaskSpec{Run: func(f *Fiber) {
			park := func() {
				if err := f.Park(); err != nil {
					t.Error(err)
				}
				parks++
			}
			park() // the Wake before it ran
			<-goOn
			park() // the Wake while it ran
			park() // the Wake while it is parked
			if err := f.Preempt(); err != nil {
				t.Error(err)
			}
			park() // the Wake while it was preempted
			park()
		}})
		blocked := make(chan bool)
		blocker := func(*Fiber) { <-blocked } // keeps the only worker
		// task is queued: a worker may or may not have begun with it.
		task.Wake()
		task.Wake()
		synctest.Wait()
		expect := func(phase Phase, n int) {
			t.Helper()
			if got := task.Phase(); got != phase || parks != n {
				t.Fatalf("%s after %d parks, want %s after %d", got, parks, phase, n)
			}
		}
		expect(Running, 1)
		task.Wake()
		task.Wake()
		goOn <- true
		synctest.Wait()
		expect(Parked, 2)

		spawn(t, e, TaskSpec{Run: blocker})
		synctest.Wait()
		task.Wake()
		expect(Ready, 2)
		task.Wake()
		// It will be preempted, and behind it a blocker waits. Wake it then.
		spawn(t, e, TaskSpec{Run: blocker})
		blocked <- true
		synctest.Wait()
		expect(Ready, 3)
		task.Wake()
		blocked <- true
		synctest.Wait()
		expect(Parked, 4)
		task.Wake()
		wait(t, e)
		expect(Done, 5)
		task.Wake()
	})
}

// wakingMeter wakes its task when the worker reads it, which is when the fiber has come back to park
// and the task is not parked yet.
type wakingMeter struct{ task *Task }

func (*wakingMeter) Refill(int64) {}
func (m *wakingMeter) Burnt() int64 {
	m.task.Wake()
	return 0
}

func TestWakeBetweenParkAndParked(t *testing.T) {
	e := open(t, Config{})
	task := spawn(t, e, TaskSpec{Run: func(f *Fiber) {
		f.SetMeter(&wakingMeter{f.Task()})
		for range 1000 {
			if err := f.Park(); err != nil {
				t.Error(err)
			}
		}
	}})
	wait(t, e)
	if resumes := e.Stats().Resumes; resumes < 1000/2 {
		t.Errorf("%d resumes: the wake-ups did not come between", resumes)
	}
	if u := task.Usage(); u.Fuel != 0 {
		t.Errorf("usage %+v", u)
	}
}

func TestTimerWakesTask(t *testing.T) {
	in(t, Config{}, func(t *testing.T, e *Executor) {
		const naps = 100
		var slept []time.Duration
		task := spawn(t, e, TaskSpec{Run: func(f *Fiber) {
			var timer driver.Timer
			timer.Init(f.Task().WakeDue)
			for range naps {
				start := time.Now()
				e.Driver().Start(&timer, start.Add(5*time.Millisecond))
				if err := f.Park(); err != nil {
					t.Error(err)
				}
				slept = append(slept, time.Since(start))
			}
		}})
		wait(t, e)
		for _, d := range slept {
			if d != 5*time.Millisecond {
				t.Errorf("slept %v, want 5ms", d)
			}
		}
		late := e.Stats().Lateness
		if late.Count != naps || late.Max != 0 {
			t.Errorf("lateness %+v, want %d wake-ups, none late", late, naps)
		}
		if u := task.Usage(); u.Waiting != naps*5*time.Millisecond || u.CPU != 0 {
			t.Errorf("usage %+v, want 500ms of waiting", u)
		}
	})
}

// TestLateness has the only worker busy for a while when a timer is due.
func TestLateness(t *testing.T) {
	in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
		task := spawn(t, e, TaskSpec{Run: func(f *Fiber) { _ = f.Park() }})
		synctest.Wait()
		var timer driver.Timer
		timer.Init(task.WakeDue)
		e.Driver().Start(&timer, time.Now().Add(time.Second))
		hog := spawn(t, e, TaskSpec{Run: func(*Fiber) { <-time.After(4 * time.Second) }})
		wait(t, e)
		want := 3 * time.Second
		if late := e.Stats().Lateness; late.Count != 1 || late.P50 != want || late.P99 != want || late.Max != want {
			t.Errorf("lateness %+v, want 3s once", late)
		}
		if got := hog.Usage(); got.CPU != 4*time.Second || got.Waiting != 0 {
			t.Errorf("the hog's usage is %+v, want 4s of CPU", got)
		}
		if got := task.Usage(); got.CPU != 0 || got.Waiting != 4*time.Second {
			t.Errorf("the sleeper's usage is %+v, want 4s of waiting", got)
		}
		if busy := e.Stats().Busy; busy != 4*time.Second {
			t.Errorf("busy for %v, want 4s", busy)
		}
	})
}

// TestStickyTimerIsNotLate: a timer that wakes a running task says nothing of how late it is
// resumed.
func TestStickyTimerIsNotLate(t *testing.T) {
	in(t, Config{}, func(t *testing.T, e *Executor) {
		task := spawn(t, e, TaskSpec{Run: func(f *Fiber) {
			f.Task().WakeDue(time.Now())
			if err := f.Park(); err != nil {
				t.Error(err)
			}
			_ = f.Park()
		}})
		pass(time.Minute)
		task.Wake()
		wait(t, e)
		if late := e.Stats().Lateness; late.Count != 0 {
			t.Errorf("lateness %+v, want none", late)
		}
	})
}

func TestUsageWhileParked(t *testing.T) {
	in(t, Config{}, func(t *testing.T, e *Executor) {
		pass(time.Second)
		start := time.Now()
		task := spawn(t, e, TaskSpec{Run: func(f *Fiber) { _ = f.Park() }})
		pass(time.Minute)
		if since := task.ParkedSince(); !since.Equal(start) {
			t.Errorf("ParkedSince = %v, want %v", since, start)
		}
		if got := task.Usage().Waiting; got != time.Minute {
			t.Errorf("waiting for %v, want 1m", got)
		}
		task.Wake()
		wait(t, e)
		if since := task.ParkedSince(); !since.IsZero() {
			t.Errorf("ParkedSince of a task that is done = %v", since)
		}
		if got := task.Usage().Waiting; got != time.Minute {
			t.Errorf("waited for %v, want 1m", got)
		}
	})
}

func TestCancel(t *testing.T) {
	other := errors.New("another cause")
	tests := []struct {
		name string
		run  func(*Fiber) error
	}{
		{"parked", func(f *Fiber) error { return f.Park() }},
		{"parked again", func(f *Fiber) error { _ = f.Park(); return f.Park() }},
		{"spinning", func(f *Fiber) error {
			for {
				if err := f.Preempt(); err != nil {
					return err
				}
			}
		}},
		{"asking", func(f *Fiber) error { _ = f.Park(); return f.Err() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := open(t, Config{})
			began, got := make(chan bool), make(chan error, 1)
			task := spawn(t, e, TaskSpec{Run: func(f *Fiber) {
				close(began)
				got <- tt.run(f)
			}})
			<-began
			task.Cancel(errTest)
			task.Cancel(other)
			if err := <-got; err != errTest {
				t.Errorf("the body got %v, want the first cause", err)
			}
			if err := task.Err(); err != errTest {
				t.Errorf("Err = %v, want the first cause", err)
			}
		})
	}
}

// TestCancelledTaskGivesNothingUp: Park and Preempt of a task that is cancelled return at once.
func TestCancelledTaskGivesNothingUp(t *testing.T) {
	e := open(t, Config{})
	spawn(t, e, TaskSpec{Run: func(f *Fiber) {
		f.Task().Cancel(errTest)
		for range 3 {
			if err := errors.Join(f.Preempt(), f.Park()); !errors.Is(err, errTest) {
				t.Errorf("Preempt and Park of a cancelled task: %v", err)
			}
		}
	}})
	wait(t, e)
	if s := e.Stats(); s.Resumes != 1 || s.Preemptions != 0 || s.ParkedPeak != 0 {
		t.Errorf("it gave up its worker: %+v", s)
	}
}

func TestCancelWithoutCause(t *testing.T) {
	e := open(t, Config{})
	task := spawn(t, e, TaskSpec{Run: func(f *Fiber) { _ = f.Park() }})
	task.Cancel(nil)
	wait(t, e)
	if err := task.Err(); err != context.Canceled {
		t.Errorf("Err = %v, want context.Canceled", err)
	}
}

// TestCancelBeforeFirstResume: the body is not called, Done is.
func TestCancelBeforeFirstResume(t *testing.T) {
	in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
		blocked := make(chan bool)
		spawn(t, e, TaskSpec{Run: func(*Fiber) { <-blocked }})
		synctest.Wait()
		var done error
		task := spawn(t, e, TaskSpec{
			Run:  func(*Fiber) { t.Error("the body was called") },
			Done: func(task *Task) { done = task.Err() },
		})
		task.Cancel(errTest)
		blocked <- true
		wait(t, e)
		if done != errTest {
			t.Errorf("Done saw %v, want the cause", done)
		}
	})
}

func TestFuelLimit(t *testing.T) {
	const quantum = 10_000
	tests := []struct {
		limit uint64
		burn  int64
		want  error
		fuel  uint64 // burnt in all: above the limit by at most a charge
	}{
		{limit: 0, burn: 50_000, fuel: 50_000},
		{limit: 50_000, burn: 50_000, fuel: 50_000},
		{limit: 50_000, burn: 50_100, want: ErrOutOfFuel, fuel: 50_100},
		{limit: 25_000, burn: 100_000, want: ErrOutOfFuel, fuel: 25_100},
		{limit: 1, burn: 100_000, want: ErrOutOfFuel, fuel: 100},
		{limit: 1 << 63, burn: 30_000, fuel: 30_000},
	}
	for _, tt := range tests {
		for _, parks := range []bool{false, true} {
			t.Run(fmt.Sprintf("limit=%d,burn=%d,parks=%v", tt.limit, tt.burn, parks), func(t *testing.T) {
				e := open(t, Config{Quantum: quantum})
				var err error
				task := spawn(t, e, TaskSpec{FuelLimit: tt.limit, Run: func(f *Fiber) {
					m := &tank{}
					f.SetMeter(m)
					for left := tt.burn; left > 0 && err == nil; left -= 100 {
						if err = m.burn(f, 100); err == nil && parks {
							f.Task().Wake()
							err = f.Park()
						}
					}
				}})
				wait(t, e)
				if err != tt.want {
					t.Errorf("the body got %v, want %v", err, tt.want)
				}
				if got := task.Usage().Fuel; got != tt.fuel {
					t.Errorf("burnt %d, want %d", got, tt.fuel)
				}
				if got := e.Stats().Fuel; got != tt.fuel {
					t.Errorf("the executor counts %d, want %d", got, tt.fuel)
				}
			})
		}
	}
}

// TestSetMeter replaces meters within one quantum: all that was burnt is counted, and counts
// against the limit.
func TestSetMeter(t *testing.T) {
	e := open(t, Config{Quantum: 10_000})
	var refilled int64
	task := spawn(t, e, TaskSpec{FuelLimit: 15_000, Run: func(f *Fiber) {
		for range 3 {
			m := &tank{}
			f.SetMeter(m)
			refilled = m.left
			m.left -= 4000
		}
		f.SetMeter(nil)
	}})
	wait(t, e)
	if got := task.Usage().Fuel; got != 12_000 {
		t.Errorf("burnt %d, want 12000", got)
	}
	if refilled != 7000 {
		t.Errorf("the third meter was given %d, want the 7000 that were left", refilled)
	}
}

func TestPanic(t *testing.T) {
	e := open(t, Config{Workers: 1})
	boom := errors.New("boom")
	tests := []struct {
		name string
		run  func(*Fiber)
		want any
	}{
		{"panic", func(*Fiber) { panic(boom) }, boom},
		{"panic after a switch", func(f *Fiber) { _ = f.Preempt(); panic("late") }, "late"},
		{"Goexit", func(*Fiber) { runtime.Goexit() }, "runtime.Goexit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var done int
			task := spawn(t, e, TaskSpec{Run: tt.run, Done: func(task *Task) {
				done++
				if task.Panic() == nil {
					t.Error("Done does not see the panic")
				}
			}})
			wait(t, e)
			p := task.Panic()
			if p == nil || p.Value != tt.want || done != 1 {
				t.Fatalf("Panic = %v, done %d times", p, done)
			}
			if err, ok := tt.want.(error); ok && !errors.Is(p, err) {
				t.Error("the panic does not unwrap to the error it was called with")
			}
			if !strings.Contains(p.Error(), "executor_test.go") {
				t.Errorf("no trace of the body in:\n%v", p)
			}
			// The worker goes on.
			spawn(t, e, TaskSpec{Run: func(*Fiber) {}})
			wait(t, e)
		})
	}
}

// TestWeights: two tenants that spin, one with three times the other's weight.
func TestWeights(t *testing.T) {
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
			e := open(t, Config{Workers: workers, Quantum: 10_000})
			e.SetWeight("heavy", 3)
			var light, heavy atomic.Int64
			var enough atomic.Bool
			spin := func(count *atomic.Int64) func(*Fiber) {
				return func(f *Fiber) {
					m := &tank{}
					f.SetMeter(m)
					for !enough.Load() {
						if m.burn(f, 1000) != nil {
							return
						}
						if count.Add(1000); light.Load()+heavy.Load() > 20_000_000 {
							enough.Store(true)
						}
					}
				}
			}
			for range 4 {
				spawn(t, e, TaskSpec{Tenant: "light", Run: spin(&light)})
				spawn(t, e, TaskSpec{Tenant: "heavy", Run: spin(&heavy)})
			}
			wait(t, e)
			if ratio := float64(heavy.Load()) / float64(light.Load()); ratio < 2.8 || ratio > 3.2 {
				t.Errorf("heavy burnt %.2f times what light did, want 3", ratio)
			}
		})
	}
}

// TestFloodDoesNotStarveHog: tasks that wake each other all the time, and one that spins.
func TestFloodDoesNotStarveHog(t *testing.T) {
	e := open(t, Config{Workers: 1, Quantum: 10_000})
	var over atomic.Bool
	ring := make([]*Task, 10)
	var mu sync.Mutex
	mu.Lock()
	for i := range ring {
		ring[i] = spawn(t, e, TaskSpec{Run: func(f *Fiber) {
			mu.Lock() // the ring is complete
			mu.Unlock()
			for !over.Load() && f.Park() == nil {
				ring[(i+1)%len(ring)].Wake()
				ring[(i+7)%len(ring)].Wake()
			}
		}})
	}
	spawn(t, e, TaskSpec{Run: func(f *Fiber) {
		m := &tank{}
		f.SetMeter(m)
		if err := m.burn(f, 1_000_000); err != nil {
			t.Error(err)
		}
		over.Store(true)
		for _, task := range ring {
			task.Wake()
		}
	}})
	mu.Unlock()
	ring[0].Wake()
	wait(t, e)
	if s := e.Stats(); s.Preemptions < 99 {
		t.Errorf("%d preemptions: the hog did not spin", s.Preemptions)
	}
}

// TestSleepersAmongHogs is what it is all for: every worker is kept by tasks that never wait, and
// those that wait for timers are resumed within a few quanta.
func TestSleepersAmongHogs(t *testing.T) {
	e := open(t, Config{Quantum: 10_000})
	var over atomic.Bool
	for range 4 {
		spawn(t, e, TaskSpec{Run: func(f *Fiber) {
			m := &tank{}
			f.SetMeter(m)
			for !over.Load() && m.burn(f, 1000) == nil {
			}
		}})
	}
	var sleepers atomic.Int64
	sleepers.Store(20)
	for range sleepers.Load() {
		spawn(t, e, TaskSpec{Run: func(f *Fiber) {
			var timer driver.Timer
			timer.Init(f.Task().WakeDue)
			for range 20 {
				due := time.Now().Add(time.Millisecond)
				e.Driver().Start(&timer, due)
				for time.Now().Before(due) {
					if f.Park() != nil {
						return
					}
				}
			}
			if sleepers.Add(-1) == 0 {
				over.Store(true)
			}
		}})
	}
	wait(t, e)
	s := e.Stats()
	t.Logf("lateness %+v", s.Lateness)
	if s.Lateness.Count < 300 {
		t.Errorf("%d wake-ups by timers, want 400 or a few less", s.Lateness.Count)
	}
	// A quantum is some 10 us here. The bound is for a machine that is busy otherwise.
	if s.Lateness.P50 > 5*time.Millisecond {
		t.Errorf("lateness at the median is %v", s.Lateness.P50)
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
		blocked := make(chan bool)
		for range 3 {
			spawn(t, e, TaskSpec{Run: func(*Fiber) { <-blocked }})
		}
		synctest.Wait()
		tasks[0].Wake()
		s := e.Stats()
		if s.Workers != 2 || s.Parked != 9 || s.Running != 2 || s.Ready != 2 || s.ParkedPeak != 10 || s.Resumes != 10 {
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

// TestSleepingWorkersAreCalled: tasks that become ready together, each of which keeps its worker,
// get a worker each.
func TestSleepingWorkersAreCalled(t *testing.T) {
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
					if err := body(f); err != ErrClosed {
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
	if _, err := e.Spawn(TaskSpec{Run: func(*Fiber) {}}); err != ErrClosed {
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
			if err := f.Park(); err != ErrClosed {
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

func TestPhaseString(t *testing.T) {
	for phase, want := range map[Phase]string{Ready: "ready", Running: "running", Parked: "parked", Done: "done", 9: "Phase(9)"} {
		if got := phase.String(); got != want {
			t.Errorf("%d is %q, want %q", phase, got, want)
		}
	}
}
