package wasm

// Op is an opcode. Opcodes with a prefix have it in the upper byte.
type Op uint16

// The opcodes that passes use.
const (
	OpUnreachable        Op = 0x00
	OpNop                Op = 0x01
	OpBlock              Op = 0x02
	OpLoop               Op = 0x03
	OpIf                 Op = 0x04
	OpElse               Op = 0x05
	OpEnd                Op = 0x0b
	OpBr                 Op = 0x0c
	OpBrIf               Op = 0x0d
	OpBrTable            Op = 0x0e
	OpReturn             Op = 0x0f
	OpCall               Op = 0x10
	OpCallIndirect       Op = 0x11
	OpReturnCall         Op = 0x12
	OpReturnCallIndirect Op = 0x13
	OpDrop               Op = 0x1a
	OpSelect             Op = 0x1b
	OpSelectTyped        Op = 0x1c
	OpLocalGet           Op = 0x20
	OpLocalSet           Op = 0x21
	OpLocalTee           Op = 0x22
	OpGlobalGet          Op = 0x23
	OpGlobalSet          Op = 0x24
	OpTableGet           Op = 0x25
	OpTableSet           Op = 0x26
	OpMemorySize         Op = 0x3f
	OpMemoryGrow         Op = 0x40
	OpI32Const           Op = 0x41
	OpI64Const           Op = 0x42
	OpF32Const           Op = 0x43
	OpF64Const           Op = 0x44
	OpI32Eqz             Op = 0x45
	OpI32Eq              Op = 0x46
	OpI32Ne              Op = 0x47
	OpI32LtU             Op = 0x49
	OpI32GtU             Op = 0x4b
	OpI32LeU             Op = 0x4d
	OpI64Eq              Op = 0x51
	OpI64LtS             Op = 0x53
	OpI64GtU             Op = 0x56
	OpI64GeS             Op = 0x59
	OpI32Popcnt          Op = 0x69
	OpI32Add             Op = 0x6a
	OpI32Sub             Op = 0x6b
	OpI32Mul             Op = 0x6c
	OpI32DivS            Op = 0x6d
	OpI32DivU            Op = 0x6e
	OpI32RemS            Op = 0x6f
	OpI32RemU            Op = 0x70
	OpI32And             Op = 0x71
	OpI32Or              Op = 0x72
	OpI64Popcnt          Op = 0x7b
	OpI64Add             Op = 0x7c
	OpI64Sub             Op = 0x7d
	OpI64Mul             Op = 0x7e
	OpI64DivS            Op = 0x7f
	OpI64DivU            Op = 0x80
	OpI64RemS            Op = 0x81
	OpI64RemU            Op = 0x82
	OpI64Or              Op = 0x84
	OpI64Shl             Op = 0x86
	OpI64ShrU            Op = 0x88
	OpI32WrapI64         Op = 0xa7
	OpI64ExtendI32U      Op = 0xad
	OpRefNull            Op = 0xd0
	OpRefIsNull          Op = 0xd1
	OpRefFunc            Op = 0xd2

	OpMemoryInit Op = 0xfc08
	OpDataDrop   Op = 0xfc09
	OpMemoryCopy Op = 0xfc0a
	OpMemoryFill Op = 0xfc0b
	OpTableInit  Op = 0xfc0c
	OpElemDrop   Op = 0xfc0d
	OpTableCopy  Op = 0xfc0e
	OpTableGrow  Op = 0xfc0f
	OpTableSize  Op = 0xfc10
	OpTableFill  Op = 0xfc11

	OpV128Const Op = 0xfd0c
)

// immediates is the shape of the immediates after an opcode.
type immediates byte

const (
	illegal immediates = iota
	immNone
	immBlock // block type
	immLabel
	immTable // br_table: vector of labels
	immIndex // one index: local, global, table, element segment or data segment
	immFunc
	immType // call_indirect: type and table
	immTwo  // two indices
	immMemory
	immMemArg
	immI32
	immI64
	imm4
	imm8
	imm16
	immRefType
	immValTypes
	immLane
	immMemArgLane
	immInit // memory.init: data segment and memory
	immCopy // memory.copy: two memories
)

