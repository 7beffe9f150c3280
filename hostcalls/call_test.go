package hostcalls

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
)

var errStop = errors.New("stop")

// running is a guest and its only call.
type running struct {
	Guest
	Call
}

func newRunning(f *executor.Fiber, d *driver.Driver) *running {
	g := new(running)
	g.Guest.Init(d, "")
	g.Call.Init(&g.Guest, f)
	return g
}

// onFiber runs body on the fiber of a new executor, and returns when both have ended.
func onFiber(t testing.TB, body func(*running)) {
	t.Helper()
	run, task := start(t, body)
	run()
	if p := task.Panic(); p != nil {
		t.Fatal(p)
	}
}

// start spawns body on the fiber of a new executor; wait waits for its end, and the executor's.
func start(t testing.TB, body func(*running)) (wait func(), _ *executor.Task) {
	t.Helper()
	e, err := executor.New(executor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	task, err := e.Spawn(executor.TaskSpec{
		Run: func(f *executor.Fiber) {
			g := newRunning(f, e.Driver())
			body(g)
		},
		Done: func(*executor.Task) { close(done) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		<-done
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}, task
}

// signal is a Notifier that is ready once told.
type signal struct {
	mu    sync.Mutex
	set   bool
	ready func()
}

func (s *signal) Notify(ready func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set {
		return readyNow(ready)
	}
	s.ready = ready
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ready = nil
	}
}

func (s *signal) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set = true
	if s.ready != nil {
		s.ready()
	}
}

func (s *signal) armed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready != nil
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		onFiber(t, func(g *running) {
			for i := 1; i <= 3; i++ {
				if err := g.Sleep(time.Now().Add(time.Hour)); err != nil {
					t.Error(err)
				}
				if got, want := time.Since(begin), time.Duration(i)*time.Hour; got != want {
					t.Errorf("slept until %v, want %v", got, want)
				}
			}
			if err := g.Sleep(begin); err != nil {
				t.Error(err)
			}
		})
		if got := time.Since(begin); got != 3*time.Hour {
			t.Errorf("sleeping until a time that has passed took %v", got-3*time.Hour)
		}
	})
}

// TestSleepToleratesSpuriousWakes: a spurious wake-up does not end a sleep.
func TestSleepToleratesSpuriousWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		wait, task := start(t, func(g *running) {
			if err := g.Sleep(begin.Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
		for range 10 {
			synctest.Wait()
			task.Wake()
		}
		wait()
		if got := time.Since(begin); got != time.Hour {
			t.Errorf("slept for %v, want an hour", got)
		}
	})
}

func TestCancelEndsSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		wait, task := start(t, func(g *running) {
			if err := g.Sleep(begin.Add(time.Hour)); !errors.Is(err, errStop) {
				t.Errorf("Sleep = %v, want the cause", err)
			}
			if err := g.Err(); !errors.Is(err, errStop) {
				t.Errorf("Err = %v, want the cause", err)
			}
			if ops := g.AppendOps(nil); ops != nil {
				t.Errorf("ops are left: %v", ops)
			}
		})
		synctest.Wait()
		task.Cancel(errStop)
		wait()
		if got := time.Since(begin); got != 0 {
			t.Errorf("the cancel took %v", got)
		}
	})
}

// TestTimeOfPoll: what else a poll waits for does not end with its time.
func TestTimeOfPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		due := begin.Add(time.Hour)
		var guest *running
		a := new(signal)
		wait, _ := start(t, func(g *running) {
			guest = g
			if err := g.AwaitAny(due, Wait{Op: Op{Kind: OpAccept, Target: "127.0.0.1:80"}, On: a}); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		want := []Op{{Kind: OpAccept, Target: "127.0.0.1:80", Start: begin}, {Kind: OpTimer, Start: begin, Deadline: due}}
		if diff := cmp.Diff(want, guest.AppendOps(nil)); diff != "" {
			t.Errorf("Ops (-want +got):\n%s", diff)
		}
		wait()
		if got := time.Since(begin); got != time.Hour {
			t.Errorf("waited %v", got)
		}
	})
}

func TestOps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		due := begin.Add(time.Hour)
		var guest *running
		a, b := new(signal), new(signal)
		wait, _ := start(t, func(g *running) {
			guest = g
			err := g.Await(due,
				Wait{Op: Op{Kind: OpRead, Target: "stdin", Bytes: 512}, On: a},
				Wait{Op: Op{Kind: OpAccept, Target: "127.0.0.1:80"}, On: b})
			if err != nil {
				t.Error(err)
			}
			if a.armed() || b.armed() {
				t.Error("Await left a Notifier armed")
			}
		})
		synctest.Wait()
		want := []Op{
			{Kind: OpRead, Target: "stdin", Bytes: 512, Start: begin, Deadline: due},
			{Kind: OpAccept, Target: "127.0.0.1:80", Start: begin, Deadline: due},
		}
		if diff := cmp.Diff(want, guest.AppendOps(nil)); diff != "" {
			t.Errorf("Ops (-want +got):\n%s", diff)
		}
		b.tell()
		wait()
		if ops := guest.AppendOps(nil); ops != nil {
			t.Errorf("ops after the wait: %v", ops)
		}
		if got := time.Since(begin); got != 0 {
			t.Errorf("waited %v for what was ready", got)
		}
	})
}

func TestAwaitDoesNotParkForWhatIsPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		onFiber(t, func(g *running) {
			past, ready, never := time.Now(), new(signal), new(signal)
			ready.tell()
			told := false
			err := g.Await(past, Wait{On: notifierFunc(func(f func()) func() {
				told = true
				return ready.Notify(f)
			})}, Wait{On: never})
			if err != nil || !told || never.armed() {
				t.Errorf("Await = %v; told: %v; left armed: %v", err, told, never.armed())
			}
		})
	})
}

