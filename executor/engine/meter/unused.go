package meter

import (
	"fmt"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// Unused declarations cannot be observed, but they cost: wazero generates code for every type, keeps the types
// of all modules, and gives each instance a copy of every passive element segment. So unused types and
// segments are emptied; nothing is renumbered.

// uses records which types and element segments code refers to.
type uses struct {
	types    []bool
	elements []bool
}

// record adds the uses of a parsed body.
func (u *uses) record(code []byte, instrs []wasm.Instr) {
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

// dropUnused empties unused types and passive element segments, and refuses a module whose used types have
// too many parameters and results.
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
