package meter

import (
	"fmt"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// What a module declares and does not use cannot be observed, but it costs: an engine makes code for
// every type, keeps the types of all modules it ever saw, and gives each instance a copy of every
// passive element segment. So it is made as small as there is; nothing is renumbered.

// uses notes what code refers to of types and element segments.
type uses struct {
	types    []bool
	elements []bool
}

// note takes down what the parsed body refers to.
func (u *uses) note(code []byte, instrs []wasm.Instr) {
	for _, in := range instrs {
		switch in.Op {
		case wasm.OpCallIndirect, wasm.OpReturnCallIndirect:
			u.types[in.A] = true
		case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
			if t, _ := wasm.ReadBlockType(code, in); t.IsIndex {
				u.types[t.Index] = true
			}
		case wasm.OpTableInit:
			u.elements[in.A] = true
		}
	}
}

// dropUnused empties types and passive element segments that nothing refers to, and refuses a module
// whose other types have too many parameters and results.
func (rw *rewriter) dropUnused(info *Info) error {
	m := rw.m
	for _, t := range m.FunctionTypeIndices() {
		rw.uses.types[t] = true
	}
	for i := range m.Types {
		if !rw.uses.types[i] {
			m.Types[i] = wasm.FuncType{}
		}
		info.TypeValues += len(m.Types[i].Params) + len(m.Types[i].Results)
	}
	if info.TypeValues > rw.limits.TypeValues {
		return &Error{Kind: TooLarge, Msg: fmt.Sprintf("types of %d parameters and results together, the limit is %d", info.TypeValues, rw.limits.TypeValues)}
	}
	info.Types = len(m.Types)
	for i := range m.Elements {
		e := &m.Elements[i]
		if e.Mode == wasm.Passive && !rw.uses.elements[i] {
			e.Funcs, e.Count, e.Exprs = nil, 0, wasm.Expr{}
		}
		items := max(e.Count, len(e.Funcs))
		info.SegmentItems += items
		if e.Mode != wasm.Declarative {
			info.Elements += items
		}
	}
	return nil
}
