package meter

import (
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// call copies the call at i.
func (e *emitter) call(i int) {
	in := e.instrs[i]
	node := e.callee(in)
	e.beforeCall(node)
	e.withGlobalFuel(i, func() { e.plainCall(in) })
	e.afterCall(node)
}

// withGlobalFuel emits code that counts fuel in the global. do emits that code.
func (e *emitter) withGlobalFuel(i int, do func()) {
	if !e.inLocal {
		do()
		return
	}
	e.toGlobal(e.pending)
	e.pending = 0
	do()
	if e.instrs[i+1].Op != wasm.OpUnreachable {
		e.out.Index(wasm.OpGlobalGet, e.rw.added.fuel)
		e.out.Index(wasm.OpLocalSet, e.fuelLocal())
	}
	e.startLine()
}

func (e *emitter) plainCall(in wasm.Instr) {
	switch in.Op {
	case wasm.OpCall, wasm.OpReturnCall:
		e.out.Index(wasm.OpCall, e.rw.added.renumber(in.A))
	default:
		e.out.Index(wasm.OpCallIndirect, in.A)
		e.out.Raw(wasm.AppendU32(nil, in.B)...)
	}
}

// callee returns the call graph node that an instruction calls, or -1 for a function of the host.
func (e *emitter) callee(in wasm.Instr) int {
	switch in.Op {
	case wasm.OpCall, wasm.OpReturnCall:
		if e.rw.isForeign(in.A) {
			return e.rw.plan.types[outside]
		}
		return int(in.A) - min(int(in.A)+1, e.rw.imported)
	}
	return e.rw.plan.types[e.rw.keys[in.A]]
}

// beforeCall emits a check if the call needs one: an indirect call that may be part of a cycle always does,
// other calls if the callee may burn too much before its next check.
func (e *emitter) beforeCall(node int) {
	p := e.rw.plan
	switch {
	case node < 0:
	case node >= len(p.entryCheck):
		if p.cyclic[node] || e.unchecked+p.unchecked[node] > maxUnchecked {
			e.check()
		}
	case p.entryCheck[node]:
		e.unchecked = 0
	case e.unchecked+p.unchecked[node] > maxUnchecked:
		e.check()
	}
}

func (e *emitter) afterCall(node int) {
	p := e.rw.plan
	if node < 0 {
		return
	}
	e.unchecked += p.unchecked[node]
	if p.cyclic[node] && p.component[node] == p.component[e.f] {
		e.unchecked = max(e.unchecked, maxUnchecked-afterCycle)
	}
}

// tailCall copies a tail call. A tail call that wazero would compile to an ordinary call becomes an ordinary
// call here, so that its frame stays counted.
func (e *emitter) tailCall(in wasm.Instr) {
	node := e.callee(in)
	e.beforeCall(node)
	imported := in.Op == wasm.OpReturnCall && int(in.A) < e.rw.imported
	if imported || !inRegisters(e.rw.calleeType(in)) {
		if e.inLocal {
			e.toGlobal(e.pending)
			e.pending, e.inLocal = 0, false
			defer func() { e.inLocal = true }()
		}
		e.plainCall(in)
		e.afterCall(node)
		e.startLine()
		e.br(e.labels[0])
		return
	}
	if e.inLocal {
		e.toGlobal(e.pending)
	} else {
		e.charge(e.pending)
	}
	e.pending = 0
	if e.wrapped {
		e.moveStack(wasm.OpI64Add)
	}
	if in.Op == wasm.OpReturnCall {
		e.out.Index(in.Op, e.rw.added.renumber(in.A))
	} else {
		e.out.Index(in.Op, in.A)
		e.out.Raw(wasm.AppendU32(nil, in.B)...)
	}
	e.dead = true
}

// inRegisters reports whether all arguments and results of a call are passed in registers on every
// architecture. Otherwise wazero compiles a tail call to an ordinary call (see "Tail Call Implementation" in
// its RATIONALE).
func inRegisters(t wasm.FuncType) bool {
	const (
		params  = 6 // arm64 has 8 for integers, two of which wazero uses itself
		results = 8
		floats  = 8
	)
	return fits(t.Params, params, floats) && fits(t.Results, results, floats)
}

func fits(ts []wasm.ValType, ints, floats int) bool {
	for _, t := range ts {
		switch t {
		case wasm.F32, wasm.F64, wasm.V128:
			floats--
		default:
			ints--
		}
	}
	return ints >= 0 && floats >= 0
}
