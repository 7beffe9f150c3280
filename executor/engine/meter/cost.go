package meter

import "github.com/reactord/reactord/executor/engine/meter/wasm"

// Costs in units of fuel. A unit is about one machine instruction. What the
// compiler makes operands of, locals and constants, is free; a memory access
// has its bounds check, a branch the price of a wrong guess now and then, and a
// call what it takes to save registers. The weights are fitted so that a million
// units take about as long in each program of BenchmarkMetering.
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

	// Bytes that a bulk memory operation moves, and table elements that a
	// table operation touches, per unit, as shifts; bulkHelper takes them for equal.
	bytesPerUnitLog2    = 1
	elementsPerUnitLog2 = 1
)

// cost returns what executing op is charged, without what depends on operands.
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
		op >= 0xfc00 && op <= 0xfc07, // saturating conversions, which are branches
		op == 0xfd62, op == 0xfdd5:   // i8x16.popcnt and i64x2.mul, which are sequences
		return costDivide
	case op.Float(), op >= 0xfc00:
		return costFloat
	}
	return costSimple
}

// cost returns what an instruction is charged: a call also for the arguments and results that don't fit registers.
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

// calleeType returns the type of what an instruction calls.
func (rw *rewriter) calleeType(in wasm.Instr) wasm.FuncType {
	switch in.Op {
	case wasm.OpCall, wasm.OpReturnCall:
		return rw.types[in.A]
	}
	return rw.m.Types[in.A]
}
