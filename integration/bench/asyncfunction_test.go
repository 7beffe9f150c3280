package bench

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi/versions"
	"github.com/reactord/reactord/hostcalls/wasip1"
)

// BenchmarkAsyncFunctionCalls measures, inside the library, calls of asynchronous functions with a callback, metered, one after the
// other in one store: with a string in and out, and with one wait for the host, which is done at once. What it reports is that of
// BenchmarkFunctionCalls.
func BenchmarkAsyncFunctionCalls(b *testing.B) {
	const tasks = "example:tasks/tasks@0.1.0#"
	for _, c := range []struct {
		name string
		functionCall
	}{
		{"string/guest=c", functionCall{component: testComponent("worker"), export: tasks + "greet", args: bytesOf("world")}},
		{"string/guest=rust", functionCall{component: "testdata/rust-worker.wasm", export: tasks + "greet", args: bytesOf("world")}},
		{"wait/guest=c", functionCall{component: testComponent("worker"), export: tasks + "sleep", args: integers(10)}},
		{"wait/guest=rust", functionCall{component: "testdata/rust-worker.wasm", export: tasks + "sleep", args: integers(10)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			newComponentNodeOf(b, withFastClock(versions.Config(wasip1.New().Appends()))).callAsync(b, &c.functionCall)
		})
	}
}

// withFastClock is a config whose clock of WASI 0.3 does not wait.
func withFastClock(config component.Config) component.Config {
	config.Interfaces = slices.Clone(config.Interfaces)
	for i := range config.Interfaces {
		clock := &config.Interfaces[i]
		if clock.Name != "wasi:clocks/monotonic-clock" || !strings.HasPrefix(clock.Version, "0.3") {
			continue
		}
		clock.Functions = slices.Clone(clock.Functions)
		for j := range clock.Functions {
			if f := &clock.Functions[j]; f.Name == "wait-for" {
				f.Call = func(c *component.Call) {
					c.Args.U64()
					o := &component.Operation{
						Op: hostcalls.Op{Kind: hostcalls.OpTimer, Start: time.Unix(1, 0)}, Finish: func(*component.Call) {}, Cancel: func() {},
					}
					c.Later(o)
					o.Done()
				}
			}
		}
	}
	return config
}

// callAsync measures c, in one store that serves.
func (n *componentNode) callAsync(b *testing.B, c *functionCall) {
	b.Helper()
	s, err := n.newStore(n.load(b, c.component))
	if err != nil {
		b.Fatal(err)
	}
	started, ended := make(chan error, 1), make(chan error, 1)
	turn := s.Serve(func(err error) { started <- err }, func(err error) { ended <- err })
	if _, err := n.executor.Spawn(executor.TaskSpec{Turn: turn}); err != nil {
		b.Fatal(err)
	}
	if err := <-started; err != nil {
		b.Fatal(err)
	}
	const calls = 500 // so that the way to the store does not count
	batch := func() time.Duration {
		began := time.Now()
		if err := callInTurn(s, c, calls, ended); err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	batch() // warm up
	measure(b, calls, 0, batch)
	s.Stop()
	if err := <-ended; err != nil {
		b.Error(err)
	}
}

// callInTurn makes a number of calls, each when the one before has returned.
func callInTurn(s *component.Store, c *functionCall, calls int, ended <-chan error) error {
	done := make(chan error, 1)
	var next func([]value.Value)
	next = func([]value.Value) {
		var err error
		if calls--; calls >= 0 {
			err = s.Invoke(c.export, c.args, next)
		}
		if calls < 0 || err != nil {
			done <- err
		}
	}
	s.Do(func() error {
		next(nil)
		return nil
	})
	select {
	case err := <-done:
		return err
	case err := <-ended:
		return err
	}
}
