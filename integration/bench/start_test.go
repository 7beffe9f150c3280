package bench

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/integration/internal/testkit"
)

var errMeasured = errors.New("measured")

// BenchmarkStart measures, inside the library, what it takes to start a guest of a compiled module
// up to its first wait: the time its task was on the worker, from the first resume to the first
// park. The small guest has one page; the Go guest brings Go's runtime with it.
func BenchmarkStart(b *testing.B) {
	for _, guest := range []struct {
		name   string
		binary func() []byte
		args   []string
	}{
		{"small", func() []byte { return examples.Sleeper }, []string{"sleeper", "1", farFuture}},
		{"go", func() []byte { return testkit.GoGuest(b, "../../examples/ticker") }, []string{"ticker"}},
	} {
		b.Run("guest="+guest.name, func(b *testing.B) {
			s := newStarter(b, guest.binary(), guest.args)
			var took []time.Duration
			for b.Loop() {
				took = append(took, s.start(b))
			}
			slices.Sort(took)
			b.ReportMetric(microseconds(testkit.Quantile(took, 0.5)), "p50-us")
			b.ReportMetric(microseconds(testkit.Quantile(took, 0.99)), "p99-us")
		})
	}
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// starter starts one guest after the other.
type starter struct {
	executor *executor.Executor
	module   *engine.Module
	args     []string
}

func newStarter(b *testing.B, binary []byte, args []string) *starter {
	b.Helper()
	ctx := context.Background()
	e, err := engine.New(ctx, engine.Config{})
	if err != nil {
		b.Fatal(err)
	}
	if err := e.AddHost(ctx, wasip1.Instantiate); err != nil {
		b.Fatal(err)
	}
	module, err := e.Load(ctx, "guest", func() ([]byte, error) { return binary, nil })
	if err != nil {
		b.Fatal(err)
	}
	x, err := executor.New(executor.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		module.Release()
		if err := errors.Join(x.Close(ctx), e.Close(ctx)); err != nil {
			b.Error(err)
		}
	})
	return &starter{executor: x, module: module, args: args}
}

// start starts a guest, ends it at its first wait, and returns how long it was on the worker.
func (s *starter) start(b *testing.B) time.Duration {
	b.Helper()
	ended := make(chan error, 1)
	var result error
	var process atomic.Pointer[wasip1.Process]
	task, err := s.executor.Spawn(executor.TaskSpec{
		Run: func(f *executor.Fiber) {
			p, err := wasip1.NewProcess(f, s.executor.Driver(), wasip1.Config{Args: s.args})
			if err != nil {
				result = err
				return
			}
			defer p.Close()
			process.Store(p)
			_, result = p.Run(s.module, 1<<30, 0, "")
		},
		Done: func(*executor.Task) { ended <- result },
	})
	if err != nil {
		b.Fatal(err)
	}
	for !sleeps(process.Load()) {
		runtime.Gosched()
	}
	took := task.Usage().CPU
	task.Cancel(errMeasured)
	if err := <-ended; !errors.Is(err, errMeasured) {
		b.Fatalf("the guest ended by itself: %v", err)
	}
	return took
}

// sleeps tells whether a process waits for time.
func sleeps(p *wasip1.Process) bool {
	return p != nil && slices.ContainsFunc(p.Ops(), func(op hostcalls.Op) bool { return op.Kind == "timer" })
}