// shape returns the shape of single-byte opcodes.
func shape(b byte) immediates {
	switch op := Op(b); op {
	case OpUnreachable, OpNop, OpElse, OpEnd, OpReturn, OpDrop, OpSelect, OpRefIsNull:
		return immNone
	case OpBlock, OpLoop, OpIf:
		return immBlock
	case OpBr, OpBrIf:
		return immLabel
	case OpBrTable:
		return immTable
	case OpCall, OpReturnCall, OpRefFunc:
		return immFunc
	case OpCallIndirect, OpReturnCallIndirect:
		return immType
	case OpLocalGet, OpLocalSet, OpLocalTee, OpGlobalGet, OpGlobalSet, OpTableGet, OpTableSet:
		return immIndex
	case OpMemorySize, OpMemoryGrow:
		return immMemory
	case OpSelectTyped:
		return immValTypes
	case OpRefNull:
		return immRefType
	case OpI32Const:
		return immI32
	case OpI64Const:
		return immI64
	case OpF32Const:
		return imm4
	case OpF64Const:
		return imm8
	}
	switch {
	case b >= 0x28 && b <= 0x3e: // loads and stores
		return immMemArg
	case b >= 0x45 && b <= 0xc4: // numeric
		return immNone
	}
	return illegal
}

// prefixedShape returns the shape of opcodes with a prefix.
func prefixedShape(prefix byte, sub uint32) immediates {
	switch {
	case sub > 0xff:
	case prefix == 0xfc:
		return bulkShape(sub)
	case prefix == 0xfd:
		return vectorShape(sub)
	}
	return illegal
}

// bulkShape returns the shape of opcodes with prefix 0xfc.
func bulkShape(sub uint32) immediates {
	switch Op(0xfc00 + sub) {
	case OpMemoryInit:
		return immInit
	case OpMemoryCopy:
		return immCopy
	case OpMemoryFill:
		return immMemory
	case OpTableInit, OpTableCopy:
		return immTwo
	case OpDataDrop, OpElemDrop, OpTableGrow, OpTableSize, OpTableFill:
		return immIndex
	}
	if sub < 8 { // saturating truncations
		return immNone
	}
	return illegal
}

// vectorShape returns the shape of opcodes with prefix 0xfd.
func vectorShape(sub uint32) immediates {
	switch {
	case sub <= 11, sub == 92, sub == 93:
		return immMemArg
	case sub == 12, sub == 13:
		return imm16
	case sub >= 21 && sub <= 34:
		return immLane
	case sub >= 84 && sub <= 91:
		return immMemArgLane
	}
	switch sub {
	case 0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb,
		0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee:
		return illegal
	}
	return immNone
}

// isPrefix reports whether a byte is a prefix, which an integer follows as the second part of the opcode.
func isPrefix(b byte) bool { return b >= 0xfb && b <= 0xfe }

// refusedOp returns the proposal that an opcode belongs to, if there is one. sub is the second part of
// opcodes with a prefix.
func refusedOp(op byte, sub uint32) string {
	switch op {
	case 0x06, 0x07, 0x08, 0x09, 0x0a, 0x18, 0x19, 0x1f:
		return featureExceptions
	case 0x14, 0x15, 0xd4, 0xd5, 0xd6:
		return featureFuncRefs
	case 0xd3:
		return featureGC
	case 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6:
		return featureStacks
	}
	switch {
	case op == 0xfb && sub <= 0x1e:
		return featureGC
	case op == 0xfc && sub >= 0x13 && sub <= 0x16:
		return featureWide
	case op == 0xfd && sub >= 0x100 && sub <= 0x113:
		return featureRelaxed
	case op == 0xfe && (sub <= 0x03 || sub >= 0x10 && sub <= 0x4e):
		return featureThreads
	}
	return ""
}

// Terminal reports whether the code after op, up to the end of its block, is unreachable.
func (op Op) Terminal() bool {
	switch op {
	case OpUnreachable, OpBr, OpBrTable, OpReturn, OpReturnCall, OpReturnCallIndirect:
		return true
	}
	return false
}
