package bench

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi/versions"
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/integration/internal/testkit"
)

// pythonComponent names a component made by componentize-py that exports greet: func(name: string) -> string. It has 18 MB.
const pythonComponent = "REACTORD_PYTHON_COMPONENT"

// functionCall is a call of a function of a component.
type functionCall struct {
	component string // a file
	export    string
	args      []value.Value
	times     int    // how often the function that is measured is called by it
	json      string // arguments for Wasmtime
	jsonTimes int
	bytes     int // in and out together
}

// BenchmarkFunctionCalls measures, inside the library, calls of functions of components, metered. It calls in batches, whose
// median does not mind what else the machine does.
//
//	ns/call           median of the batches
//	cpu-ns/call       processor time, with that of the garbage collector
//	wasmtime-ns/call  in Wasmtime, where not most of it is its Python package's
func BenchmarkFunctionCalls(b *testing.B) {
	text := "Hello, this is Ada!"
	mebibyte := make([]byte, 1<<20)
	echo := "example:calc/echo@0.1.0#"
	for _, c := range []struct {
		name string
		functionCall
	}{
		{"integers", functionCall{component: "calc", export: "add", args: integers(3, 4)}},
		{"string/guest=c", functionCall{component: "calc", export: echo + "echo-string", args: bytesOf(text)}},
		{"string/guest=rust", functionCall{component: "rust-echo", export: "echo-string", args: bytesOf(text)}},
		{"bytes/guest=c", functionCall{component: "calc", export: echo + "echo-bytes", args: bytesOf(mebibyte), bytes: 2 << 20}},
		{"bytes/guest=rust", functionCall{component: "rust-echo", export: "echo-bytes", args: bytesOf(mebibyte), bytes: 2 << 20}},
		{"between", functionCall{component: "adding", export: "add-times", args: integers(200), times: 200, json: "[1000000]", jsonTimes: 1_000_000}},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := newComponentNode(b)
			c.component = testComponent(c.component)
			n.call(b, &c.functionCall)
			if c.json != "" {
				if ns, ok := inWasmtime(b, "call", &c.functionCall, 20); ok {
					b.ReportMetric(ns/float64(c.jsonTimes), "wasmtime-ns/call")
				}
			}
		})
	}
}

// BenchmarkFunctionStart measures, inside the library, how long it takes to make an instance of a loaded component and call
// its function once.
//
//	p50-us           from the start to the result
//	wasmtime-p50-us  the same in Wasmtime, with what its Python package takes, some 15 us
func BenchmarkFunctionStart(b *testing.B) {
	type start struct {
		guest string
		functionCall
	}
	starts := []start{
		{"small", functionCall{component: testComponent("adding"), export: "add-twice", args: integers(3, 4), json: "[3, 4]"}},
		{"c", functionCall{component: testComponent("calc"), export: "add", args: integers(3, 4), json: "[3, 4]"}},
		{"rust", functionCall{component: testComponent("rust-echo"), export: "echo-string", args: bytesOf("Ada"), json: `["Ada"]`}},
	}
	if python := os.Getenv(pythonComponent); python != "" {
		starts = append(starts, start{"python", functionCall{component: python, export: "greet", args: bytesOf("Ada"), json: `["Ada"]`}})
	}
	for _, s := range starts {
		b.Run("guest="+s.guest, func(b *testing.B) {
			n := newComponentNode(b)
			n.starts(b, &s.functionCall)
			if ns, ok := inWasmtime(b, "start", &s.functionCall, min(b.N, 1000)); ok {
				b.ReportMetric(ns/1000, "wasmtime-p50-us")
			}
		})
	}
}

func testComponent(name string) string { return filepath.Join("../testdata/components", name+".wasm") }

func integers(numbers ...uint64) (values []value.Value) {
	for _, n := range numbers {
		values = append(values, value.Value{Bits: n})
	}
	return values
}

func bytesOf[T ~string | ~[]byte](v T) []value.Value { return []value.Value{{Bytes: []byte(v)}} }

// componentNode is what a daemon has to run components.
type componentNode struct {
	abi      *component.ABI
	engine   *engine.Engine
	executor *executor.Executor
}

func newComponentNode(b *testing.B) *componentNode {
	b.Helper()
	return newComponentNodeOf(b, versions.Config(wasip1.New().Appends()))
}

func newComponentNodeOf(b *testing.B, config component.Config) *componentNode {
	b.Helper()
	a, err := component.New(config)
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.WithoutCancel(b.Context())
	e, err := engine.New(ctx, engine.Config{IdleModules: 100})
	if err != nil {
		b.Fatal(err)
	}
	x, err := executor.New(executor.Config{Workers: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(x.Close(ctx), e.Close(ctx)); err != nil {
			b.Error(err)
		}
	})
	return &componentNode{a, e, x}
}

