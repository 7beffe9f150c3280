package meter_test

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// testHost is a runtime with the host functions that rewritten modules import.
// It runs one guest at a time.
type testHost struct {
	runtime wazero.Runtime
	quantum int64
	stack   int64 // the most bytes a guest gets

	guest    api.Module // of the last yield or instantiation
	yields   int
	given    int64 // fuel given in all
	overshot int64 // the most fuel burnt beyond a quantum
	granted  int64 // stack bytes granted in all
	fuelLeft int   // yields after which the guest is stopped, if positive

	calling   api.Function // to watch its stack
	mostStack int64        // the most stack it used in all
	overStack int64        // the most it used beyond what was granted
}

// call calls a function of a guest, watching its stack.
func (h *testHost) call(t testing.TB, f api.Function, args ...uint64) ([]uint64, error) {
	t.Helper()
	h.calling = f
	defer func() { h.calling = nil }()
	return f.Call(t.Context(), args...)
}

// watchStack compares the stack that wazero really uses now with what the guest
// counts. It looks into wazero's call engine for that.
func (h *testHost) watchStack(m api.Module) {
	if h.calling == nil {
		return
	}
	engine := reflect.ValueOf(h.calling).Elem()
	top := engine.FieldByName("stackTop").Uint()
	used := int64(top) - int64(engine.FieldByName("execCtx").FieldByName("stackPointerBeforeGoCall").Pointer())
	counted := h.granted - int64(counter(m, meter.StackGlobal).Get())
	h.mostStack = max(h.mostStack, used)
	h.overStack = max(h.overStack, used-counted)
}

var (
	errStackOverflow = errors.New("stack overflow")
	errOutOfFuel     = errors.New("out of fuel")
)

const testFeatures = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

func newTestHost(t testing.TB, quantum int64) *testHost {
	t.Helper()
	ctx := t.Context()
	config := wazero.NewRuntimeConfigCompiler().WithCoreFeatures(testFeatures).WithMemoryLimitPages(1 << 12)
	h := &testHost{runtime: wazero.NewRuntimeWithConfig(ctx, config), quantum: quantum, stack: 1 << 20}
	t.Cleanup(func() { h.runtime.Close(context.Background()) })
	_, err := h.runtime.NewHostModuleBuilder(meter.HostModule).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(h.yield), nil, nil).Export(meter.YieldFunction).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(h.growStack), nil, nil).Export(meter.GrowStackFunction).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(h.clear), []api.ValueType{api.ValueTypeI32, api.ValueTypeI32}, nil).
		Export(meter.ClearFunction).
		Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	wasi_snapshot_preview1.MustInstantiate(ctx, h.runtime)
	return h
}

func counter(m api.Module, name string) api.MutableGlobal {
	return m.ExportedGlobal(name).(api.MutableGlobal)
}

func (h *testHost) yield(_ context.Context, m api.Module, _ []uint64) {
	h.guest = m
	h.watchStack(m)
	h.yields++
	if h.fuelLeft > 0 && h.yields >= h.fuelLeft {
		panic(errOutOfFuel)
	}
	fuel := counter(m, meter.FuelGlobal)
	if left := int64(fuel.Get()); h.yields > 1 {
		h.overshot = max(h.overshot, -left)
	}
	h.refill(fuel)
}

func (h *testHost) clear(ctx context.Context, m api.Module, params []uint64) {
	at, n := uint32(params[0]), uint32(params[1])
	b, ok := m.Memory().Read(at, n)
	if !ok {
		panic(errors.New("cleared out of bounds"))
	}
	clear(b)
	fuel := counter(m, meter.FuelGlobal)
	for n > 0 {
		piece := min(n, 32<<10)
		left := int64(fuel.Get()) - int64(piece/meter.ClearedPerUnit)
		fuel.Set(uint64(left))
		if left < 0 {
			h.yield(ctx, m, nil)
		}
		n -= piece
	}
}

// refill sets the fuel to a quantum and counts what is given.
func (h *testHost) refill(fuel api.MutableGlobal) {
	h.given += h.quantum - int64(fuel.Get())
	fuel.Set(uint64(h.quantum))
}

// burnt returns the fuel that the guest burnt so far.
func (h *testHost) burnt() int64 {
	return h.given - int64(counter(h.guest, meter.FuelGlobal).Get())
}

func (h *testHost) growStack(_ context.Context, m api.Module, _ []uint64) {
	h.guest = m
	h.watchStack(m)
	left := counter(m, meter.StackGlobal)
	more := max(1<<10, -int64(left.Get()))
	if h.granted+more > h.stack {
		panic(errStackOverflow)
	}
	h.granted += more
	left.Set(uint64(int64(left.Get()) + more))
}

// testModule is a module that can be instantiated.
type testModule struct {
	binary []byte
	info   *meter.Info // nil: it is not metered
	linked []string    // the names of the modules that are its providers
}

