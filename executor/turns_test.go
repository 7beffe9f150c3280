package executor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// TestAgain: a task whose Turn returns Again waits without a coroutine, and keeps its pace and its meter.
func TestAgain(t *testing.T) {
	in(t, Config{Workers: 1, Quantum: 10_000}, func(t *testing.T, e *Executor) {
		const turns = 5
		m := &tank{}
		calls := 0
		var fibers []*Fiber
		task := spawn(t, e, TaskSpec{FuelLimit: 5000, Turn: func(f *Fiber) Next {
			if calls++; calls == 1 {
				f.SetMeter(m)
			} else if w := f.LastWait(); !w.Parked || w.Time != time.Second || w.Timer {
				t.Errorf("turn %d comes after %+v", calls, w)
			}
			fibers = append(fibers, f)
			if err := m.burn(f, 1000); err != nil {
				t.Error(err)
			}
			if calls == turns {
				if err := m.burn(f, 10_000); err != ErrOutOfFuel {
					t.Errorf("beyond the limit: %v", err)
				}
				return End()
			}
			return Again(3)
		}})
		for n := 1; n < turns; n++ {
			pass(time.Second)
			if task.Phase() != Parked || calls != n || task.fiber.next != nil {
				t.Fatalf("after %d turns, want %d, it is %v, with a coroutine: %v", calls, n, task.Phase(), task.fiber.next != nil)
			}
			task.Wake()
			synctest.Wait()
		}
		wait(t, e)
		if n := len(slices.Compact(fibers)); n != 1 {
			t.Errorf("it had %d fibers", n)
		}
		if u := task.Usage(); u.Waiting != (turns-1)*time.Second || u.Fuel != 5100 {
			t.Errorf("it has used %+v", u)
		}
		if s := e.Stats(); s.Waits[3] != (WaitTotal{Time: guestTimeOf((turns - 1) * time.Second), Count: turns - 1}) || s.Resumes != turns {
			t.Errorf("the executor counts %+v", s)
		}
	})
}

