package hostnet

import (
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// silent listens, and its backlog is full: who connects gets no answer.
func silent(t testing.TB, s *Stack) network.TCP {
	t.Helper()
	l := newTCP(t, s, network.IPv4)
	if err := l.Bind(local(0)); err != nil {
		t.Fatal(err)
	}
	if err := l.Listen(0); err != nil {
		t.Fatal(err)
	}
	for pending := 0; pending < 3; {
		c := newTCP(t, s, network.IPv4)
		if err := c.Connect(l.LocalAddr()); err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
			t.Fatal(err)
		}
		deadline := time.Now().Add(20 * time.Millisecond)
		for c.FinishConnect() != nil && time.Now().Before(deadline) {
			runtime.Gosched()
		}
		if c.FinishConnect() != nil {
			pending++
		}
	}
	return l
}

func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Skipf("which descriptors are open is not known: %v", err)
	}
	return len(entries)
}

// caller is the guest of a task of its own.
type caller struct {
	hostcalls.Guest
	hostcalls.Call
}

// spawn runs a body for each of n guests, and returns when all wait.
func spawn(t testing.TB, e *executor.Executor, n int, body func(c *hostcalls.Call) error) (tasks []*executor.Task, failures chan error) {
	t.Helper()
	failures = make(chan error, n)
	for range n {
		task, err := e.Spawn(executor.TaskSpec{Run: func(f *executor.Fiber) {
			c := &caller{}
			c.Guest.Init(e.Driver(), "")
			c.Call.Init(&c.Guest, f)
			failures <- body(&c.Call)
		}})
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, task)
	}
	for e.Stats().Parked < n {
		runtime.Gosched()
	}
	return tasks, failures
}

func newExecutor(t testing.TB) *executor.Executor {
	t.Helper()
	e, err := executor.New(executor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

// TestManyConnectsAreCancelled: a thousand guests connect to a peer that does not answer. Each wait takes one descriptor,
// the socket's, and no goroutine besides the guest's own. When all are cancelled, nothing is left.
func TestManyConnectsAreCancelled(t *testing.T) {
	const guests = 1000
	none := runtime.NumGoroutine()
	e := newExecutor(t)
	s := New(e.Driver())
	to := silent(t, s).LocalAddr().String()
	runtime.GC()
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	tasks, failures := spawn(t, e, guests, func(c *hostcalls.Call) error {
		_, err := network.Dial(c, s, nil, to, nil)
		return err
	})
	if got := descriptors(t) - before; got > guests {
		t.Errorf("%d waits take %d descriptors", guests, got)
	}
	if got := runtime.NumGoroutine() - goroutines; got > guests+5 {
		t.Errorf("%d guests that wait take %d goroutines", guests, got)
	}
	cause := errors.New("the test's cause")
	for _, task := range tasks {
		task.Cancel(cause)
	}
	for range guests {
		if err := <-failures; !errors.Is(err, cause) {
			t.Errorf("Dial = %v, want the cause", err)
		}
	}
	if err := e.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := descriptors(t); got != before {
		t.Errorf("%d descriptors, %d before", got, before)
	}
	if err := e.Close(t.Context()); err != nil { // which keeps some goroutines for other tasks
		t.Error(err)
	}
	for runtime.NumGoroutine() > none {
		runtime.Gosched()
	}
}

// BenchmarkWaits measures ten thousand waits for sockets that are pending at a time: what each takes besides the socket,
// and the time to begin and end one.
func BenchmarkWaits(b *testing.B) {
	const waits = 10_000
	s := newStack(b)
	sockets := make([]network.UDP, waits)
	for i := range sockets {
		sockets[i] = newUDP(b, s, network.IPv4)
		if err := sockets[i].Bind(local(0)); err != nil {
			b.Fatal(err)
		}
		if _, _, _, err := sockets[i].ReadFrom(make([]byte, 1), false); !errors.Is(err, hostcalls.ErrWouldBlock) {
			b.Fatal(err)
		}
	}
	stops := make([]func(), waits)
	arm := func() {
		for i, c := range sockets {
			stops[i] = c.Notify(network.In, func() {})
		}
	}
	stop := func() {
		for _, stop := range stops {
			stop()
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	heapBefore, goroutinesBefore, openBefore := heap(), runtime.NumGoroutine(), descriptors(b)
	arm()
	bytes, goroutines, open := heap()-heapBefore, runtime.NumGoroutine()-goroutinesBefore, descriptors(b)-openBefore
	stop()
	for b.Loop() {
		arm()
		stop()
	}
	b.ReportMetric(float64(bytes)/waits, "B/wait")
	b.ReportMetric(float64(goroutines)/waits, "goroutines/wait")
	b.ReportMetric(float64(open)/waits, "descriptors/wait")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/waits, "ns/wait")
}
