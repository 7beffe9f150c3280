package engine

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"go.uber.org/goleak"
)

//go:generate sh -c "cd testdata && for f in *.wat; do wat2wasm --debug-names --no-check $DOLLAR{f} -o $DOLLAR{f%.wat}.wasm; done"

// The test program is a compiler as well, when it is started as one.
const asCompiler = "compiler"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == asCompiler {
		if err := CompilerMain(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			panic(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func testCompiler(t testing.TB) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if emulator := os.Getenv("EMULATOR"); emulator != "" { // of a processor that this machine doesn't have; see .ci/arm64
		return []string{emulator, self, asCompiler}
	}
	return []string{self, asCompiler}
}

// guest is a Host like that of package hostcalls.
type guest struct {
	Binding
	call     func(g *guest, arg uint32) uint32
	preempt  func() error
	quantum  int64
	preempts int
}

func (g *guest) Deadline() (time.Time, bool) { return time.Time{}, false }
func (g *guest) Done() <-chan struct{}       { return nil }
func (g *guest) Err() error                  { return nil }

func (g *guest) Preempt() error {
	g.preempts++
	if g.preempt != nil {
		if err := g.preempt(); err != nil {
			return err
		}
	}
	g.Fuel().Refill(g.quantum)
	return nil
}

// defineTest adds the host module of the test modules: one function, which calls the guest that is its context.
func defineTest(ctx context.Context, r wazero.Runtime) error {
	_, err := r.NewHostModuleBuilder("test").NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
			g := ctx.(*guest)
			stack[0] = uint64(g.call(g, uint32(stack[0])))
		}), []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32}).
		Export("call").Instantiate(ctx)
	return err
}

// openEngine opens an engine that the caller closes.
func openEngine(t testing.TB, config Config) *Engine {
	t.Helper()
	e, err := New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.AddHost(t.Context(), defineTest); err != nil {
		t.Fatal(err)
	}
	return e
}

// newEngine opens an engine and closes it when the test ends.
func newEngine(t testing.TB, config Config) *Engine {
	t.Helper()
	e := openEngine(t, config)
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func binaryOf(t testing.TB, name string) []byte {
	t.Helper()
	binary, err := os.ReadFile(filepath.Join("testdata", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func load(t testing.TB, e *Engine, name string) *Module {
	t.Helper()
	m, err := e.Load(t.Context(), name, func() ([]byte, error) { return binaryOf(t, name), nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Release)
	return m
}

const testQuantum = 100_000

// start makes an instance for g, which it closes when the test ends.
func start(t testing.TB, m *Module, g *guest, config InstanceConfig) *Instance {
	t.Helper()
	if g.quantum == 0 {
		g.quantum = testQuantum
	}
	config.Host = g
	i, err := m.Instantiate(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	i.Refill(g.quantum)
	if err := i.Start(); err != nil {
		t.Fatal(err)
	}
	return i
}

// call calls a function with at most one result.
func call(t testing.TB, i *Instance, export string, args ...uint64) uint64 {
	t.Helper()
	results, err := i.Call(export, args...)
	if err != nil {
		t.Fatalf("%s: %v", export, err)
	}
	if len(results) == 0 {
		return 0
	}
	return results[0]
}