// TestAgainAtOnce: a wake-up that comes while Turn runs has it called again, without giving up the worker; a timer's counts
// as not late.
func TestAgainAtOnce(t *testing.T) {
	in(t, Config{}, func(t *testing.T, e *Executor) {
		calls := 0
		task := spawn(t, e, TaskSpec{Turn: func(f *Fiber) Next {
			switch calls++; calls {
			case 1:
				f.Task().Wake()
				f.Task().WakeDue(time.Now())
			case 2:
				if w := f.LastWait(); w != (Wait{}) {
					t.Errorf("it has waited %+v", w)
				}
			default:
				return End()
			}
			return Again(0)
		}})
		pass(time.Minute)
		if calls != 2 || task.Phase() != Parked {
			t.Errorf("%d turns, and it is %v", calls, task.Phase())
		}
		task.Wake()
		wait(t, e)
		if s := e.Stats(); s.Lateness.Count != 0 || s.Resumes != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// TestWakeBetweenAgainAndParked wakes the task when its Turn has returned and it is not parked yet.
func TestWakeBetweenAgainAndParked(t *testing.T) {
	e := open(t, Config{})
	calls := 0
	spawn(t, e, TaskSpec{Turn: func(f *Fiber) Next {
		if calls == 0 {
			f.SetMeter(&wakingMeter{f.Task()})
		}
		if calls++; calls == 1000 {
			return End()
		}
		return Again(0)
	}})
	wait(t, e)
	if calls != 1000 || e.Stats().Resumes < 1000/2 {
		t.Errorf("%d turns, %d resumes", calls, e.Stats().Resumes)
	}
}

func TestWaitHooksOfTurns(t *testing.T) {
	in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
		var got []string
		note := func(what string) { got = append(got, what) }
		calls := 0
		task := spawn(t, e, TaskSpec{
			Waits: &WaitHooks{
				OnPark:   func(task *Task) { note("park " + task.Phase().String()) },
				OnResume: func(task *Task) { note("resume " + task.Phase().String()) },
			},
			Turn: func(f *Fiber) Next {
				switch calls++; calls {
				case 1: // it waits
				case 2:
					f.Task().Wake() // it does not
				case 3:
					note("another fiber")
					_ = f.Switch(nil)
					note("goes on")
				case 4:
					_ = f.Park()
					return SwitchTo(f.turns.fibers[0])
				case 5:
					note("cancelled")
				}
				return Again(0)
			},
		})
		synctest.Wait()
		task.Wake()
		synctest.Wait()
		task.Wake()
		synctest.Wait()
		task.Cancel(errTest)
		wait(t, e)
		want := []string{
			"park running", "resume running",
			"another fiber", "park running", "resume running", "goes on",
			"park running", "resume running", "cancelled",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// trace is what the fibers of a task do, in order.
type trace struct{ steps []string }

func (tr *trace) add(format string, args ...any) {
	tr.steps = append(tr.steps, fmt.Sprintf(format, args...))
}

func (tr *trace) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(tr.steps, want) {
		t.Errorf("it did\n%s\nwant\n%s", strings.Join(tr.steps, "\n"), strings.Join(want, "\n"))
	}
}

// TestSwitch: fibers of a task hand over to each other without giving up the worker.
func TestSwitch(t *testing.T) {
	in(t, Config{}, func(t *testing.T, e *Executor) {
		var tr trace
		var a, b *Fiber
		task := spawn(t, e, TaskSpec{Turn: func(f *Fiber) Next {
			switch {
			case a == nil:
				a = f
				tr.add("a begins")
				tr.add("a is back: %v", f.Switch(nil))
				tr.add("a is back again: %v", f.Switch(b))
				return End()
			case b == nil:
				b = f
				tr.add("b begins")
				tr.add("b is back: %v", f.Switch(a))
				tr.add("b is back again: %v", f.Switch(nil))
				return SwitchTo(a)
			default:
				tr.add("c")
				return SwitchTo(b)
			}
		}})
		wait(t, e)
		tr.expect(t, "a begins", "b begins", "a is back: <nil>", "b is back: <nil>", "c",
			"b is back again: <nil>", "a is back again: <nil>")
		if s := e.Stats(); s.Resumes != 1 {
			t.Errorf("it gave up its worker: %+v", s)
		}
		if task.Err() != nil || task.Panic() != nil {
			t.Errorf("it ended with %v, %v", task.Err(), task.Panic())
		}
	})
}

// TestPreemptedFiberGoesOn: while a fiber computes, none of the others runs, whatever wakes the task, and whichever worker
// resumes it.
func TestPreemptedFiberGoesOn(t *testing.T) {
	in(t, Config{Workers: 2, Quantum: 1000}, func(t *testing.T, e *Executor) {
		var over atomic.Bool
		inTheMiddle, others := false, 0
		m := &tank{}
		task := spawn(t, e, TaskSpec{Turn: func(f *Fiber) Next {
			check := func() {
				if others++; inTheMiddle {
					t.Error("another fiber ran in the middle")
				}
			}
			if f.turns.fibers[0] != f {
				for {
					check()
					if f.Switch(f.turns.fibers[0]) != nil {
						return End()
					}
				}
			}
			f.SetMeter(m)
			_ = f.Switch(nil)
			for range 100 {
				inTheMiddle = true
				if err := m.burn(f, 5000); err != nil {
					t.Error(err)
				}
				inTheMiddle = false
				_ = f.Switch(f.turns.fibers[1])
			}
			over.Store(true)
			return End()
		}})
		spawn(t, e, TaskSpec{Run: func(f *Fiber) { // takes turns with it, and wakes it
			for m := (&tank{}); !over.Load(); {
				f.SetMeter(m)
				_ = m.burn(f, 700)
				task.Wake()
			}
		}})
		wait(t, e)
		if others < 100 || e.Stats().Preemptions < 300 {
			t.Errorf("the other fiber ran %d times, with %d preemptions", others, e.Stats().Preemptions)
		}
	})
}

// TestUnwinding: however a task ends, all of its fibers run to their ends: the one that runs, then the others, the youngest
// first. Then the task is done.
func TestUnwinding(t *testing.T) {
	const last = 3 // fibers 0 to 2 are suspended, and this one runs
	tests := []struct {
		name string
		run  func(*Fiber) Next // on the last
		end  func(*Executor, *Task)
		want error // what the suspended fibers get
	}{
		{name: "the last fiber ends it", run: func(*Fiber) Next { return End() }, want: ErrEnded},
		{name: "the first fiber ends it", run: func(f *Fiber) Next { return SwitchTo(f.turns.fibers[0]) }, want: ErrEnded},
		{name: "parked", run: func(f *Fiber) Next { _ = f.Park(); return Again(0) }, end: cancelIt, want: errTest},
		{name: "between two turns", run: func(*Fiber) Next { return Again(0) }, end: cancelIt, want: errTest},
		{name: "computing", run: func(f *Fiber) Next {
			for f.Preempt() == nil {
				time.Sleep(time.Millisecond)
			}
			return Again(0)
		}, end: cancelIt, want: errTest},
		{name: "cancelled by itself", run: func(f *Fiber) Next {
			f.Task().Cancel(errTest)
			return SwitchTo(f.turns.fibers[1])
		}, want: errTest},
		{name: "cancelled, and switches", run: func(f *Fiber) Next {
			f.Task().Cancel(errTest)
			if err := errors.Join(f.Switch(nil), f.Switch(f.turns.fibers[0])); !errors.Is(err, errTest) {
				t.Errorf("a switch of a cancelled task: %v", err)
			}
			return End()
		}, want: errTest},
		{name: "a panic", run: func(*Fiber) Next { panic("boom") }, want: ErrEnded},
		{name: "a panic in a later turn", run: func(f *Fiber) Next {
			if f.LastWait().Parked {
				panic("boom")
			}
			return Again(0)
		}, end: func(_ *Executor, task *Task) { task.Wake() }, want: ErrEnded},
		{name: "Goexit", run: func(*Fiber) Next { runtime.Goexit(); return Again(0) }, want: ErrEnded},
		{name: "out of fuel", run: func(f *Fiber) Next {
			m := &tank{}
			f.SetMeter(m)
			if err := m.burn(f, 1_000_000); err != ErrOutOfFuel {
				t.Errorf("it got %v", err)
			}
			return End()
		}, want: ErrEnded},
		{name: "the executor is closed", run: func(*Fiber) Next { return Again(0) },
			end: func(e *Executor, _ *Task) { go func() { _ = e.Close(context.Background()) }() }, want: ErrClosed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
				var tr trace
				begun := 0
				task := spawn(t, e, TaskSpec{
					FuelLimit: 500_000,
					Done:      func(*Task) { tr.add("done") },
					Turn: func(f *Fiber) Next {
						n := begun
						begun++
						if n > last { // a task that waits has a turn more
							return tt.run(f)
						}
						defer tr.add("%d ended", n)
						if n == last {
							return tt.run(f)
						}
						err := f.Switch(nil)
						if err == nil && n == 0 && tt.name == "the first fiber ends it" {
							return End()
						}
						again := []error{f.Err(), f.Switch(nil), f.Park(), f.Preempt()}
						if err != tt.want || slices.ContainsFunc(again, func(err error) bool { return err != tt.want }) {
							t.Errorf("fiber %d got %v, then %v, want %v", n, err, again, tt.want)
						}
						f.Yield() // which is for long work that has to be done even now
						if n > 0 {
							return SwitchTo(f.turns.fibers[0]) // it is too late for that
						}
						return Again(0)
					},
				})
				pass(10 * time.Millisecond)
				if tt.end != nil {
					tt.end(e, task)
				}
				wait(t, e)
				want := []string{"3 ended", "2 ended", "1 ended", "0 ended", "done"}
				if tt.name == "the first fiber ends it" {
					want = []string{"3 ended", "0 ended", "2 ended", "1 ended", "done"}
				}
				tr.expect(t, want...)
				if begun > last+2 {
					t.Errorf("%d calls of Turn", begun)
				}
			})
		})
	}
}

// TestUnwindingTakesTurns: others have their turns while many fibers are unwound that take long.
func TestUnwindingTakesTurns(t *testing.T) {
	in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
		const fibers = 100
		begun, ended := 0, 0
		task := spawn(t, e, TaskSpec{Turn: func(f *Fiber) Next {
			if begun++; begun < fibers {
				_ = f.Switch(nil)
			} else {
				_ = f.Park()
			}
			time.Sleep(100 * time.Microsecond)
			ended++
			return End()
		}})
		synctest.Wait()
		seen := []int{0}
		spawn(t, e, TaskSpec{Run: func(f *Fiber) {
			task.Cancel(errTest)
			for last := 0; last < fibers; last = ended {
				_ = f.Preempt()
				seen = append(seen, ended)
			}
		}})
		wait(t, e)
		for i := range len(seen) - 1 {
			if n := seen[i+1] - seen[i]; n > 2 { // which take 200 us, a quantum
				t.Fatalf("%d fibers were unwound at a stretch", n)
			}
		}
	})
}

