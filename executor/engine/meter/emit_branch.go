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
		if in.A == 0 { // without an else the way around is as it is
			l.known, l.pending, l.unchecked = true, e.pending, e.unchecked
		}
	}
	if tabled {
		l.known = true
	}
	l.level = e.begin(in.Op, enc...)
	if in.Op == wasm.OpIf {
		e.line()
	}
	e.push(l)
}

// otherwise goes on to the else of an if.
func (e *emitter) otherwise() {
	l := e.labels[len(e.labels)-1]
	if !e.dead {
		e.charge(e.owed(l))
	}
	e.out.Op(wasm.OpElse)
	e.pending, e.unchecked, e.dead = l.entryPending, l.entryUnchecked, false
	e.line()
}

// end closes what is open.
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

// join closes a block, where the ways to its label meet.
func (e *emitter) join(l *label) {
	straight := !l.known && l.op != wasm.OpIf && !e.dead
	switch {
	case e.dead && !l.known: // no way leads here
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
		e.line()
	}
}

// owed is what a way to the label has to charge so that what is pending there
// is right. The first way decides what that is.
func (e *emitter) owed(l *label) int64 {
	if !l.known {
		l.known, l.pending = true, e.pending
	}
	l.unchecked = max(l.unchecked, e.unchecked)
	return e.pending - l.pending
}

// leaving reports whether a branch to the label leaves the nest of loops in
// which the fuel is in a local.
func (e *emitter) leaving(l *label) bool { return e.inLocal && !l.inNest }

// br goes to a label and ends the line.
func (e *emitter) br(l *label) {
	switch {
	case l.op == wasm.OpLoop && l.next == nil:
		e.settle()
		if e.leaving(l) {
			e.toGlobal(0)
		}
		e.again(l)
	case l.next != nil:
		e.forward(l.next)
	default:
		e.forward(l)
	}
	e.dead = true
}

// forward goes to the end of a block.
func (e *emitter) forward(l *label) {
	owed := e.owed(l)
	if e.leaving(l) {
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

// again goes back to the start of a loop, by way of its check if the fuel is spent.
func (e *emitter) again(l *label) {
	if l.inner > 0 {
		e.fuel()
		e.out.I64Const(0)
		e.out.Op(wasm.OpI64GeS)
		e.branch(wasm.OpBrIf, l.inner)
	}
	e.branch(wasm.OpBr, l.level)
}

// brIf goes to a label if the i32 on the operand stack is not zero.
func (e *emitter) brIf(l *label) {
	if l.next != nil {
		l = l.next
	}
	switch {
	case l.op == wasm.OpLoop && l.arity == 0:
		e.unless(func() { e.br(l) })
	case l.op == wasm.OpLoop && l.inner > 0:
		e.againIf(l)
	case l.arity == 0 && (e.owed(l) != 0 || e.leaving(l)):
		e.unless(func() { e.br(l) })
	default:
		e.charge(e.owed(l))
		e.pending = l.pending
		if e.leaving(l) {
			e.toGlobal(0)
		}
		e.branch(wasm.OpBrIf, l.level)
	}
	e.line()
}

// unless puts a way out, taken if the i32 on the operand stack is not zero,
// next to the line.
func (e *emitter) unless(out func()) {
	pending, unchecked := e.pending, e.unchecked
	e.begin(wasm.OpIf)
	e.line()
	out()
	e.close()
	e.pending, e.unchecked, e.dead = pending, unchecked, false
}

// againIf is brIf for a loop with parameters, which a block around the branch
// could not see.
func (e *emitter) againIf(l *label) {
	again := e.local("condition", wasm.I32)
	e.settle()
	e.out.Index(wasm.OpLocalSet, again)
	if e.leaving(l) {
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

// brTable goes to one of several labels. What is pending at a label that a
// br_table may go to is zero.
func (e *emitter) brTable(in wasm.Instr) {
	e.settle()
	e.targets = wasm.BranchTable(e.code, in, e.targets)
	leaving := false
	for _, t := range e.targets {
		l := e.label(t)
		e.owed(l)
		leaving = leaving || e.leaving(l)
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
