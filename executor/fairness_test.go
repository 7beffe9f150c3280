package executor

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reactord/reactord/executor/driver"
)

// TestWeights: two tenants that spin, one with three times the other's weight.
func TestWeights(t *testing.T) {
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
			// Virtual time stands still; with real time, other load of the machine would count.
			in(t, Config{Workers: workers, Quantum: 10_000}, func(t *testing.T, e *Executor) {
				e.SetWeight("heavy", 3)
				var light, heavy atomic.Int64
				var enough atomic.Bool
				allQueued := make(chan struct{})
				spin := func(count *atomic.Int64) func(*Fiber) {
					return func(f *Fiber) {
						<-allQueued // otherwise those spawned first would have the workers to themselves
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
				close(allQueued)
				wait(t, e)
				if ratio := float64(heavy.Load()) / float64(light.Load()); ratio < 2.8 || ratio > 3.2 {
					t.Errorf("heavy burnt %.2f times what light did, want 3", ratio)
				}
			})
		})
	}
}

// TestFloodDoesNotStarveHog: tasks that wake each other all the time, and one that spins.
func TestFloodDoesNotStarveHog(t *testing.T) {
	e := open(t, Config{Workers: 1, Quantum: 10_000})
	var over atomic.Bool
	ring := make([]*Task, 10)
	complete := make(chan struct{})
	for i := range ring {
		ring[i] = spawn(t, e, TaskSpec{Run: func(f *Fiber) {
			<-complete
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
	close(complete)
	ring[0].Wake()
	wait(t, e)
	if s := e.Stats(); s.Preemptions < 99 {
		t.Errorf("%d preemptions: the hog did not spin", s.Preemptions)
	}
}

// TestSleepersAmongHogs tests the purpose of it all: every worker is kept by tasks that never wait, and tasks that wait
// for timers are resumed within a quantum or two. BenchmarkLateness measures how late that is on a machine.
func TestSleepersAmongHogs(t *testing.T) {
	const quantum = 10_000
	const turn = quantum * time.Microsecond / fuelPerMicrosecond
	in(t, Config{Workers: 2, Quantum: quantum}, func(t *testing.T, e *Executor) {
		sleepAmongHogs(t, e, 20, 1003*time.Microsecond, func(m *tank, f *Fiber) error {
			time.Sleep(turn / 2)
			return m.burn(f, quantum/2)
		})
		if late := e.Stats().Lateness; late.Count != 400 || late.Max > 2*turn {
			t.Errorf("lateness %+v, want 400 wake-ups by timers, none later than %v", late, 2*turn)
		}
	})
}

// sleepAmongHogs has 20 tasks sleep so often for so long, and as many compute meanwhile, a step at a time.
func sleepAmongHogs(t testing.TB, e *Executor, naps int, nap time.Duration, compute func(*tank, *Fiber) error) {
	t.Helper()
	var awake atomic.Int64
	awake.Store(20)
	begin := func(body func(*Fiber)) {
		if _, err := e.Spawn(TaskSpec{Run: body}); err != nil {
			t.Fatal(err)
		}
	}
	for range awake.Load() {
		begin(func(f *Fiber) {
			m := &tank{}
			f.SetMeter(m)
			for awake.Load() > 0 && compute(m, f) == nil {
			}
		})
	}
	for range awake.Load() {
		begin(func(f *Fiber) {
			defer awake.Add(-1)
			var timer driver.Timer
			timer.Init(f.Task().WakeDue)
			for range naps {
				due := time.Now().Add(nap)
				e.Driver().Start(&timer, due)
				for time.Now().Before(due) {
					if f.Park() != nil {
						return
					}
				}
			}
		})
	}
	if err := e.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestManyFibersAreOneTask: a task of many fibers that hand over all the time gets as much as a task with one, of the same
// tenant and of another.
func TestManyFibersAreOneTask(t *testing.T) {
	for _, tenant := range []string{"many", "another"} {
		t.Run(tenant, func(t *testing.T) {
			in(t, Config{Workers: 1, Quantum: 10_000}, func(t *testing.T, e *Executor) {
				const fibers = 16
				var one, many int64
				both := make(chan struct{})
				enough := func() bool { return one+many > 5_000_000 }
				m := &tank{}
				var all []*Fiber
				spawn(t, e, TaskSpec{Tenant: "many", Turn: func(f *Fiber) Next {
					<-both
					f.SetMeter(m)
					all = append(all, f)
					for i := len(all); !enough(); i++ {
						if m.burn(f, 300) != nil {
							break
						}
						many += 300
						if len(all) < fibers {
							_ = f.Switch(nil)
						} else if next := all[i%fibers]; next != f {
							_ = f.Switch(next)
						}
					}
					return End()
				}})
				spawn(t, e, TaskSpec{Tenant: tenant, Run: func(f *Fiber) {
					m := &tank{}
					f.SetMeter(m)
					for !enough() && m.burn(f, 300) == nil {
						one += 300
					}
				}})
				close(both)
				wait(t, e)
				if ratio := float64(many) / float64(one); ratio < 0.95 || ratio > 1.05 {
					t.Errorf("%d fibers burnt %.2f times what one did", fibers, ratio)
				}
			})
		})
	}
}

// TestTurnsAmongHogs is TestSleepersAmongHogs for tasks that wait without a coroutine, beside a task of many fibers.
func TestTurnsAmongHogs(t *testing.T) {
	const quantum, naps, sleepers = 10_000, 20, 20
	const turn = quantum * time.Microsecond / fuelPerMicrosecond
	in(t, Config{Workers: 2, Quantum: quantum}, func(t *testing.T, e *Executor) {
		var awake atomic.Int64
		awake.Store(sleepers)
		for range 5 {
			m := &tank{}
			begun := 0
			spawn(t, e, TaskSpec{Turn: func(f *Fiber) Next {
				f.SetMeter(m)
				if begun++; begun < 4 {
					_ = f.Switch(nil)
				}
				for awake.Load() > 0 {
					time.Sleep(turn / 2)
					_ = m.burn(f, quantum/2)
					if fibers := f.turns.fibers; fibers[0] != f {
						_ = f.Switch(fibers[0])
					} else {
						_ = f.Switch(fibers[len(fibers)-1])
					}
				}
				return End()
			}})
		}
		for range sleepers {
			var timer driver.Timer
			left := naps
			var due time.Time
			spawn(t, e, TaskSpec{Turn: func(f *Fiber) Next {
				if time.Now().Before(due) { // woken by something else
					return Again(0)
				}
				if due.IsZero() {
					timer.Init(f.Task().WakeDue)
				} else if left--; left == 0 {
					awake.Add(-1)
					return End()
				}
				due = time.Now().Add(1003 * time.Microsecond)
				e.Driver().Start(&timer, due)
				return Again(0)
			}})
		}
		wait(t, e)
		if late := e.Stats().Lateness; late.Count != naps*sleepers || late.Max > 2*turn {
			t.Errorf("lateness %+v, want %d wake-ups by timers, none later than %v", late, naps*sleepers, 2*turn)
		}
	})
}
