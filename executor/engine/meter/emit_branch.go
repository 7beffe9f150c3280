package meter

import (
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// block opens the block or if at i.
func (e *emitter) block(i int) {
	in := e.instrs[i]
	t, enc := wasm.ReadBlockType(e.code, in)
	_, results := e.rw.arity(t)
	l := &label{op: in.Op, arity: results, inNest: e.inLocal}
	tabled := e.marks[i]&markTabled != 0
	if in.Op == wasm.OpIf {
		if tabled && in.A == 0 {
			e.settle()
		}
		l.entryPending, l.entryUnchecked = e.pending, e.unchecked
		if in.A == 0 { // without an else, no code can be added to the path around the if
			l.known, l.pending, l.unchecked = true, e.pending, e.unchecked
		}
	}
	if tabled {
		l.known = true
	}
	l.level = e.begin(in.Op, enc...)
	if in.Op == wasm.OpIf {
		e.startLine()
	}
	e.push(l)
}

// elseBranch starts the else of an if.
func (e *emitter) elseBranch() {
	l := e.labels[len(e.labels)-1]
	if !e.dead {
		e.charge(e.owed(l))
	}
	e.out.Op(wasm.OpElse)
	e.pending, e.unchecked, e.dead = l.entryPending, l.entryUnchecked, false
	e.startLine()
}

// end closes the innermost block.
func (e *emitter) end() {
	switch l := e.pop(); l.op {
	case wasm.OpReturn:
		e.epilogue(l)
	case wasm.OpLoop:
		e.endLoop(l)
	default:
		e.join(l)
	}
}

// join closes a block, at whose label paths meet.
func (e *emitter) join(l *label) {
	straight := !l.known && l.op != wasm.OpIf && !e.dead
	switch {
	case e.dead && !l.known: // no path leads here
		e.pending, e.unchecked = 0, 0
	case e.dead:
		e.pending, e.unchecked = l.pending, l.unchecked
	case l.known:
		e.charge(e.owed(l))
		e.pending, e.unchecked = l.pending, l.unchecked
	}
	e.close()
	e.dead = false
	if !straight {
		e.startLine()
	}
}

// owed returns the units that the current path to the label has to charge, so that all paths have the same
// pending units at the label. The first path sets those.
func (e *emitter) owed(l *label) int64 {
	if !l.known {
		l.known, l.pending = true, e.pending
	}
	l.unchecked = max(l.unchecked, e.unchecked)
	return e.pending - l.pending
}

// leavesNest reports whether a branch to the label leaves the loop nest that keeps the fuel in a local.
func (e *emitter) leavesNest(l *label) bool { return e.inLocal && !l.inNest }

// br emits a branch to a label.
func (e *emitter) br(l *label) {
	switch {
	case l.op == wasm.OpLoop && l.next == nil:
		e.settle()
		if e.leavesNest(l) {
			e.toGlobal(0)
		}
		e.repeat(l)
	case l.next != nil:
		e.forward(l.next)
	default:
		e.forward(l)
	}
	e.dead = true
}

// forward emits a branch to the end of a block.
func (e *emitter) forward(l *label) {
	owed := e.owed(l)
	if e.leavesNest(l) {
		e.toGlobal(owed)
	} else {
		e.charge(owed)
	}
	if l.op == wasm.OpReturn && !e.wrapped {
		e.out.Op(wasm.OpReturn)
		return
	}
	e.branch(wasm.OpBr, l.level)
}

// repeat emits a branch to the start of a loop: to the inner loop while there is fuel, otherwise to the check.
func (e *emitter) repeat(l *label) {
	if l.inner > 0 {
		e.fuel()
		e.out.I64Const(0)
		e.out.Op(wasm.OpI64GeS)
		e.branch(wasm.OpBrIf, l.inner)
	}
	e.branch(wasm.OpBr, l.level)
}

// brIf emits a branch to a label, taken if the i32 on the operand stack is not zero.
func (e *emitter) brIf(l *label) {
	if l.next != nil {
		l = l.next
	}
	switch {
	case l.op == wasm.OpLoop && l.arity == 0:
		e.branchIf(func() { e.br(l) })
	case l.op == wasm.OpLoop && l.inner > 0:
		e.repeatIf(l)
	case l.arity == 0 && (e.owed(l) != 0 || e.leavesNest(l)):
		e.branchIf(func() { e.br(l) })
	default:
		e.charge(e.owed(l))
		e.pending = l.pending
		if e.leavesNest(l) {
			e.toGlobal(0)
		}
		e.branch(wasm.OpBrIf, l.level)
	}
	e.startLine()
}

// branchIf emits an if around a branch, so that the branch can be charged separately. out emits the branch.
func (e *emitter) branchIf(out func()) {
	pending, unchecked := e.pending, e.unchecked
	e.begin(wasm.OpIf)
	e.startLine()
	out()
	e.close()
	e.pending, e.unchecked, e.dead = pending, unchecked, false
}

// repeatIf is brIf for a loop with parameters: inside an if, the branch could not use the operands.
func (e *emitter) repeatIf(l *label) {
	again := e.local("condition", wasm.I32)
	e.settle()
	e.out.Index(wasm.OpLocalSet, again)
	if e.leavesNest(l) {
		e.toGlobal(0)
	}
	e.fuel()
	e.out.I64Const(0)
	e.out.Op(wasm.OpI64GeS)
	e.out.Index(wasm.OpLocalGet, again)
	e.out.I32Const(0)
	e.out.Op(wasm.OpI32Ne, wasm.OpI32And)
	e.branch(wasm.OpBrIf, l.inner)
	e.out.Index(wasm.OpLocalGet, again)
	e.branch(wasm.OpBrIf, l.level)
}

// brTable emits a branch to one of several labels. At a label that is a target of a br_table, no units are
// pending.
func (e *emitter) brTable(in wasm.Instr) {
	e.settle()
	e.targets = wasm.BranchTable(e.code, in, e.targets)
	leaving := false
	for _, t := range e.targets {
		l := e.label(t)
		e.owed(l)
		leaving = leaving || e.leavesNest(l)
	}
	if leaving {
		e.toGlobal(0)
	}
	e.out.Index(wasm.OpBrTable, uint32(len(e.targets)-1))
	for _, t := range e.targets {
		e.out.Raw(wasm.AppendU32(nil, uint32(e.depth-e.label(t).level))...)
	}
	e.dead = true
}
