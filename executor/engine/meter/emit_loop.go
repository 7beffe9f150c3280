package meter

import (
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// A loop becomes two, one in the other:
//
//	loop $outer
//	  if fuel < 0: call yield
//	  loop $inner
//	    body
//
// A branch to the loop goes to $inner while there is fuel and to $outer when there is none. Since the call is
// outside the inner loop, the compiler can keep the loop's variables in registers.
//
// In a loop nest the counter is in a local. It is loaded from the global before the nest, and stored back on
// each path out and around each call. A trap in the nest loses the units burnt since then, but it ends the
// guest anyway.

// loop copies the loop at i, or only its start, and returns the position to continue at.
func (e *emitter) loop(i int) int {
	in := e.instrs[i]
	t, enc := wasm.ReadBlockType(e.code, in)
	params, _ := e.rw.arity(t)
	if e.marks[i]&markTargeted == 0 { // nothing branches to it
		e.push(&label{op: wasm.OpBlock, level: e.begin(wasm.OpBlock, enc...), inNest: e.inLocal})
		return i + 1
	}
	l := &label{op: wasm.OpLoop, arity: params, known: true}
	if l.root = !e.inLocal && !e.callsFirst(i); l.root {
		e.toLocal()
	}
	l.inNest = e.inLocal
	e.settle()
	l.level = e.begin(wasm.OpLoop, enc...)
	e.startLine()
	e.push(l)
	if e.callsFirst(i) {
		return i + 1
	}
	e.check()
	if e.dispatches(i) {
		return i + 1
	}
	l.inner = e.begin(wasm.OpLoop, enc...)
	e.startLine()
	if copies := e.copies(i, t); copies > 1 {
		e.unroll(l, i, copies, t, enc)
		return int(in.B)
	}
	return i + 1
}

// callsFirst reports whether each round of the loop at i starts with a call of a function that checks the
// fuel, so that the loop needs no check.
func (e *emitter) callsFirst(i int) bool {
	for _, in := range e.instrs[i+1:] {
		switch in.Op {
		case wasm.OpCall:
			node := e.callee(in)
			return node >= 0 && node < len(e.rw.plan.entryCheck) && e.rw.plan.entryCheck[node]
		case wasm.OpLoop, wasm.OpIf, wasm.OpElse, wasm.OpEnd, wasm.OpBrIf:
			return false
		}
		if in.Op.Terminal() {
			return false
		}
	}
	return false
}

// dispatches reports whether the loop at i starts with a br_table, as in Go's functions. The compiler keeps
// the variables of such a loop in memory anyway, so a call in it makes little difference.
func (e *emitter) dispatches(i int) bool {
	for _, in := range e.instrs[i+1:] {
		switch in.Op {
		case wasm.OpBlock, wasm.OpLocalGet:
		default:
			return in.Op == wasm.OpBrTable
		}
	}
	return false
}

// endLoop closes a loop.
func (e *emitter) endLoop(l *label) {
	e.close()
	if l.inner > 0 {
		e.close()
	}
	if e.dead {
		e.pending, e.unchecked = 0, 0
	}
	if l.root {
		if !e.dead {
			e.toGlobal(e.pending)
		}
		e.pending, e.inLocal = 0, false
	}
	e.dead = false
	e.startLine()
}

const (
	unrolled  = 256 // bound on the instructions of all copies of a loop
	maxCopies = 4
	maxGrowth = 2 // factor of a function's growth beyond which its loops are not unrolled
)

// copies returns the number of copies of the loop at i, so that a tight loop charges and checks once in
// several rounds.
func (e *emitter) copies(i int, t wasm.BlockType) int {
	if !e.inLocal || t.IsIndex || e.marks[i]&(markCalls|markNested|markTabled) != 0 {
		return 1
	}
	if len(e.out) > maxGrowth*len(e.code)+maxCopies*unrolled {
		return 1
	}
	return min(maxCopies, unrolled/(int(e.instrs[i].B)-i))
}

// unroll copies the body of the loop at i several times. A branch to the loop goes to the next copy, and from
// the last copy to the first.
func (e *emitter) unroll(l *label, i, copies int, t wasm.BlockType, enc []byte) {
	body, end := i+1, int(e.instrs[i].B)
	done := &label{op: wasm.OpBlock, inNest: true}
	if t.HasResult {
		done.arity = 1
	}
	done.level = e.begin(wasm.OpBlock, enc...)
	for range copies - 1 {
		l.next = &label{op: wasm.OpBlock, inNest: true}
		l.next.level = e.begin(wasm.OpBlock)
		e.run(body, end)
		if !e.dead {
			e.br(done)
		}
		e.join(l.next)
	}
	l.next = nil
	e.run(body, end)
	e.join(done)
}
