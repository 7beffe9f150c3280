package meter

import (
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// frameShape is the part of a frame's estimate that is found by a forward walk over the body.
type frameShape struct {
	slot      int64 // size of the largest spilled value
	arguments int64 // bytes for arguments and results of calls
	extra     int64 // number of spilled values that are not locals
	floats    bool  // there are floating point or vector values
}

// forward returns the shape of the frame. It also sets the heights of the operand stack, and the locals that
// each construct assigns and reads.
func (fe *frameEstimator) forward(f int) frameShape {
	w := shapeWalk{fe: fe, frameShape: frameShape{slot: 8}}
	w.values(fe.rw.types[fe.rw.imported+f].Params)
	w.values(fe.rw.types[fe.rw.imported+f].Results)
	for _, g := range fe.rw.m.Bodies[f].Locals {
		w.values([]wasm.ValType{g.Type})
	}
	fe.open, fe.loops = fe.open[:0], fe.loops[:0]
	fe.heights = append(fe.heights[:0], make([]int32, len(fe.instrs))...)
	for i := range fe.instrs {
		fe.heights[i] = w.height
		if fe.marks[i]&markDead == 0 {
			w.step(i)
		}
	}
	return w.frameShape
}

// shapeWalk is the state of the forward walk.
type shapeWalk struct {
	frameShape
	fe      *frameEstimator
	height  int32   // of the operand stack
	crossed int32   // operands below this height count as spilled
	floors  []int32 // height below the parameters of each open construct
}

// values updates the shape with the types of values.
func (w *shapeWalk) values(ts []wasm.ValType) {
	for _, t := range ts {
		switch t {
		case wasm.V128:
			w.slot, w.floats = 16, true
		case wasm.F32, wasm.F64:
			w.floats = true
		}
	}
}

func (w *shapeWalk) adjust(takes, leaves int) {
	w.height = max(w.height-int32(takes), 0)
	w.crossed = min(w.crossed, w.height)
	w.height += int32(leaves)
}

func (w *shapeWalk) step(i int) {
	fe := w.fe
	in := fe.instrs[i]
	if fe.marks[i]&markChecked != 0 {
		w.cross()
	}
	switch in.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		w.open(i)
	case wasm.OpElse:
		w.height = w.floors[len(w.floors)-1] + int32(w.params(fe.open[len(fe.open)-1].at))
	case wasm.OpEnd:
		w.close()
	case wasm.OpBrIf, wasm.OpBrTable:
		w.adjust(1, 0)
	case wasm.OpCall, wasm.OpReturnCall:
		w.call(0, fe.rw.types[in.A])
	case wasm.OpCallIndirect, wasm.OpReturnCallIndirect:
		w.call(1, fe.rw.m.Types[in.A])
	default:
		w.plain(i)
	}
}

func (w *shapeWalk) params(at int) int {
	t, _ := wasm.ReadBlockType(w.fe.code, w.fe.instrs[at])
	params, _ := w.fe.rw.arity(t)
	return params
}

func (w *shapeWalk) open(i int) {
	if w.fe.instrs[i].Op == wasm.OpIf {
		w.adjust(1, 0)
	}
	if w.fe.instrs[i].Op == wasm.OpLoop { // its head has a check
		w.cross()
	}
	w.fe.begin(i)
	w.floors = append(w.floors, max(w.height-int32(w.params(i)), 0))
}

// close ends a construct and adds its assigned and read locals to the construct around it.
func (w *shapeWalk) close() {
	fe := w.fe
	if len(fe.open) == 0 { // the function's end
		return
	}
	c := fe.end()
	t, _ := wasm.ReadBlockType(fe.code, fe.instrs[c.at])
	_, results := fe.rw.arity(t)
	floor := w.floors[len(w.floors)-1]
	w.floors = w.floors[:len(w.floors)-1]
	w.height = floor
	w.adjust(0, results)
	if len(fe.open) > 0 {
		outer := fe.open[len(fe.open)-1]
		outer.assigned.union(c.assigned)
		outer.read.union(c.read)
	}
}

// call updates the shape with a call, which takes a number of operands besides its arguments.
func (w *shapeWalk) call(beside int, t wasm.FuncType) {
	w.values(t.Params)
	w.values(t.Results)
	w.arguments = max(w.arguments, onStack(t.Params)+onStack(t.Results)+registerBytes)
	w.adjust(len(t.Params)+beside, 0)
	w.cross()
	w.adjust(0, len(t.Results))
}

// onStack returns the bytes of arguments or results that are passed on the stack.
func onStack(ts []wasm.ValType) int64 {
	ints, floats := 6, 8
	var bytes int64
	for _, t := range ts {
		switch t {
		case wasm.V128, wasm.F32, wasm.F64:
			if floats--; floats < 0 {
				bytes += 16
			}
		default:
			if ints--; ints < 0 {
				bytes += 8
			}
		}
	}
	return bytes
}

// cross counts the operands that are live across a call.
func (w *shapeWalk) cross() {
	w.extra += int64(w.height - w.crossed)
	w.crossed = w.height
}

func (w *shapeWalk) plain(i int) {
	fe := w.fe
	in := fe.instrs[i]
	takes, leaves := in.Op.Arity()
	switch in.Op {
	case wasm.OpLocalGet:
		w.mark(in.A, false)
	case wasm.OpLocalSet, wasm.OpLocalTee:
		w.mark(in.A, true)
	}
	switch {
	case in.Op >= 0xfd00:
		w.slot, w.floats = 16, true
	case in.Op.Float():
		w.floats = true
	case fe.rw.arm64 && remainder(in.Op):
		w.extra += remainderValues
	case fixedRegisters(fe.instrs, i):
		w.extra++
	}
	w.adjust(takes, 0)
	if clobbers(in.Op) {
		w.cross()
	}
	w.adjust(0, leaves)
}

// mark records that the innermost construct assigns or reads a local.
func (w *shapeWalk) mark(local uint32, assigned bool) {
	if len(w.fe.open) == 0 {
		return
	}
	c := w.fe.open[len(w.fe.open)-1]
	if assigned {
		c.assigned.add(local)
	} else {
		c.read.add(local)
	}
}

// fixedRegisters reports whether the instruction at i needs its operands in certain registers, which may
// spill another value: integer division, and shifts by a variable.
func fixedRegisters(instrs []wasm.Instr, i int) bool {
	switch op := instrs[i].Op; {
	case op >= 0x6d && op <= 0x70, op >= 0x7f && op <= 0x82:
		return true
	case op >= 0x74 && op <= 0x78, op >= 0x86 && op <= 0x8a:
		prev := instrs[max(i-1, 0)].Op
		return prev != wasm.OpI32Const && prev != wasm.OpI64Const
	}
	return false
}
