package meter

import (
	"fmt"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// Unused declarations cannot be observed, but they cost: wazero generates code for every type, keeps the types
// of all modules, and gives each instance a copy of every passive element segment and 24 bytes for each segment, of which
// a Go program has 25,000. So unused types and element segments are emptied, and the segments behind the last one that
// code names are left out; nothing is renumbered.

// uses records which types and segments code refers to.
type uses struct {
	types    []bool
	elements []bool // by table.init
	// One more than the last segment that code names; zero if there is none.
	lastElements, lastData int
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
			u.lastElements = max(u.lastElements, int(in.A)+1)
		case wasm.OpElemDrop:
			u.lastElements = max(u.lastElements, int(in.A)+1)
		case wasm.OpMemoryInit, wasm.OpDataDrop:
			u.lastData = max(u.lastData, int(in.A)+1)
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
	rw.dropElements()
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
	rw.dropData()
	info.Segments = len(m.Elements) + len(m.Data)
	return nil
}

// dropElements leaves out the element segments behind the last one that code names, unless the instance has to write one.
func (rw *rewriter) dropElements() {
	m := rw.m
	keep := len(m.Elements)
	for keep > rw.uses.lastElements && m.Elements[keep-1].Mode != wasm.Active {
		keep--
	}
	m.Elements = m.Elements[:keep]
}

// dropData leaves out the data segments behind the last one that code names, unless the instance has to write one.
func (rw *rewriter) dropData() {
	m := rw.m
	keep := len(m.Data)
	for keep > rw.uses.lastData && m.Data[keep-1].Passive {
		keep--
	}
	m.Data = m.Data[:keep]
	if m.DataCount != nil {
		m.DataCount = nil
		if count := uint32(keep); keep > 0 {
			m.DataCount = &count
		}
	}
}
