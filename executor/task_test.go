package executor

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor/driver"
)

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

// TestTimersGoFirst: a task that a timer woke is resumed before tasks that were woken earlier, also if the timer fired when
// the task had not parked yet.
func TestTimersGoFirst(t *testing.T) {
	in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
		var order []string
		park := func(name string) *Task {
			return spawn(t, e, TaskSpec{Run: func(f *Fiber) {
				_ = f.Park()
				order = append(order, name)
			}})
		}
		first, second, sleeper := park("first"), park("second"), park("sleeper")
		synctest.Wait()
		var timer driver.Timer
		timer.Init(sleeper.WakeDue)
		e.Driver().Start(&timer, time.Now().Add(time.Second))
		spawn(t, e, TaskSpec{Run: func(f *Fiber) {
			first.Wake()
			second.Wake()
			f.SetMeter(dueMeter{f.Task()}) // its timer is due when it has given up the worker
			<-time.After(2 * time.Second)
			_ = f.Park()
			order = append(order, "between")
		}})
		wait(t, e)
		if want := []string{"sleeper", "between", "first", "second"}; !slices.Equal(order, want) {
			t.Errorf("resumed in the order %v, want %v", order, want)
		}
	})
}

// dueMeter wakes its task as a timer does, before the worker parks it.
type dueMeter struct{ task *Task }

func (dueMeter) Refill(int64) {}
func (m dueMeter) Burnt() int64 {
	m.task.WakeDue(time.Now())
	return 0
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
		if got := task.Usage(); got.CPU != 0 || got.Waiting != time.Second || got.Ready != 3*time.Second {
			t.Errorf("the sleeper's usage is %+v, want 1s of waiting, then 3s of being ready", got)
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

// TestUsageAddsUp: whatever tasks do, and while they do it, the time of their lives is the time that they ran, waited and
// were ready, and the times of all of them together are those of the executor, which never go back.
func TestUsageAddsUp(t *testing.T) {
	in(t, Config{Workers: 2}, func(t *testing.T, e *Executor) {
		const tasks = 7
		var all []*Task
		var before Stats
		begin := time.Now()
		ended := make([]time.Duration, tasks)
		for i := range tasks {
			all = append(all, spawn(t, e, TaskSpec{Run: func(f *Fiber) {
				var timer driver.Timer
				timer.Init(f.Task().WakeDue)
				for n := range 20 {
					time.Sleep(time.Duration(i*n) * time.Millisecond) // as if it computed
					switch (i + n) % 4 {
					case 0:
						_ = f.Preempt()
					case 1:
						f.Task().Wake()
						_ = f.ParkFor(3)
						if w := f.LastWait(); w.Parked {
							t.Errorf("a Park that returned at once was %+v", w)
						}
					default:
						e.Driver().Start(&timer, time.Now().Add(time.Duration(n)*time.Millisecond))
						_ = f.ParkFor(WaitKind(i % 3))
						if w := f.LastWait(); w.Parked && (!w.Timer || w.Time != time.Duration(n)*time.Millisecond) {
							t.Errorf("a wait of %d ms was %+v", n, w)
						}
					}
				}
				ended[i] = time.Since(begin)
			}}))
		}
		sum := func(task *Task) time.Duration {
			u := task.Usage()
			return u.CPU + u.Waiting + u.Ready
		}
		for range 10 {
			pass(17 * time.Millisecond)
			now := e.Stats()
			checkNotBack(t, &before, &now)
			before = now
			for i, task := range all {
				if task.Phase() != Running && task.Phase() != Done && sum(task) != time.Since(begin) {
					t.Errorf("after %v task %d, %v, has used %+v", time.Since(begin), i, task.Phase(), task.Usage())
				}
			}
		}
		wait(t, e)
		for i, task := range all {
			if sum(task) != ended[i] {
				t.Errorf("task %d has lived for %v and used %+v", i, ended[i], task.Usage())
			}
		}
		after := e.Stats()
		checkNotBack(t, &before, &after)
		var ready GuestTime
		var waits [3]GuestTime
		for i, task := range all {
			u := task.Usage()
			ready += guestTimeOf(u.Ready)
			waits[i%3] += guestTimeOf(u.Waiting)
		}
		if after.ReadyTime != ready {
			t.Errorf("tasks were ready for %d us, the executor counts %d", ready, after.ReadyTime)
		}
		for kind, w := range after.Waits {
			if kind >= len(waits) {
				if w != (WaitTotal{}) {
					t.Errorf("nothing was waited for of kind %d, but there is %+v", kind, w)
				}
			} else if w.Time != waits[kind] || w.Count == 0 {
				t.Errorf("tasks have waited %d us for kind %d, the executor counts %+v", waits[kind], kind, w)
			}
		}
	})
}

// checkNotBack fails the test if a sum of times is less than before.
func checkNotBack(t *testing.T, before, now *Stats) {
	t.Helper()
	if now.ReadyTime < before.ReadyTime {
		t.Errorf("tasks were ready for %d us, after %d", now.ReadyTime, before.ReadyTime)
	}
	for kind := range now.Waits {
		if b, n := before.Waits[kind], now.Waits[kind]; n.Time < b.Time || n.Count < b.Count {
			t.Errorf("waits of kind %d were %+v, after %+v", kind, n, b)
		}
	}
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
			if !strings.Contains(p.Error(), "task_test.go") {
				t.Errorf("no trace of the body in:\n%v", p)
			}
			// The worker goes on.
			spawn(t, e, TaskSpec{Run: func(*Fiber) {}})
			wait(t, e)
		})
	}
}

func TestPhaseString(t *testing.T) {
	for phase, want := range map[Phase]string{Ready: "ready", Running: "running", Parked: "parked", Done: "done", 9: "Phase(9)"} {
		if got := phase.String(); got != want {
			t.Errorf("%d is %q, want %q", phase, got, want)
		}
	}
}

// A task spawns others for its tenant and with its fuel limit. They outlive it.
func TestTaskSpawns(t *testing.T) {
	in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
		var other *Task
		ran := false
		spawn(t, e, TaskSpec{Tenant: "x", FuelLimit: 7, Run: func(f *Fiber) {
			var err error
			if other, err = f.Task().Spawn(TaskSpec{Tenant: "y", Run: func(*Fiber) { ran = true }}); err != nil {
				t.Error(err)
			}
		}})
		wait(t, e)
		if !ran || other.Tenant() != "x" || other.limit != 7 {
			t.Errorf("ran %t, for %q, with a limit of %d", ran, other.Tenant(), other.limit)
		}
	})
}
