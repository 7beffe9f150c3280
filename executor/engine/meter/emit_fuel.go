package meter

import (
	"slices"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

const (
	// maxUnchecked is the most fuel that a guest burns between two checks, except while it returns from a
	// deep recursion.
	maxUnchecked = 4096

	// afterCycle is the part of maxUnchecked that is left after a call that may have been part of a
	// recursion, so that returning from many frames burns little fuel before the next check.
	afterCycle = 256

	// maxPending bounds the fuel that is charged late.
	maxPending = 1024
)

// burn adds the n units of the next instruction to pending and unchecked.
func (e *emitter) burn(n int64) {
	if e.pending+n > maxPending {
		e.settle()
		e.startLine()
	}
	if e.unchecked+n > maxUnchecked {
		e.check()
	}
	e.pending += n
	e.unchecked += n
}

// settle charges the pending units.
func (e *emitter) settle() {
	e.charge(e.pending)
	e.pending = 0
}

// charge subtracts n units from the counter, at the start of the line.
func (e *emitter) charge(n int64) {
	if n == 0 {
		return
	}
	var c wasm.Code
	get, set, counter := wasm.OpGlobalGet, wasm.OpGlobalSet, e.rw.added.fuel
	if e.inLocal {
		get, set, counter = wasm.OpLocalGet, wasm.OpLocalSet, e.fuelLocal()
	}
	c.Index(get, counter)
	c.I64Const(n)
	c.Op(wasm.OpI64Sub)
	c.Index(set, counter)
	e.out = slices.Insert(e.out, e.anchor, c...)
}

func (e *emitter) fuelLocal() uint32 { return e.local("fuel", wasm.I64) }

// fuel pushes the counter on the operand stack.
func (e *emitter) fuel() {
	if e.inLocal {
		e.out.Index(wasm.OpLocalGet, e.fuelLocal())
	} else {
		e.out.Index(wasm.OpGlobalGet, e.rw.added.fuel)
	}
}

// toLocal loads the counter, less the pending units, from the global into the local.
func (e *emitter) toLocal() {
	e.fuel()
	e.subtract(e.pending)
	e.pending = 0
	e.out.Index(wasm.OpLocalSet, e.fuelLocal())
	e.inLocal = true
	e.startLine()
}

// toGlobal stores the counter in the local, less n units, to the global.
func (e *emitter) toGlobal(n int64) {
	e.fuel()
	e.subtract(n)
	e.out.Index(wasm.OpGlobalSet, e.rw.added.fuel)
}

func (e *emitter) subtract(n int64) {
	if n != 0 {
		e.out.I64Const(n)
		e.out.Op(wasm.OpI64Sub)
	}
}

// check emits a call of the host if the fuel is spent.
func (e *emitter) check() {
	e.marks[e.at] |= markChecked
	e.fuel()
	e.ifNegative(func() {
		if e.inLocal {
			e.toGlobal(0)
		}
		e.out.Index(wasm.OpCall, e.rw.added.yield)
		if e.inLocal {
			e.out.Index(wasm.OpGlobalGet, e.rw.added.fuel)
			e.out.Index(wasm.OpLocalSet, e.fuelLocal())
		}
	})
	e.unchecked = 0
	e.startLine()
}

// ifNegative emits then, to be executed if the i64 on the operand stack is negative.
func (e *emitter) ifNegative(then func()) {
	e.out.I64Const(0)
	e.out.Op(wasm.OpI64LtS)
	e.begin(wasm.OpIf)
	then()
	e.close()
}

func (e *emitter) callIfNegative(global, function uint32) {
	e.out.Index(wasm.OpGlobalGet, global)
	e.ifNegative(func() { e.out.Index(wasm.OpCall, function) })
}