func plain(binary []byte) testModule { return testModule{binary: binary} }

// instantiate makes an instance of a module, and does what a metered one leaves to its host.
func (h *testHost) instantiate(t testing.TB, p testModule) (api.Module, error) {
	t.Helper()
	ctx := experimental.WithImportResolver(t.Context(), h.resolver(p.linked))
	m, err := h.runtime.InstantiateWithConfig(ctx, p.binary, noStart().WithName(""))
	if err != nil || p.info == nil {
		return m, err
	}
	h.guest = m
	if p.info.ElementsOutOfBounds {
		return nil, errors.New("invalid table access")
	}
	if !makeTables(m, p.info) {
		return nil, errors.New("invalid table access")
	}
	for _, data := range p.info.Data {
		if !m.Memory().Write(data.Offset.Value, data.Bytes) {
			return nil, errors.New("data: " + outOfBounds)
		}
	}
	if p.info.HasStart {
		_, err = h.call(t, m.ExportedFunction(meter.StartFunction))
	}
	return m, err
}

// resolver finds providers by their ordinals.
func (h *testHost) resolver(linked []string) experimental.ImportResolver {
	return func(name string) api.Module {
		n, err := strconv.Atoi(name)
		if err != nil || n >= len(linked) {
			return nil
		}
		m := h.runtime.Module(linked[n])
		if v := reflect.ValueOf(m); v.IsValid() && v.Kind() == reflect.Struct { // it wraps a host module
			m = v.FieldByName("Module").Interface().(api.Module)
		}
		return m
	}
}

// makeTables makes the tables of an instance of wazero. It reports whether there is room for all elements.
func makeTables(m api.Module, info *meter.Info) bool {
	instance := reflect.ValueOf(m).Elem()
	functions := instance.FieldByName("Engine").Interface().(interface {
		FunctionInstanceReference(uint32) uintptr
	})
	tables := make([][]uintptr, len(info.Tables))
	for i, size := range info.Tables {
		tables[i] = make([]uintptr, size)
		instance.FieldByName("Tables").Index(i).Elem().FieldByName("References").Set(reflect.ValueOf(tables[i]))
	}
	for _, segment := range info.ElementSegments {
		to := make([]uintptr, len(segment.Functions))
		if segment.Passive {
			instance.FieldByName("ElementInstances").Index(int(segment.Index)).Set(reflect.ValueOf(to))
		} else if table := tables[segment.Table]; uint64(segment.Offset.Value)+uint64(len(to)) > uint64(len(table)) {
			return false
		} else {
			to = table[segment.Offset.Value:]
		}
		for i, f := range segment.Functions {
			to[i] = 0
			if f != meter.NoFunction {
				to[i] = functions.FunctionInstanceReference(f)
			}
		}
	}
	return true
}

func noStart() wazero.ModuleConfig { return wazero.NewModuleConfig().WithStartFunctions() }

func rewrite(t testing.TB, binary []byte) testModule {
	t.Helper()
	out, info, err := meter.Rewrite(binary, meter.Options{ARM64: runtime.GOARCH == "arm64", TakeTables: true})
	if err != nil {
		t.Fatalf("Rewrite: %v", err)
	}
	return testModule{out, info, nil}
}

// rewriteLinked meters a module that is linked with modules of the names that it has. host says whether they are the host's,
// which builtin an import is.
func rewriteLinked(t testing.TB, binary []byte, host bool, builtin func(module, name string) meter.Builtin) testModule {
	t.Helper()
	m, err := wasm.Decode(binary, wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	p := testModule{}
	sources := []meter.Source{}
	for i := range m.Imports {
		im := &m.Imports[i]
		at := slices.Index(p.linked, im.Module)
		if at < 0 {
			at = len(p.linked)
			p.linked = append(p.linked, im.Module)
		}
		sources = append(sources, meter.Source{Provider: at, Name: im.Name, Host: host, Builtin: builtin(im.Module, im.Name)})
	}
	options := meter.Options{ARM64: runtime.GOARCH == "arm64", TakeTables: true, Imports: sources, Name: "linked"}
	if p.binary, p.info, err = meter.Rewrite(binary, options); err != nil {
		t.Fatalf("Rewrite: %v", err)
	}
	return p
}

func noBuiltin(string, string) meter.Builtin { return 0 }

const outOfBounds = "out of bounds memory access"

// trap returns what an error of wazero says, without the stack trace, whose
// function indices rewriting changes.
func trap(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	line, _, _ = strings.Cut(line, " (recovered by wazero)")
	if strings.HasPrefix(line, "data") && strings.HasSuffix(line, outOfBounds) {
		return outOfBounds // of a segment, which wazero tells by its index
	}
	if at := strings.LastIndex(line, "wasm error: "); at > 0 {
		return line[at:] // of a start function
	}
	return line
}