// TestPanicOfContinuedFiber: a panic ends the task, whatever Turn has returned on other fibers.
func TestPanicOfContinuedFiber(t *testing.T) {
	e := open(t, Config{})
	calls := 0
	task := spawn(t, e, TaskSpec{Turn: func(f *Fiber) Next {
		if calls++; calls > 1 {
			return SwitchTo(f.turns.fibers[0])
		}
		_ = f.Switch(nil)
		panic("boom")
	}})
	wait(t, e)
	if p := task.Panic(); p == nil || p.Value != "boom" || calls != 2 {
		t.Errorf("Panic = %v, after %d calls of Turn", p, calls)
	}
}

func cancelIt(_ *Executor, task *Task) { task.Cancel(errTest) }

// TestFirstPanicIsKept: fibers that panic while they are unwound hide neither each other nor the cause.
func TestFirstPanicIsKept(t *testing.T) {
	e := open(t, Config{})
	n := 0
	task := spawn(t, e, TaskSpec{Turn: func(f *Fiber) Next {
		if n++; n < 4 {
			_ = f.Switch(nil)
			if n--; n == 2 {
				runtime.Goexit()
			}
			panic("later")
		}
		panic("first")
	}})
	wait(t, e)
	if p := task.Panic(); p == nil || p.Value != "first" || n != 1 {
		t.Errorf("Panic = %v, and %d fibers did not end", p, n-1)
	}
}

