package meter

import "github.com/reactord/reactord/executor/engine/meter/wasm"

// wazero allocates a record for each ref.func that is executed, and keeps it as long as the instance: a loop
// around a ref.func would fill the host's memory. So metered code loads references from an added table, which
// has one element for each function that code refers to. (TestReferencesAreMadeOnce)

// references are the functions that code refers to.
type references struct {
	slots     map[uint32]int32
	functions []uint32 // renumbered function indices, by slot
}

// reference emits code that loads the reference to an original function from the table.
func (e *emitter) reference(function uint32) {
	r := &e.rw.references
	slot, ok := r.slots[function]
	if !ok {
		if r.slots == nil {
			r.slots = map[uint32]int32{}
		}
		slot = int32(len(r.functions))
		r.slots[function] = slot
		r.functions = append(r.functions, e.rw.added.renumber(function))
	}
	e.out.I32Const(slot)
	e.out.Index(wasm.OpTableGet, uint32(e.rw.space.Tables))
}

// appendReferences appends the table after the original ones, if code needs it.
func (rw *rewriter) appendReferences(info *Info) {
	n := len(rw.references.functions)
	if n == 0 {
		return
	}
	size := uint32(n)
	info.TableElements += uint64(n)
	rw.m.Tables = append(rw.m.Tables, wasm.TableType{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: size, Max: size, HasMax: true}})
	rw.m.Elements = append(rw.m.Elements, wasm.Element{
		Table: uint32(rw.space.Tables), Offset: wasm.Expr{Code: []byte{byte(wasm.OpI32Const), 0, byte(wasm.OpEnd)}},
		Funcs: rw.references.functions,
	})
}