func (n *componentNode) load(b *testing.B, path string) *component.Program {
	b.Helper()
	binary, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	program, err := n.abi.LoadProgram(b.Context(), n.engine, abi.Source{Digest: path, Read: func() ([]byte, error) { return binary, nil }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(program.Release)
	return program
}

// onFiber calls body on a fiber of a task that may use what it wants, and waits.
func (n *componentNode) onFiber(b *testing.B, body func(f *executor.Fiber)) {
	b.Helper()
	ended := make(chan struct{})
	if _, err := n.executor.Spawn(executor.TaskSpec{Run: body, Done: func(*executor.Task) { close(ended) }}); err != nil {
		b.Fatal(err)
	}
	<-ended
}

func (n *componentNode) newStore(program *component.Program) (*component.Store, error) {
	return program.NewStore(&abi.Config{Driver: n.executor.Driver(), MemoryBytes: 1 << 30})
}

// batchTime is what a batch takes, about. A batch that the machine interrupts is above the median.
const batchTime = 50 * time.Microsecond

// call measures c, in one store.
func (n *componentNode) call(b *testing.B, c *functionCall) {
	b.Helper()
	program := n.load(b, c.component)
	s, err := n.newStore(program)
	if err != nil {
		b.Fatal(err)
	}
	n.onFiber(b, func(f *executor.Fiber) {
		defer s.Close()
		if err := s.Start(f); err != nil {
			b.Error(err)
			return
		}
		batch := func(calls int) time.Duration {
			began := time.Now()
			for range calls {
				if _, err := s.CallExport(c.export, c.args); err != nil {
					b.Error(err)
				}
			}
			return time.Since(began)
		}
		batch(100) // warm up
		calls := int(batchTime/max(batch(1), 1)) + 1
		measure(b, calls*max(c.times, 1), c.bytes, func() time.Duration { return batch(calls) })
	})
}

// measure reports what the calls of a batch take.
func measure(b *testing.B, calls, bytes int, batch func() time.Duration) {
	var took []time.Duration
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used := cpuTime(b)
	for b.Loop() {
		took = append(took, batch())
	}
	used = cpuTime(b) - used
	runtime.ReadMemStats(&after)
	slices.Sort(took)
	ns := float64(testkit.Quantile(took, 0.5).Nanoseconds()) / float64(calls)
	all := float64(calls * len(took))
	b.ReportMetric(0, "ns/op") // of a batch
	b.ReportMetric(ns, "ns/call")
	b.ReportMetric(float64(used.Nanoseconds())/all, "cpu-ns/call")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/all, "allocs/call")
	if bytes > 0 {
		b.ReportMetric(float64(bytes)/ns, "GB/s")
	}
}

// starts measures the start of a store up to the result of its first call.
func (n *componentNode) starts(b *testing.B, c *functionCall) {
	b.Helper()
	program := n.load(b, c.component)
	var took []time.Duration
	n.onFiber(b, func(f *executor.Fiber) {
		for b.Loop() {
			began := time.Now()
			if err := n.callOnce(f, program, c, func() { took = append(took, time.Since(began)) }); err != nil {
				b.Error(err)
				return
			}
		}
	})
	slices.Sort(took)
	b.ReportMetric(microseconds(testkit.Quantile(took, 0.5)), "p50-us")
	b.ReportMetric(microseconds(testkit.Quantile(took, 0.99)), "p99-us")
}

// callOnce calls in a store of its own.
func (n *componentNode) callOnce(f *executor.Fiber, program *component.Program, c *functionCall, onResult func()) error {
	s, err := n.newStore(program)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Start(f); err != nil {
		return err
	}
	if _, err := s.CallExport(c.export, c.args); err != nil {
		return err
	}
	onResult()
	return nil
}

// inWasmtime returns the median of what a call takes in Wasmtime; ok is false if that is not installed.
func inWasmtime(b *testing.B, mode string, c *functionCall, count int) (ns float64, ok bool) {
	b.Helper()
	python, ok := wasmtimePython(b)
	if !ok {
		return 0, false
	}
	args := []string{"testdata/wasmtime_component.py", mode, c.component, c.export, c.json, strconv.Itoa(count)}
	out, err := exec.CommandContext(b.Context(), python, args...).CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	if err := json.Unmarshal(out, &ns); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return ns, true
}

// wasmtimePython returns the interpreter that WASMTIME_PYTHON names, or python3, if it has Wasmtime's package.
func wasmtimePython(b *testing.B) (python string, ok bool) {
	b.Helper()
	if python = os.Getenv("WASMTIME_PYTHON"); python == "" {
		python = "python3"
	}
	return python, exec.CommandContext(b.Context(), python, "-c", "import wasmtime").Run() == nil
}