// TestMisplacedSwitch: only a fiber that is suspended is switched to, by a fiber of its task. Anything else is a panic of the
// body.
func TestMisplacedSwitch(t *testing.T) {
	e := open(t, Config{})
	var ended *Fiber
	wait(t, e)
	spawn(t, e, TaskSpec{Turn: func(f *Fiber) Next { ended = f; return End() }})
	wait(t, e)
	for name, turn := range map[string]func(*Fiber) Next{
		"itself":          func(f *Fiber) Next { _ = f.Switch(f); return End() },
		"itself, ended":   SwitchTo,
		"of another task": func(f *Fiber) Next { _ = f.Switch(ended); return End() },
	} {
		task := spawn(t, e, TaskSpec{Turn: turn})
		wait(t, e)
		if p := task.Panic(); p == nil || !strings.Contains(fmt.Sprint(p.Value), "not suspended") {
			t.Errorf("%s: %v", name, p)
		}
	}
}

// TestCancelBeforeFirstTurn: Turn is not called, Done is.
func TestCancelBeforeFirstTurn(t *testing.T) {
	in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
		blocked, done := make(chan bool), false
		spawn(t, e, TaskSpec{Run: func(*Fiber) { <-blocked }})
		synctest.Wait()
		task := spawn(t, e, TaskSpec{
			Turn: func(*Fiber) Next { t.Error("Turn was called"); return End() },
			Done: func(*Task) { done = true },
		})
		task.Cancel(errTest)
		blocked <- true
		wait(t, e)
		if !done {
			t.Error("Done was not called")
		}
	})
}

// TestIdleCoroutines: fibers that begin after others have ended run on their coroutines; a worker keeps a bounded number.
func TestIdleCoroutines(t *testing.T) {
	in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
		var kept *coroutines
		idle := func() int { return len(kept.idle) }
		for range 100 {
			spawn(t, e, TaskSpec{Run: func(f *Fiber) { kept = f.use.idle }})
			spawn(t, e, TaskSpec{Run: func(*Fiber) { panic("boom") }})
			wait(t, e)
		}
		if idle() != 1 {
			t.Errorf("%d coroutines for one task after the other", idle())
		}
		spawn(t, e, TaskSpec{Run: func(*Fiber) { runtime.Goexit() }})
		wait(t, e)
		if idle() != 0 {
			t.Errorf("%d coroutines after the end of one", idle())
		}
		var tasks []*Task
		for range 3 * mostIdle {
			tasks = append(tasks, spawn(t, e, TaskSpec{Turn: func(f *Fiber) Next { _ = f.Park(); return End() }}))
		}
		synctest.Wait()
		for _, task := range tasks {
			task.Wake()
		}
		wait(t, e)
		if idle() != mostIdle {
			t.Errorf("%d coroutines are kept, want %d", idle(), mostIdle)
		}
	})
}

// TestSizes: resuming one task of a hundred thousand fetches its first cache line and its fiber from memory.
func TestSizes(t *testing.T) {
	if size := unsafe.Sizeof(Fiber{}); size > 64 {
		t.Errorf("a Fiber takes %d bytes, more than a cache line", size)
	}
	if end := unsafe.Offsetof(Task{}.readied) + unsafe.Sizeof(Task{}.readied); end > 64 {
		t.Errorf("what a wake-up and a resume touch of a Task takes %d bytes, more than a cache line", end)
	}
}

// TestCancelledAtTheLastMoment: a task that is cancelled while its Turn is about to wait has it called once more, to clean up.
func TestCancelledAtTheLastMoment(t *testing.T) {
	in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
		calls := 0
		spawn(t, e, TaskSpec{Turn: func(f *Fiber) Next {
			calls++
			f.Task().Cancel(errTest) // as somebody else may, at this moment
			return Again(1)
		}})
		wait(t, e)
		if calls != 2 {
			t.Errorf("Turn was called %d times, want 2", calls)
		}
	})
}
