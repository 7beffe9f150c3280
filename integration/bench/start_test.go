package bench

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi/versions"
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/integration/internal/testkit"
)

var errMeasured = errors.New("measured")

// BenchmarkStart measures, inside the library, what it takes to start a guest of a compiled module
// up to its first wait: the time its task was on the worker, from the first resume to the first
// park. The small guest has one page, and so has the component; the Go guest brings Go's runtime with it, and that from a snapshot has it
// initialized.
func BenchmarkStart(b *testing.B) {
	for _, guest := range []struct {
		name   string
		binary func() []byte
		args   []string
		invoke string
	}{
		{"small", func() []byte { return examples.Sleeper }, []string{"sleeper", "1", strconv.Itoa(farFuture)}, ""},
		{"component", func() []byte { return sleeperComponent(b) }, []string{"sleeper", "1", strconv.Itoa(farFuture)}, ""},
		{"go", func() []byte { return testkit.GoGuest(b, "../../examples/ticker") }, []string{"ticker"}, ""},
		{"snapshot", func() []byte {
			dir := b.TempDir()
			d := testkit.Start(b, dir)
			return testkit.StoredModule(b, dir, snapshotOf(b, d, testkit.GoLibrary(b, "testdata/golibrary")))
		}, []string{"library"}, "hold"},
	} {
		b.Run("guest="+guest.name, func(b *testing.B) {
			s := newStarter(b, guest.binary(), guest.args, guest.invoke)
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
	program  abi.Program
	args     []string
	invoke   string
}

func newStarter(b *testing.B, binary []byte, args []string, invoke string) *starter {
	b.Helper()
	ctx := context.Background()
	e, err := engine.New(ctx, engine.Config{})
	if err != nil {
		b.Fatal(err)
	}
	preview1 := wasip1.New()
	components, err := component.New(versions.Config(preview1.Appends()))
	if err != nil {
		b.Fatal(err)
	}
	abis, err := abi.NewSet(preview1, components)
	if err != nil {
		b.Fatal(err)
	}
	if err := abis.Define(ctx, e); err != nil {
		b.Fatal(err)
	}
	program, err := abis.Load(ctx, e, abi.Source{Digest: "guest", Read: func() ([]byte, error) { return binary, nil }})
	if err != nil {
		b.Fatal(err)
	}
	x, err := executor.New(executor.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		program.Release()
		if err := errors.Join(x.Close(ctx), e.Close(ctx)); err != nil {
			b.Error(err)
		}
	})
	return &starter{executor: x, program: program, args: args, invoke: invoke}
}

// start starts a guest, ends it at its first wait, and returns how long it was on the worker.
func (s *starter) start(b *testing.B) time.Duration {
	b.Helper()
	ended := make(chan error, 1)
	var result error
	var process atomic.Pointer[abi.Process]
	task, err := s.executor.Spawn(executor.TaskSpec{
		Turn: func(f *executor.Fiber) executor.Next {
			p, err := s.program.NewProcess(&abi.Config{Args: s.args, Invoke: s.invoke, MemoryBytes: 1 << 30, Driver: s.executor.Driver()})
			if err != nil {
				result = err
				return executor.End()
			}
			process.Store(&p)
			return abi.Turns(p, func(_ abi.Exit, err error) { result = err })(f)
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
func sleeps(p *abi.Process) bool {
	return p != nil && slices.ContainsFunc((*p).AppendOps(nil), func(op hostcalls.Op) bool { return op.Kind == hostcalls.OpTimer })
}
