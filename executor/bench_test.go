package executor

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func openBench(b *testing.B, cfg Config) *Executor {
	b.Helper()
	e, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return e
}

// BenchmarkSpawn measures the whole life of a task that does nothing.
func BenchmarkSpawn(b *testing.B) {
	e := openBench(b, Config{})
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := e.Spawn(TaskSpec{Run: func(*Fiber) {}}); err != nil {
			b.Fatal(err)
		}
	}
	if err := e.Wait(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRing passes a token around a ring of tasks: each wakes the next, and parks. A second worker cannot
// help here, and must not cost much.
func BenchmarkRing(b *testing.B) {
	for _, workers := range []int{1, 2} {
		for _, n := range []int{2, 1000} {
			b.Run(fmt.Sprintf("workers=%d/tasks=%d", workers, n), func(b *testing.B) {
				e := openBench(b, Config{Workers: workers})
				tasks := make([]*Task, n)
				left := b.N
				for i := range tasks {
					tasks[i], _ = e.Spawn(TaskSpec{Run: func(f *Fiber) {
						for f.Park() == nil {
							if left--; left <= 0 {
								for _, t := range tasks {
									t.Cancel(nil)
								}
								return
							}
							tasks[(i+1)%n].Wake()
						}
					}})
				}
				b.ReportAllocs()
				b.ResetTimer()
				tasks[0].Wake()
				if err := e.Wait(context.Background()); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// BenchmarkTurns is BenchmarkRing for tasks that wait without a coroutine.
func BenchmarkTurns(b *testing.B) {
	for _, n := range []int{2, 1000} {
		b.Run(fmt.Sprintf("tasks=%d", n), func(b *testing.B) {
			e := openBench(b, Config{Workers: 1})
			tasks := make([]*Task, n)
			left := b.N
			for i := range tasks {
				woken := false
				tasks[i], _ = e.Spawn(TaskSpec{Turn: func(f *Fiber) Next {
					switch {
					case f.Err() != nil:
						return End()
					case !woken:
						woken = true
						return Again(0)
					}
					if left--; left <= 0 {
						for _, t := range tasks {
							t.Cancel(nil)
						}
						return End()
					}
					tasks[(i+1)%n].Wake()
					return Again(0)
				}})
			}
			b.ReportAllocs()
			b.ResetTimer()
			tasks[0].Wake()
			if err := e.Wait(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkSwitch measures a switch between two fibers of a task, and what a new fiber and its end cost.
func BenchmarkSwitch(b *testing.B) {
	run := func(b *testing.B, turn func(*Fiber) Next) {
		e := openBench(b, Config{Workers: 1})
		b.ReportAllocs()
		b.ResetTimer()
		if _, err := e.Spawn(TaskSpec{Turn: turn}); err != nil {
			b.Fatal(err)
		}
		if err := e.Wait(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("there", func(b *testing.B) {
		run(b, func(f *Fiber) Next {
			other := f.turns.fibers[0]
			if other == f {
				_ = f.Switch(nil)
				other = f.turns.fibers[1]
			}
			for range b.N / 2 {
				if f.Switch(other) != nil {
					break
				}
			}
			return End()
		})
	})
	b.Run("new", func(b *testing.B) {
		run(b, func(f *Fiber) Next {
			if first := f.turns.fibers[0]; first != f {
				return SwitchTo(first)
			}
			for range b.N {
				_ = f.Switch(nil)
			}
			return End()
		})
	})
}

// BenchmarkMemory measures the memory of a task before it is first resumed, while it is parked, with the stack of its
// coroutine, and while it waits between two turns.
func BenchmarkMemory(b *testing.B) {
	const n = 100_000
	inUse := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapInuse + m.StackInuse + m.GCSys + m.OtherSys)
	}
	measure := func(spec TaskSpec) (fresh, waiting float64) {
		e, err := New(Config{Workers: 1})
		if err != nil {
			b.Fatal(err)
		}
		goOn := make(chan bool)
		if _, err := e.Spawn(TaskSpec{Run: func(*Fiber) { <-goOn }}); err != nil {
			b.Fatal(err)
		}
		before := inUse()
		for range n {
			if _, err := e.Spawn(spec); err != nil {
				b.Fatal(err)
			}
		}
		fresh = (inUse() - before) / n
		goOn <- true
		for e.Stats().Parked < n {
			runtime.Gosched()
		}
		waiting = (inUse() - before) / n
		if err := e.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		return fresh, waiting
	}
	for b.Loop() {
		_, between := measure(TaskSpec{Turn: func(*Fiber) Next { return Again(0) }})
		fresh, parked := measure(TaskSpec{Run: func(f *Fiber) { _ = f.Park() }})
		b.ReportMetric(fresh, "B/new")
		b.ReportMetric(parked, "B/parked")
		b.ReportMetric(between, "B/between-turns")
	}
}

// BenchmarkLateness measures how late tasks that wait for timers are resumed while others keep all processors.
func BenchmarkLateness(b *testing.B) {
	e := openBench(b, Config{Quantum: 10_000})
	sleepAmongHogs(b, e, b.N, time.Millisecond, func(m *tank, f *Fiber) error { return m.burn(f, 1000) })
	late := e.Stats().Lateness
	b.ReportMetric(float64(late.P50.Microseconds()), "p50-us")
	b.ReportMetric(float64(late.P99.Microseconds()), "p99-us")
}

// BenchmarkEcho measures a request over loopback TCP, answered by the same process, while tasks keep all its
// processors: each direction waits until the network is polled. See yielder.
func BenchmarkEcho(b *testing.B) {
	for _, polls := range []bool{false, true} {
		b.Run(fmt.Sprintf("polls=%v", polls), func(b *testing.B) {
			e := openBench(b, Config{})
			if !polls {
				e.yielder.polled.Store(int64(time.Hour))
			}
			var over atomic.Bool
			for range 4 {
				_, err := e.Spawn(TaskSpec{Run: func(f *Fiber) {
					for !over.Load() && f.Preempt() == nil {
						for start := time.Now(); time.Since(start) < 200*time.Microsecond; {
						}
					}
				}})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.Cleanup(func() { over.Store(true) })
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			go echo(l)
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			for e.Stats().Preemptions < 100 { // until all processors are kept
				runtime.Gosched()
			}
			var took []time.Duration
			buf := make([]byte, 1)
			for b.Loop() {
				<-time.After(time.Millisecond) // or the two ends take one processor for themselves
				start := time.Now()
				if _, err := c.Write(buf); err != nil {
					b.Fatal(err)
				}
				if _, err := c.Read(buf); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1e3, "p50-ms")
			b.ReportMetric(took[len(took)*99/100].Seconds()*1e3, "p99-ms")
		})
	}
}

// echo answers one connection until it is closed.
func echo(l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	buf := make([]byte, 1)
	for err == nil {
		if _, err = c.Read(buf); err == nil {
			_, err = c.Write(buf)
		}
	}
}

// BenchmarkYield measures the cost of yielding when no other goroutine is runnable.
func BenchmarkYield(b *testing.B) {
	y, err := newYielder()
	if err != nil {
		b.Fatal(err)
	}
	defer y.close()
	b.Run("yield", func(b *testing.B) {
		for b.Loop() {
			y.yield(0, false)
		}
	})
	b.Run("poll", func(b *testing.B) {
		var now time.Duration
		for b.Loop() {
			now += pollEvery
			y.yield(now, true)
		}
	})
}
