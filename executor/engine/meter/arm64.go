package meter

import (
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// wazero 1.12 makes wrong machine code for arm64 in two cases, which TestInstructions finds under an emulator:
//
//   - A remainder is garbage where many values are live: its register is written twice, by the division and
//     by what takes the product off, and reloaded in between from a slot that has not been written.
//   - The population count of an i32 counts the bits of a whole register, though the upper half may have
//     anything in it, after a load that extends a sign or where the i32 was the lower half of an i64.
//
// So neither instruction gets there: a remainder is a - a / b * b, and the count that of the i64 with the
// upper half zero. (The fix of the former is wazero #2508, which no release has.)

// remainderValues is how many values a remainder makes here.
const remainderValues = 4

func remainder(op wasm.Op) bool {
	switch op {
	case wasm.OpI32RemS, wasm.OpI32RemU, wasm.OpI64RemS, wasm.OpI64RemU:
		return true
	}
	return false
}

// arm64 writes something in place of an instruction that is compiled wrong, or returns false.
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

// The remainder by -1 is that by 1, but the quotient of the least number by -1 overflows. A divisor of zero traps in the
// division, as it should.

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

// difference writes a - a / b * b.
func (e *emitter) difference(a, b uint32, divide, multiply, subtract wasm.Op) {
	e.out.Index(wasm.OpLocalGet, a)
	e.out.Index(wasm.OpLocalGet, a)
	e.out.Index(wasm.OpLocalGet, b)
	e.out.Op(divide)
	e.out.Index(wasm.OpLocalGet, b)
	e.out.Op(multiply, subtract)
}
