package meter

import "github.com/reactord/reactord/executor/engine/meter/wasm"

// Costs in units of fuel. A unit is about one machine instruction. Locals and constants are free, since the
// compiler makes them operands. A memory access includes its bounds check, a branch the occasional
// misprediction, and a call the saving of registers. The weights are fitted so that a million units take
// about the same time in each program of BenchmarkMetering.
const (
	costSimple   = 1
	costFloat    = 2
	costMemory   = 5
	costGlobal   = 3
	costBranch   = 5
	costDivide   = 10
	costTable    = 16 // br_table, and table accesses
	costCall     = 20
	costIndirect = 32
	costGrow     = 1024

	// Bytes moved by a bulk memory operation, and elements touched by a table operation, per unit, as
	// shifts. bulkHelper assumes that they are equal.
	bytesPerUnitLog2    = 1
	elementsPerUnitLog2 = 1
)

// cost returns the units charged for op, without those that depend on operands.
func cost(op wasm.Op) int64 {
	switch op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpElse, wasm.OpEnd, wasm.OpNop, wasm.OpDrop,
		wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee,
		wasm.OpI32Const, wasm.OpI64Const, wasm.OpF32Const, wasm.OpF64Const:
		return 0
	case wasm.OpGlobalGet, wasm.OpGlobalSet:
		return costGlobal
	case wasm.OpIf, wasm.OpBrIf:
		return costBranch
	case wasm.OpBrTable, wasm.OpTableGet, wasm.OpTableSet:
		return costTable
	case wasm.OpCall, wasm.OpReturnCall:
		return costCall
	case wasm.OpCallIndirect, wasm.OpReturnCallIndirect, wasm.OpRefFunc,
		wasm.OpMemoryCopy, wasm.OpMemoryFill, wasm.OpMemoryInit,
		wasm.OpTableCopy, wasm.OpTableFill, wasm.OpTableInit:
		return costIndirect
	case wasm.OpMemoryGrow, wasm.OpTableGrow:
		return costGrow
	}
	switch {
	case op >= 0x28 && op <= 0x3e, op >= 0xfd00 && op <= 0xfd0b, op >= 0xfd54 && op <= 0xfd5d: // loads and stores
		return costMemory
	case op >= 0x6d && op <= 0x70, op >= 0x7f && op <= 0x82, // integer division
		op == 0x91, op == 0x95, op == 0x9f, op == 0xa3, // square root, division
		op == 0xfde3, op == 0xfde7, op == 0xfdef, op == 0xfdf3, // of vectors
		op >= 0xfc00 && op <= 0xfc07, // saturating conversions, which compile to branches
		op == 0xfd62, op == 0xfdd5:   // i8x16.popcnt and i64x2.mul, which compile to sequences
		return costDivide
	case op.Float(), op >= 0xfc00:
		return costFloat
	}
	return costSimple
}

// cost returns the units charged for an instruction. A call is also charged for arguments and results that
// are not passed in registers.
func (rw *rewriter) cost(in wasm.Instr) int64 {
	const inRegisters, perValue = 8, 2 // a store and a load
	switch in.Op {
	case wasm.OpCall, wasm.OpCallIndirect, wasm.OpReturnCall, wasm.OpReturnCallIndirect:
		t := rw.calleeType(in)
		beyond := max(len(t.Params)-inRegisters, 0) + max(len(t.Results)-inRegisters, 0)
		return cost(in.Op) + int64(beyond)*perValue
	}
	return cost(in.Op)
}

// calleeType returns the type of the function that an instruction calls.
func (rw *rewriter) calleeType(in wasm.Instr) wasm.FuncType {
	switch in.Op {
	case wasm.OpCall, wasm.OpReturnCall:
		return rw.types[in.A]
	}
	return rw.m.Types[in.A]
}
