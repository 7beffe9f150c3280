package meter

import (
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// wazero 1.12 generates wrong machine code for arm64 in two cases, which TestInstructions finds under an
// emulator:
//
//   - A remainder is wrong where many values are live: its register is written twice, by the division and by
//     the multiply-subtract, and reloaded in between from a slot that has not been written.
//   - The population count of an i32 counts the bits of the whole register, whose upper half may not be zero,
//     after a sign-extending load or if the i32 was the lower half of an i64.
//
// So both instructions are replaced: a remainder by a - a / b * b, and the population count by that of the
// zero-extended i64. (wazero #2508 fixes the former; no release has it.)

// remainderValues is the number of values that a replaced remainder makes.
const remainderValues = 4

func remainder(op wasm.Op) bool {
	switch op {
	case wasm.OpI32RemS, wasm.OpI32RemU, wasm.OpI64RemS, wasm.OpI64RemU:
		return true
	}
	return false
}

// arm64 emits a replacement for an instruction that is compiled wrong, or returns false.
func (e *emitter) arm64(op wasm.Op) bool {
	switch op {
	case wasm.OpI32Popcnt:
		e.out.Op(wasm.OpI64ExtendI32U, wasm.OpI64Popcnt, wasm.OpI32WrapI64)
	case wasm.OpI32RemS, wasm.OpI32RemU:
		e.remainder32(op == wasm.OpI32RemS)
	case wasm.OpI64RemS, wasm.OpI64RemU:
		e.remainder64(op == wasm.OpI64RemS)
	default:
		return false
	}
	return true
}

// A divisor of -1 is replaced by 1, which has the same remainder, since dividing the least number by -1
// overflows. A divisor of zero traps in the division, as it should.

func (e *emitter) remainder32(signed bool) {
	a, b := e.local("dividend32", wasm.I32), e.local("divisor32", wasm.I32)
	divide := wasm.OpI32DivU
	e.out.Index(wasm.OpLocalSet, b)
	e.out.Index(wasm.OpLocalSet, a)
	if signed {
		divide = wasm.OpI32DivS
		e.out.I32Const(1)
		e.out.Index(wasm.OpLocalGet, b)
		e.out.Index(wasm.OpLocalGet, b)
		e.out.I32Const(-1)
		e.out.Op(wasm.OpI32Eq, wasm.OpSelect)
		e.out.Index(wasm.OpLocalSet, b)
	}
	e.difference(a, b, divide, wasm.OpI32Mul, wasm.OpI32Sub)
}

func (e *emitter) remainder64(signed bool) {
	a, b := e.local("dividend64", wasm.I64), e.local("divisor64", wasm.I64)
	divide := wasm.OpI64DivU
	e.out.Index(wasm.OpLocalSet, b)
	e.out.Index(wasm.OpLocalSet, a)
	if signed {
		divide = wasm.OpI64DivS
		e.out.I64Const(1)
		e.out.Index(wasm.OpLocalGet, b)
		e.out.Index(wasm.OpLocalGet, b)
		e.out.I64Const(-1)
		e.out.Op(wasm.OpI64Eq, wasm.OpSelect)
		e.out.Index(wasm.OpLocalSet, b)
	}
	e.difference(a, b, divide, wasm.OpI64Mul, wasm.OpI64Sub)
}

// difference emits a - a / b * b.
func (e *emitter) difference(a, b uint32, divide, multiply, subtract wasm.Op) {
	e.out.Index(wasm.OpLocalGet, a)
	e.out.Index(wasm.OpLocalGet, a)
	e.out.Index(wasm.OpLocalGet, b)
	e.out.Op(divide)
	e.out.Index(wasm.OpLocalGet, b)
	e.out.Op(multiply, subtract)
}
