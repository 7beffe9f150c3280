package wasm

// Arity returns the numbers of operands and results of an instruction whose type is fixed, that is, not of
// blocks, branches and calls.
func (op Op) Arity() (takes, leaves int) {
	switch {
	case op >= 0xfd00:
		return vectorArity(byte(op))
	case op >= 0xfc00:
		return bulkArity(op)
	}
	switch op {
	case OpDrop, OpLocalSet, OpGlobalSet:
		return 1, 0
	case OpSelect, OpSelectTyped:
		return 3, 1
	case OpLocalGet, OpGlobalGet, OpI32Const, OpI64Const, OpF32Const, OpF64Const,
		OpMemorySize, OpRefNull, OpRefFunc:
		return 0, 1
	case OpLocalTee, OpTableGet, OpMemoryGrow, OpRefIsNull:
		return 1, 1
	case OpTableSet:
		return 2, 0
	}
	switch {
	case op >= 0x28 && op <= 0x35: // loads
		return 1, 1
	case op >= 0x36 && op <= 0x3e: // stores
		return 2, 0
	case op == 0x45, op == 0x50, // eqz
		op >= 0x67 && op <= 0x69, op >= 0x79 && op <= 0x7b, // clz, ctz, popcnt
		op >= 0x8b && op <= 0x91, op >= 0x99 && op <= 0x9f, // unary floating point
		op >= 0xa7 && op <= 0xc4: // conversions
		return 1, 1
	case op >= 0x46 && op <= 0xa6:
		return 2, 1
	}
	return 0, 0
}

func bulkArity(op Op) (takes, leaves int) {
	switch op {
	case OpMemoryInit, OpMemoryCopy, OpMemoryFill, OpTableInit, OpTableCopy, OpTableFill:
		return 3, 0
	case OpDataDrop, OpElemDrop:
		return 0, 0
	case OpTableGrow:
		return 2, 1
	case OpTableSize:
		return 0, 1
	}
	return 1, 1 // saturating truncations
}

func vectorArity(sub byte) (takes, leaves int) {
	switch sub {
	case 12: // const
		return 0, 1
	case 11, 88, 89, 90, 91: // stores
		return 2, 0
	case 82: // bitselect
		return 3, 1
	case 77, 83, 103, 104, 105, 106, 116, 117, 122, 148, // not, any_true, roundings
		21, 22, 24, 25, 27, 29, 31, 33: // extract_lane
		return 1, 1
	}
	switch {
	case sub <= 10, sub >= 15 && sub <= 20, // loads, splats
		sub >= 92 && sub <= 100, sub >= 124 && sub <= 129,
		sub == 131, sub == 132, sub >= 135 && sub <= 138,
		sub == 160, sub == 161, sub == 163, sub == 164, sub >= 167 && sub <= 170,
		sub == 192, sub == 193, sub == 195, sub == 196, sub >= 199 && sub <= 202,
		sub == 224, sub == 225, sub == 227, sub == 236, sub == 237, sub == 239,
		sub >= 248:
		return 1, 1
	}
	return 2, 1
}

// Float reports whether an instruction without prefix works on floating point.
func (op Op) Float() bool {
	switch {
	case op == OpF32Const, op == OpF64Const, op == 0x2a, op == 0x2b, op == 0x38, op == 0x39,
		op >= 0x5b && op <= 0x66, op >= 0x8b && op <= 0xa6, op >= 0xa8 && op <= 0xab,
		op >= 0xae && op <= 0xbf:
		return true
	}
	return false
}
