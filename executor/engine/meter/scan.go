package meter

import (
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// Marks on an instruction. scan sets them all but markChecked, which the emitter sets.
const (
	markTabled   = 1 << iota // a block, loop or if that is a target of a br_table
	markTargeted             // a block, loop or if that is a target of a branch
	markCalls                // a loop that contains a call, also of a helper, that returns into it
	markNested               // a loop that contains a loop
	markDead                 // unreachable
	markChecked              // the fuel is checked before it
)

// scanner collects what the emitter has to know of an instruction in advance.
type scanner struct {
	marks  []byte
	open   []int // positions of the open blocks; -1 for the function's own
	loops  []int // positions of the open loops
	labels []uint32
	tabled bool // a br_table may leave the function
}

// scan marks the instructions of a body.
func (s *scanner) scan(code []byte, instrs []wasm.Instr) {
	s.marks = append(s.marks[:0], make([]byte, len(instrs))...)
	s.open = append(s.open[:0], -1)
	s.loops, s.tabled = s.loops[:0], false
	dead := 0 // blocks open in dead code, including the one that became dead
	for i, in := range instrs {
		if dead > 0 {
			switch {
			case in.Op == wasm.OpEnd && dead == 1, in.Op == wasm.OpElse && dead == 1:
				dead = 0
			default:
				dead += nesting(in.Op)
				s.marks[i] |= markDead
				continue
			}
		}
		s.instr(code, instrs, i)
		if in.Op.Terminal() {
			dead = 1
		}
	}
}

// nesting returns by how much op changes the number of open blocks.
func nesting(op wasm.Op) int {
	switch op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		return 1
	case wasm.OpEnd:
		return -1
	}
	return 0
}

func (s *scanner) instr(code []byte, instrs []wasm.Instr, i int) {
	switch in := instrs[i]; in.Op {
	case wasm.OpBlock, wasm.OpIf:
		s.open = append(s.open, i)
	case wasm.OpLoop:
		s.markLoops(markNested)
		s.open = append(s.open, i)
		s.loops = append(s.loops, i)
	case wasm.OpEnd:
		top := len(s.open) - 1
		if at := s.open[top]; at >= 0 && instrs[at].Op == wasm.OpLoop {
			s.loops = s.loops[:len(s.loops)-1]
		}
		s.open = s.open[:top]
	case wasm.OpBr, wasm.OpBrIf:
		s.target(in.A, markTargeted)
	case wasm.OpBrTable:
		s.labels = wasm.BranchTable(code, in, s.labels)
		for _, l := range s.labels {
			s.target(l, markTargeted|markTabled)
		}
	default:
		if callsOut(instrs, i) {
			s.markLoops(markCalls)
		}
	}
}

// callsOut reports whether the metered code for the instruction at i calls a function that counts fuel, and
// continues after the call.
func callsOut(instrs []wasm.Instr, i int) bool {
	switch instrs[i].Op {
	case wasm.OpCall, wasm.OpCallIndirect:
		return instrs[i+1].Op != wasm.OpUnreachable
	case wasm.OpMemoryFill, wasm.OpMemoryCopy, wasm.OpMemoryInit:
		return !smallBulk(instrs, i)
	case wasm.OpTableFill, wasm.OpTableCopy, wasm.OpTableInit: // of a large table
		return true
	}
	return false
}

// markLoops marks all open loops. If a loop has the mark already, so have the loops around it.
func (s *scanner) markLoops(mark byte) {
	for j := len(s.loops) - 1; j >= 0 && s.marks[s.loops[j]]&mark == 0; j-- {
		s.marks[s.loops[j]] |= mark
	}
}

func (s *scanner) target(label uint32, mark byte) {
	at := s.open[len(s.open)-1-int(label)]
	if at >= 0 {
		s.marks[at] |= mark
	} else if mark&markTabled != 0 {
		s.tabled = true
	}
}
