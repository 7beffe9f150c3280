package component

import (
	"runtime"
	"testing"
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
)

// clocks is an interface whose function waits without a fiber.
func clocks(d *driver.Driver) Config {
	return Config{Interfaces: []Interface{{
		Name: "wasi:clocks/monotonic-clock", Version: "0.3.0", Types: "type duration = u64;",
		Functions: []Function{{Name: "wait-for", Type: "async func(how-long: duration)", Later: true, Call: func(c *Call) {
			due := time.Now().Add(time.Duration(c.Args.U64()))
			o := &Operation{Op: hostcalls.Op{Kind: hostcalls.OpTimer, Deadline: due}, Finish: func(*Call) {}}
			c.Later(o)
			timer := &driver.Timer{}
			timer.Init(o.DoneDue)
			o.Cancel = func() { d.Stop(timer) }
			d.Start(timer, due)
		}}},
	}}}
}

// inService serves a component while body runs, which makes calls.
func (n *node) inService(p *Program, body func(s *Store)) {
	n.Helper()
	v := n.serve(p, abi.Config{}, executor.TaskSpec{})
	body(v.Store)
	if err := v.stop(); err != nil {
		n.Error(err)
	}
}

const tasks = "example:tasks/tasks@0.1.0#"

// Many calls of one instance wait at the same time, and none of them has a stack.
func TestManyCallsWait(t *testing.T) {
	n := newNode(t, Config{})
	a, err := New(clocks(n.executor.Driver()))
	if err != nil {
		t.Fatal(err)
	}
	n.abi = a
	const calls = 1000
	n.inService(n.load("worker"), func(s *Store) {
		returned := make(chan uint64, calls)
		s.Do(func() error {
			for range calls {
				if err := s.Invoke(tasks+"sleep", u32s(10), func(results []value.Value) { returned <- results[0].Bits }); err != nil {
					return err
				}
			}
			return nil
		})
		for range calls {
			if ms := <-returned; ms != 10 {
				t.Fatalf("it returns %d", ms)
			}
		}
	})
}

// What the host keeps of calls, subtasks and sets is memory of the component.
func TestCallsAreCounted(t *testing.T) {
	n := newNode(t, Config{})
	a, err := New(clocks(n.executor.Driver()))
	if err != nil {
		t.Fatal(err)
	}
	n.abi = a
	p := n.load("worker")
	v := n.serve(p, abi.Config{MemoryBytes: p.StartBytes() + 8<<20}, executor.TaskSpec{})
	var more func() error
	more = func() error {
		v.Do(more)
		return v.Invoke(tasks+"sleep", u32s(3_600_000), func([]value.Value) {})
	}
	v.Do(more)
	<-v.ended
	wantTrap(t, v.err, "the memory limit has no room")
	if calls := len(v.activations); calls < 1000 || calls > 16_000 {
		t.Errorf("%d calls", calls)
	}
	n.wantNothing(v.Store)
}

func BenchmarkWaitingCalls(b *testing.B) {
	n := newNode(b, Config{})
	a, err := New(clocks(n.executor.Driver()))
	if err != nil {
		b.Fatal(err)
	}
	n.abi = a
	n.inService(n.load("worker"), func(s *Store) {
		const calls = 100_000
		begun := make(chan int64, 1)
		before := heap()
		s.Do(func() error {
			for range calls {
				if err := s.Invoke(tasks+"sleep", u32s(3_600_000), func([]value.Value) {}); err != nil {
					begun <- 0
					return err
				}
			}
			begun <- s.PeakMemory()
			return nil
		})
		memory := <-begun
		b.ReportMetric(float64(heap()-before)/calls, "heapB/call")
		b.ReportMetric(float64(memory)/calls, "guestB/call")
	})
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
