package engine

import (
	"reflect"
	"unsafe"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
)

// TableFunctions returns the functions that a piece of a table refers to, from an element on, by their indices in the module,
// or meter.NoFunction; and whether there are more elements. ok is false if what one refers to can't be told. It must not be
// called while guest code runs.
func (i *Instance) TableFunctions(table uint32, from int) (functions []uint32, more, ok bool) {
	r, ok := i.references()
	if !ok {
		return nil, false, false
	}
	tables, _ := field(reflect.ValueOf(i.core.guest), "Tables")
	if int(table) >= tables.Len() {
		return nil, false, false
	}
	references, _ := field(tables.Index(int(table)), "References")
	typ, known := field(tables.Index(int(table)), "Type")
	isFunction := known && typ.CanUint() && typ.Uint() == uint64(funcRef)
	elements := references.Interface().([]uintptr)
	end := min(from+elementPiece, len(elements))
	for _, reference := range elements[from:end] {
		function, ok := r.function(reference, isFunction)
		if !ok {
			return nil, false, false
		}
		functions = append(functions, function)
	}
	return functions, end < len(elements), true
}

// funcRef is the type of a reference to a function, which package api has no name for.
const funcRef = api.ValueType(meter.FuncRef)

// FunctionOf returns the function that an exported global refers to, as TableFunctions does.
func (i *Instance) FunctionOf(export string) (function uint32, ok bool) {
	g := i.core.guest.ExportedGlobal(export)
	r, ok := i.references()
	if g == nil || !ok {
		return 0, false
	}
	return r.function(uintptr(g.Get()), g.Type() == funcRef)
}

// references tells which function a reference refers to.
type references struct {
	context   uintptr            // of the instance
	imported  map[uintptr]uint32 // the functions that the module imports, by their records
	functions uint32             // that the module imports
}

// references returns ok false if wazero has references of another kind than is known here.
func (i *Instance) references() (r references, ok bool) {
	records := &i.core.module.records
	if !i.core.module.engine.tables {
		return r, false
	}
	records.once.Do(func() { records.find(i.core.engine.fields, i.core.guest) })
	if !records.known {
		return r, false
	}
	engine, _ := field(reflect.ValueOf(i.core.guest), "Engine")
	r = references{i.core.engine.fields.contextOf(engine), map[uintptr]uint32{}, uint32(len(i.core.module.info.Imports))}
	for n := range r.functions { // each has one record, in the instance
		r.imported[engine.Interface().(referrer).FunctionInstanceReference(n)] = n
	}
	return r, true
}

// function returns the function that a reference refers to, by its index in the module. ok is false if it is no function of
// the module.
func (r references) function(reference uintptr, isFunction bool) (function uint32, ok bool) {
	if reference == 0 {
		return meter.NoFunction, true
	}
	if !isFunction {
		return 0, false
	}
	if n, ok := r.imported[reference]; ok {
		return n, true
	}
	record := *(**functionRecord)(unsafe.Pointer(&reference))
	if record.context != r.context || record.index < r.functions+meter.AddedImports {
		return 0, false
	}
	return record.index - meter.AddedImports, true
}
