package meter

import (
	"math/bits"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// Bulk memory operations run in native code that nothing can stop, so those
// that may be long are done in chunks by functions appended to the module,
// which charge each chunk and check the fuel after it.

const (
	// chunkBytes is how much a helper moves between checks.
	chunkBytes = 32 << 10

	// smallBytes is up to which constant length an operation stays as it is.
	smallBytes = 1 << 10
)

// bulk are the helper functions a module needs.
type bulk struct {
	wanted []bulkHelper // in order of their functions
	index  map[bulkHelper]uint32
}

// bulkHelper is one helper: of memory.fill, memory.copy, or of memory.init with
// a data segment.
type bulkHelper struct {
	op   wasm.Op
	data uint32
}

// smallBulk reports whether the memory operation at i has a small constant length.
func smallBulk(instrs []wasm.Instr, i int) bool {
	switch instrs[i].Op {
	case wasm.OpMemoryFill, wasm.OpMemoryCopy, wasm.OpMemoryInit:
		return i > 0 && instrs[i-1].Op == wasm.OpI32Const && instrs[i-1].A <= smallBytes
	}
	return false
}

// bulkMemory copies the memory operation at i or calls its helper.
func (e *emitter) bulkMemory(i int) {
	in := e.instrs[i]
	if smallBulk(e.instrs, i) {
		e.burn(int64(e.instrs[i-1].A) >> bytesPerUnitLog2)
		e.copy(i)
		return
	}
	h := bulkHelper{op: in.Op}
	if in.Op == wasm.OpMemoryInit {
		h.data = in.A
	}
	e.outside(i, func() { e.out.Index(wasm.OpCall, e.rw.helper(h)) })
	e.unchecked = 0 // the helper's last check was before its last chunk
}

// helper returns the function of a helper, which appendBulk appends.
func (rw *rewriter) helper(h bulkHelper) uint32 {
	b := &rw.added.bulk
	f, ok := b.index[h]
	if !ok {
		if b.index == nil {
			b.index = map[bulkHelper]uint32{}
		}
		f = uint32(rw.m.ImportedFunctions() + len(rw.frames) + len(b.wanted))
		b.index[h] = f
		b.wanted = append(b.wanted, h)
	}
	return f
}

// appendBulk appends the helpers that bodies call.
func (rw *rewriter) appendBulk() {
	b := &rw.added.bulk
	if len(b.wanted) == 0 {
		return
	}
	t := rw.addType(wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}})
	for _, h := range b.wanted {
		rw.m.Functions = append(rw.m.Functions, t)
		rw.m.Bodies = append(rw.m.Bodies, wasm.Body{
			Locals: []wasm.LocalGroup{{Count: 1, Type: wasm.I32}},
			Code:   rw.helperCode(h),
		})
	}
}

// Locals of a helper: the operands of the operation and a scratch one.
const (
	toLocal = iota // destination
	fromLocal
	countLocal
	endLocal
)

// helperAsm writes a helper.
type helperAsm struct {
	wasm.Code
	h  bulkHelper
	rw *rewriter
}

// helperCode returns the body of a helper, in pseudocode:
//
//	if count > chunk:
//	  if it is out of bounds: the operation, which traps before it writes
//	  while count > chunk: the operation on a chunk, charge it, check
//	charge count, check, the operation on what is left
func (rw *rewriter) helperCode(h bulkHelper) []byte {
	a := &helperAsm{h: h, rw: rw}
	a.long()
	a.Begin(wasm.OpIf)
	a.bounds()
	if h.op == wasm.OpMemoryCopy {
		a.overlaps()
		a.Begin(wasm.OpIf)
		a.chunks(a.fromEnd)
		a.Op(wasm.OpElse)
		a.chunks(a.fromStart)
		a.Op(wasm.OpEnd)
	} else {
		a.chunks(a.fromStart)
	}
	a.Op(wasm.OpEnd)
	a.charge(func() {
		a.get(countLocal)
		a.Op(wasm.OpI64ExtendI32U)
		a.I64Const(bytesPerUnitLog2)
		a.Op(wasm.OpI64ShrU)
	})
	a.operation()
	a.Op(wasm.OpEnd)
	return a.Code
}

func (a *helperAsm) get(local uint32) { a.Index(wasm.OpLocalGet, local) }
func (a *helperAsm) set(local uint32) { a.Index(wasm.OpLocalSet, local) }

// add adds a constant to a local.
func (a *helperAsm) add(local uint32, n int32) {
	a.get(local)
	a.I32Const(n)
	a.Op(wasm.OpI32Add)
	a.set(local)
}

// operation does the operation on all that is left.
func (a *helperAsm) operation() {
	a.get(toLocal)
	a.get(fromLocal)
	a.get(countLocal)
	a.bulkOp()
}

func (a *helperAsm) bulkOp() {
	a.Op(a.h.op)
	switch a.h.op {
	case wasm.OpMemoryFill:
		a.Raw(0)
	case wasm.OpMemoryCopy:
		a.Raw(0, 0)
	default:
		a.Raw(wasm.AppendU32(nil, a.h.data)...)
		a.Raw(0)
	}
}