type notifierFunc func(ready func()) (stop func())

func (f notifierFunc) Notify(ready func()) (stop func()) { return f(ready) }

func TestBlocking(t *testing.T) {
	onFiber(t, func(g *running) {
		answer := 0
		if err := g.Blocking(Op{Kind: OpFile}, driver.Lane{}, func() { answer = 42 }, nil); err != nil {
			t.Error(err)
		}
		if answer != 42 {
			t.Errorf("the job's answer is %d, want 42", answer)
		}
	})
}

// TestBlockingAbandons: a cancel does not wait for the job, and the job's result is discarded.
func TestBlockingAbandons(t *testing.T) {
	started, release, discarded := make(chan struct{}), make(chan struct{}), make(chan struct{})
	returned := make(chan error, 1)
	wait, task := start(t, func(g *running) {
		returned <- g.Blocking(Op{Kind: OpFile}, driver.Lane{}, func() {
			close(started)
			<-release
		}, func() { close(discarded) })
	})
	<-started
	task.Cancel(errStop)
	if err := <-returned; !errors.Is(err, errStop) {
		t.Errorf("Blocking = %v, want the cause", err)
	}
	select {
	case <-discarded:
		t.Error("discarded before the job has ended")
	default:
	}
	close(release)
	<-discarded
	wait()
}

// TestBlockingOfACancelledGuest: a job runs and its result is discarded even if the guest was cancelled before the job
// was started.
func TestBlockingOfACancelledGuest(t *testing.T) {
	var ran, discarded atomic.Bool
	returned := make(chan struct{})
	onFiber(t, func(g *running) {
		g.Fiber().Task().Cancel(errStop)
		job := func() {
			<-returned // a job that ends before Blocking waits has succeeded
			ran.Store(true)
		}
		err := g.Blocking(Op{Kind: OpFile}, driver.Lane{}, job, func() { discarded.Store(ran.Load()) })
		close(returned)
		if !errors.Is(err, errStop) {
			t.Errorf("Blocking = %v, want the cause", err)
		}
	})
	if !discarded.Load() {
		t.Error("the job was not run and then discarded")
	}
}

// TestBlockingDiscardsOnce races cancels against the ends of jobs: the result of a job is either returned or discarded,
// once.
func TestBlockingDiscardsOnce(t *testing.T) {
	for range 300 {
		var made, had, discarded atomic.Int32
		begun := make(chan struct{})
		wait, task := start(t, func(g *running) {
			close(begun)
			if err := g.Blocking(Op{}, driver.Lane{}, func() { made.Add(1) }, func() { discarded.Add(1) }); err == nil {
				had.Add(1)
			}
		})
		<-begun
		task.Cancel(errStop)
		wait()
		if n := had.Load() + discarded.Load(); n != made.Load() {
			t.Fatalf("made %d, had %d, discarded %d", made.Load(), had.Load(), discarded.Load())
		}
	}
}

func TestBlockingPanicIsTheFibers(t *testing.T) {
	wait, task := start(t, func(g *running) {
		_ = g.Blocking(Op{}, driver.Lane{}, func() { panic("in the job") }, nil)
	})
	wait()
	p := task.Panic()
	if p == nil {
		t.Fatal("the task did not panic")
	}
	if job, ok := p.Value.(*JobPanic); !ok || job.Value != "in the job" || len(job.Stack) == 0 {
		t.Errorf("the task panicked with %v", p.Value)
	}
}

func TestChargePreempts(t *testing.T) {
	e, err := executor.New(executor.Config{Quantum: 1000})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	task, err := e.Spawn(executor.TaskSpec{
		FuelLimit: 5000,
		Run: func(f *executor.Fiber) {
			g := newRunning(f, e.Driver())
			f.SetMeter(g)
			defer f.SetMeter(nil)
			for {
				if err := g.Charge(10); err != nil {
					ended <- err
					return
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, executor.ErrOutOfFuel) {
		t.Errorf("Charge = %v, want ErrOutOfFuel", err)
	}
	if err := e.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if fuel := task.Usage().Fuel; fuel != 5010 {
		t.Errorf("the task burnt %d, want the limit and one charge, 5010", fuel)
	}
	// A quantum ends by its fuel, or earlier by its time if the machine is busy.
	if n := e.Stats().Preemptions; n < 4 {
		t.Errorf("preempted %d times, want at least 4", n)
	}
}

func TestSleepDoesNotAllocate(t *testing.T) {
	onFiber(t, func(g *running) {
		sleep := func() {
			if err := g.Sleep(time.Now().Add(time.Microsecond)); err != nil {
				t.Error(err)
			}
		}
		if n := testing.AllocsPerRun(100, sleep); n >= 1 {
			t.Errorf("a sleep allocates %v times", n)
		}
	})
}

// BenchmarkAwait measures a wait that ends at once: it is published and armed, the fiber parks and is resumed, the wait is
// disarmed and retracted.
func BenchmarkAwait(b *testing.B) {
	onFiber(b, func(g *running) {
		b.ReportAllocs()
		waits := [1]Wait{{Op: Op{Kind: OpRead}, On: notifierFunc(readyNow)}}
		for b.Loop() {
			if err := g.Await(time.Time{}, waits[:]...); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkCharge measures the time of a Charge.
func BenchmarkCharge(b *testing.B) {
	onFiber(b, func(g *running) {
		for b.Loop() {
			if err := g.Charge(1); err != nil {
				b.Error(err)
			}
		}
	})
}
