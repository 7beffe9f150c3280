package bench

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor"
)

// parker imports park and exports run, which counts in a local and calls park until that returns
// something other than 0.
var parker = []byte{
	0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
	0x01, 0x08, 0x02, 0x60, 0x00, 0x01, 0x7f, 0x60, 0x00, 0x00, // types: () -> i32, () -> ()
	0x02, 0x0c, 0x01, 0x03, 'e', 'n', 'v', 0x04, 'p', 'a', 'r', 'k', 0x00, 0x00, // import env.park
	0x03, 0x02, 0x01, 0x01, // one function of type 1
	0x07, 0x07, 0x01, 0x03, 'r', 'u', 'n', 0x00, 0x01, // export run
	0x0a, 0x15, 0x01, 0x13, // code: one body
	0x01, 0x01, 0x7f, // (local i32)
	0x03, 0x40, // loop
	0x20, 0x00, 0x41, 0x01, 0x6a, 0x21, 0x00, // local 0 += 1
	0x10, 0x00, 0x45, 0x0d, 0x00, // call park; br_if 0 (i32.eqz)
	0x0b, 0x0b,
}

// guest is the context of a guest's host calls, and so knows what its park does.
type guest struct {
	context.Context
	park func() bool // false ends the guest
}

func hostPark(ctx context.Context, stack []uint64) {
	stack[0] = 1
	if ctx.(*guest).park() {
		stack[0] = 0
	}
}

// parkers makes instances of parker.
type parkers struct {
	runtime wazero.Runtime
	module  wazero.CompiledModule
}

func newParkers(b *testing.B) *parkers {
	b.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	b.Cleanup(func() { _ = r.Close(ctx) })
	_, err := r.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoFunction(api.GoFunc(hostPark), nil, []api.ValueType{api.ValueTypeI32}).Export("park").
		Instantiate(ctx)
	if err != nil {
		b.Fatal(err)
	}
	module, err := r.CompileModule(ctx, parker)
	if err != nil {
		b.Fatal(err)
	}
	return &parkers{r, module}
}

// run runs one guest to its end, on the caller's coroutine.
func (p *parkers) run(g *guest) error {
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(zeros{})
	instance, err := p.runtime.InstantiateModule(g, p.module, config)
	if err != nil {
		return err
	}
	if _, err = instance.ExportedFunction("run").Call(g); err != nil {
		return err
	}
	return instance.Close(g)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// loop is what there is without an executor: guests on iter.Pull coroutines, resumed in turn.
type loop struct {
	guests []func() (struct{}, bool)
	at     int
}

func newLoop(b *testing.B, n int) *loop {
	b.Helper()
	p := newParkers(b)
	l := &loop{}
	for range n {
		next, stop := iter.Pull(func(yield func(struct{}) bool) {
			g := &guest{Context: context.Background(), park: func() bool { return yield(struct{}{}) }}
			if err := p.run(g); err != nil {
				b.Error(err)
			}
		})
		b.Cleanup(stop)
		next()
		l.guests = append(l.guests, next)
	}
	return l
}

func (l *loop) run(resumes int) {
	for range resumes {
		l.guests[l.at]()
		if l.at++; l.at == len(l.guests) {
			l.at = 0
		}
	}
}

// ring is n guests on an executor, which pass a token around: who has it wakes the next and parks.
type ring struct {
	executor *executor.Executor
	tasks    []*executor.Task
	left     int           // resumes to go; only who has the token touches it
	done     chan struct{} // tells that none are
}

func newRing(b *testing.B, n, workers int) *ring {
	b.Helper()
	p := newParkers(b)
	e, err := executor.New(executor.Config{Workers: workers})
	if err != nil {
		b.Fatal(err)
	}
	r := &ring{executor: e, tasks: make([]*executor.Task, n), done: make(chan struct{})}
	for i := range r.tasks {
		r.tasks[i], err = e.Spawn(executor.TaskSpec{Run: func(f *executor.Fiber) {
			f.SetMeter(&counter{})
			park := func() bool {
				if f.Park() != nil {
					return false
				}
				r.pass(i)
				return true
			}
			if err := p.run(&guest{Context: context.Background(), park: park}); err != nil {
				b.Error(err)
			}
		}})
		if err != nil {
			b.Fatal(err)
		}
	}
	for e.Stats().Parked < n {
		runtime.Gosched()
	}
	b.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return r
}

func (r *ring) pass(i int) {
	if r.left--; r.left == 0 {
		r.done <- struct{}{}
		return
	}
	r.tasks[(i+1)%len(r.tasks)].Wake()
}

// run has the token passed so many times.
func (r *ring) run(resumes int) {
	r.left = resumes
	r.tasks[0].Wake()
	<-r.done
}

// counter is a meter that costs what an engine's does, and counts nothing.
type counter struct{ quantum, left int64 }

func (c *counter) Refill(quantum int64) { c.quantum, c.left = quantum, quantum }
func (c *counter) Burnt() int64         { return c.quantum - c.left }

// BenchmarkResume is the path that an executor lives by: a task is woken, a worker resumes its
// guest, the guest runs a few instructions and parks. x-bare compares it with what an iter.Pull
// loop over the same guests takes, which knows in advance whom to resume: the two take turns, and
// x-bare is the median over the turns, so that a machine that is busy with something else slows
// both.
//
// A running task cannot make its own Park wait, so with guests=1 there are two, of which one is
// parked, and they wake each other. One worker, since the bare loop has one thread.
func BenchmarkResume(b *testing.B) {
	const turns = 20
	for _, n := range []int{1, 1000, 100_000} {
		var l *loop
		var r *ring
		b.Run(fmt.Sprintf("guests=%d", n), func(sub *testing.B) {
			if l == nil { // the first of the calls that look for the right N
				l, r = newLoop(b, n), newRing(b, max(n, 2), 1)
			}
			runtime.GC()
			sub.ReportAllocs()
			sub.ResetTimer()
			each := max(sub.N/turns, 1)
			var bare time.Duration
			var ratios []float64
			for left := sub.N; left > 0; left -= each {
				sub.StopTimer()
				start := time.Now()
				l.run(min(each, left))
				alone := time.Since(start)
				bare += alone
				sub.StartTimer()
				start = time.Now()
				r.run(min(each, left))
				ratios = append(ratios, float64(time.Since(start))/float64(alone))
			}
			slices.Sort(ratios)
			sub.ReportMetric(float64(bare.Nanoseconds())/float64(sub.N), "bare-ns/op")
			sub.ReportMetric(ratios[len(ratios)/2], "x-bare")
		})
	}
}