// charge takes an amount off the fuel and checks it.
func (a *helperAsm) charge(amount func()) {
	fuel := a.rw.added.fuel
	a.Index(wasm.OpGlobalGet, fuel)
	amount()
	a.Op(wasm.OpI64Sub)
	a.Index(wasm.OpGlobalSet, fuel)
	a.Index(wasm.OpGlobalGet, fuel)
	a.I64Const(0)
	a.Op(wasm.OpI64LtS)
	a.Begin(wasm.OpIf)
	a.Index(wasm.OpCall, a.rw.added.yield)
	a.Op(wasm.OpEnd)
}

// long tells whether more than a chunk is left.
func (a *helperAsm) long() {
	a.get(countLocal)
	a.I32Const(chunkBytes)
	a.Op(wasm.OpI32GtU)
}

// bounds traps if the whole operation is out of bounds.
func (a *helperAsm) bounds() {
	a.outOfBounds(toLocal)
	if a.h.op == wasm.OpMemoryCopy {
		a.outOfBounds(fromLocal)
		a.Op(wasm.OpI32Or)
	}
	a.trapIf()
	if a.h.op != wasm.OpMemoryInit {
		return
	}
	// What the segment has left only the engine knows: nothing, taken from the
	// end, traps if the end is beyond.
	a.get(toLocal)
	a.get(fromLocal)
	a.get(countLocal)
	a.Op(wasm.OpI32Add)
	a.Index(wasm.OpLocalTee, endLocal)
	a.I32Const(0)
	a.bulkOp()
	// The end may have wrapped around.
	a.get(endLocal)
	a.get(fromLocal)
	a.Op(wasm.OpI32LtU)
	a.trapIf()
}

// trapIf does the whole operation, which traps, if the operand is not zero.
func (a *helperAsm) trapIf() {
	a.Begin(wasm.OpIf)
	a.operation()
	a.Op(wasm.OpUnreachable, wasm.OpEnd)
}

// outOfBounds tells whether the operation would go beyond the memory from the
// address in a local.
func (a *helperAsm) outOfBounds(local uint32) {
	const pageLog2 = 16
	a.get(local)
	a.Op(wasm.OpI64ExtendI32U)
	a.get(countLocal)
	a.Op(wasm.OpI64ExtendI32U, wasm.OpI64Add)
	a.Op(wasm.OpMemorySize)
	a.Raw(0)
	a.Op(wasm.OpI64ExtendI32U)
	a.I64Const(pageLog2)
	a.Op(wasm.OpI64Shl, wasm.OpI64GtU)
}

// overlaps tells whether the destination begins within the source, so that the
// end has to be copied first.
func (a *helperAsm) overlaps() {
	a.get(toLocal)
	a.get(fromLocal)
	a.Op(wasm.OpI32Sub)
	a.get(countLocal)
	a.Op(wasm.OpI32LtU)
}

func (a *helperAsm) fromEnd() {
	a.add(countLocal, -chunkBytes)
	for _, local := range []uint32{toLocal, fromLocal} {
		a.get(local)
		a.get(countLocal)
		a.Op(wasm.OpI32Add)
	}
	a.I32Const(chunkBytes)
	a.bulkOp()
}

func (a *helperAsm) fromStart() {
	a.get(toLocal)
	a.get(fromLocal)
	a.I32Const(chunkBytes)
	a.bulkOp()
	a.add(toLocal, chunkBytes)
	if a.h.op != wasm.OpMemoryFill {
		a.add(fromLocal, chunkBytes)
	}
	a.add(countLocal, -chunkBytes)
}

// chunks repeats move, which is paid for at once, while more than a chunk is left.
func (a *helperAsm) chunks(move func()) {
	a.Begin(wasm.OpLoop)
	move()
	a.charge(func() { a.I64Const(chunkBytes >> bytesPerUnitLog2) })
	a.long()
	a.Index(wasm.OpBrIf, 0)
	a.Op(wasm.OpEnd)
}

// bulkTable copies the table operation at i, whose length the top of the
// operand stack has. Tables are small enough to be worked on at once.
func (e *emitter) bulkTable(i int) {
	length := e.local("length", wasm.I32)
	e.out.Index(wasm.OpLocalTee, length)
	e.fuel()
	// A length beyond the limit on tables fails or traps, so it need not be right.
	e.out.Index(wasm.OpLocalGet, length)
	e.out.I32Const(int32(1)<<bits.Len32(uint32(e.rw.limits.TableElements)) - 1)
	e.out.Op(wasm.OpI32And, wasm.OpI64ExtendI32U)
	e.out.I64Const(elementsPerUnitLog2)
	e.out.Op(wasm.OpI64ShrU, wasm.OpI64Sub)
	if e.inLocal {
		e.out.Index(wasm.OpLocalSet, e.fuelLocal())
	} else {
		e.out.Index(wasm.OpGlobalSet, e.rw.added.fuel)
	}
	e.copy(i)
	e.unchecked = maxUnchecked
}
