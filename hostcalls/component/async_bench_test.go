package component

import (
	"syscall"
	"testing"
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
)

// benchmarkCalls calls an export b.N times, one call after the other, each when the one before has returned.
func benchmarkCalls(b *testing.B, s *Store, export string, args []value.Value) {
	b.Helper()
	done := make(chan error, 1)
	left := b.N
	var next func([]value.Value)
	next = func([]value.Value) {
		if left--; left < 0 {
			done <- nil
			return
		}
		if err := s.Invoke(export, args, next); err != nil {
			done <- err
		}
	}
	defer measured(b)()
	s.Do(func() error {
		next(nil)
		return nil
	})
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// measured begins to measure, also processor time, of which a busy machine takes less away.
func measured(b *testing.B) (stop func()) {
	b.ReportAllocs()
	before := processorTime(b)
	b.ResetTimer()
	return func() {
		b.StopTimer()
		b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
	}
}

func processorTime(b *testing.B) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// worker makes a node with clocks, and serves the component of C that calls them.
func worker(b *testing.B, clocks func(*driver.Driver) Config) *service {
	n := newNode(b, Config{})
	a, err := New(clocks(n.executor.Driver()))
	if err != nil {
		b.Fatal(err)
	}
	n.abi = a
	return n.serve(n.load("worker"), abi.Config{}, executor.TaskSpec{})
}

// BenchmarkAsyncExport: a string in and out of an asynchronous function with a callback, from C.
func BenchmarkAsyncExport(b *testing.B) {
	v := worker(b, clocks)
	benchmarkCalls(b, v.Store, tasks+"greet", []value.Value{{Bytes: []byte("world")}})
	if err := v.stop(); err != nil {
		b.Error(err)
	}
}

// BenchmarkAsyncWait: a function that waits once for the host, and gets its event by its callback. The host is done at once.
func BenchmarkAsyncWait(b *testing.B) {
	v := worker(b, func(*driver.Driver) Config {
		config := clocks(nil)
		config.Interfaces[0].Functions[0].Call = func(c *Call) {
			c.Args.U64()
			o := &Operation{Op: hostcalls.Op{Kind: hostcalls.OpTimer, Start: time.Unix(1, 0)}, Finish: func(*Call) {}, Cancel: func() {}}
			c.Later(o)
			o.Done()
		}
		return config
	})
	benchmarkCalls(b, v.Store, tasks+"sleep", u32s(10))
	if err := v.stop(); err != nil {
		b.Error(err)
	}
}

func benchmarkPump(b *testing.B, export string) {
	n := newNode(b, Config{})
	v := n.serve(n.load("pump"), abi.Config{}, executor.TaskSpec{})
	stop := measured(b)
	if _, err := v.call(export, u32s(uint32(b.N))...); err != nil {
		b.Fatal(err)
	}
	stop()
	if err := v.stop(); err != nil {
		b.Error(err)
	}
}

// BenchmarkAsyncCall: a component calls an asynchronous function of another one, which returns at once.
func BenchmarkAsyncCall(b *testing.B) { benchmarkPump(b, "calls") }

// BenchmarkStream: a stream of bytes from one component to another one, 64 KiB at a time.
func BenchmarkStream(b *testing.B) {
	b.SetBytes(64 << 10)
	benchmarkPump(b, "pump")
}
