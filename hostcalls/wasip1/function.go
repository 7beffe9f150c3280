package wasip1

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
)

// moduleName is the module that guests import the functions from.
const moduleName = "wasi_snapshot_preview1"

// args are a call's arguments as wazero passes them, one word each. A string or list is a pointer and a
// length. A result other than the errno is a pointer, after all others.
type args []uint64

func (a args) u32(i int) uint32 { return uint32(a[i]) }
func (a args) u64(i int) uint64 { return a[i] }
func (a args) i64(i int) int64  { return int64(a[i]) }

// function is one function of the host module. The errno that call returns is its result.
//
// call runs on the guest's fiber. It may park (Process.Await, Process.Blocking); when these
// return an error, it ends the guest with it by engine.Abort.
type function struct {
	name   string
	params string // one letter each: i for i32, I for i64
	call   func(p *Process, m memory, a args) errno
}

// functions returns all functions of the module. Some have several forms: the same name with other parameters, see
// engine.FormName. The form of preview 1 comes first, then that of the newest version of an extension.
func functions() []function {
	var all []function
	for _, family := range [][]function{
		argFunctions(),
		clockFunctions(),
		procFunctions(),
		pollFunctions(),
		fdFunctions(),
		sockFunctions(),
		openFunctions(),
		addressFunctions(),
		optionFunctions(),
		messageFunctions(),
		addrinfoFunctions(),
		fileFunctions(),
		pathFunctions(),
	} {
		all = append(all, family...)
	}
	return all
}

// define adds the host module to a runtime, once.
func define(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(moduleName)
	seen := map[string]bool{}
	for _, f := range functions() {
		export := f.name
		if seen[f.name] {
			export = engine.FormName(f.name, f.funcType())
		}
		seen[f.name] = true
		var results []api.ValueType
		if f.name != "proc_exit" {
			results = []api.ValueType{api.ValueTypeI32}
		}
		b = b.NewFunctionBuilder().
			WithName(f.name).
			WithGoModuleFunction(&f, f.paramTypes(), results).
			Export(export)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// Call implements api.GoModuleFunction. The context is the Process.
func (f *function) Call(ctx context.Context, mod api.Module, stack []uint64) {
	p := ctx.(*Process)
	p.Begin(&f.name)
	p.charge(callCost)
	if p.sandboxed {
		p.confine(f.name, stack)
	}
	stack[0] = uint64(f.call(p, p.memoryOf(mod), stack))
}

// funcType returns the type of a function with a result.
func (f function) funcType() meter.FuncType {
	t := meter.FuncType{Results: []meter.ValType{meter.I32}}
	for _, p := range f.paramTypes() {
		t.Params = append(t.Params, meter.ValType(p)) // both have the codes of the binary format
	}
	return t
}

func (f function) paramTypes() []api.ValueType {
	types := make([]api.ValueType, len(f.params))
	for i, c := range f.params {
		types[i] = api.ValueTypeI32
		if c == 'I' {
			types[i] = api.ValueTypeI64
		}
	}
	return types
}
