package meter

import "github.com/reactord/reactord/executor/engine/meter/wasm"

// Costs in units of fuel. A unit is about one instruction; what takes a
// machine many cycles costs more, so that fuel keeps meaning time.
const (
	costDivide   = 8
	costCall     = 4
	costIndirect = 8
	costGrow     = 512

	// Bytes that a bulk memory operation moves, and table elements that a
	// table operation touches, per unit, as shifts.
	bytesPerUnitLog2    = 2
	elementsPerUnitLog2 = 1
)

// cost returns what executing op is charged, without what depends on operands.
func cost(op wasm.Op) int64 {
	switch op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpElse, wasm.OpEnd, wasm.OpNop:
		return 0
	case wasm.OpCall, wasm.OpReturnCall, wasm.OpRefFunc:
		return costCall
	case wasm.OpCallIndirect, wasm.OpReturnCallIndirect:
		return costIndirect
	case wasm.OpMemoryGrow, wasm.OpTableGrow:
		return costGrow
	case wasm.OpMemoryCopy, wasm.OpMemoryFill, wasm.OpMemoryInit,
		wasm.OpTableCopy, wasm.OpTableFill, wasm.OpTableInit:
		return costIndirect
	}
	switch {
	case op >= 0x6d && op <= 0x70, op >= 0x7f && op <= 0x82: // integer div, rem
		return costDivide
	case op == 0x91, op == 0x95, op == 0x9f, op == 0xa3: // f32, f64 sqrt and div
		return costDivide
	}
	return 1
}
