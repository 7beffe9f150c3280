package meter

import (
	"math/bits"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// Bulk memory operations run in native code that cannot be preempted. So those that may be long are done in
// chunks, by helper functions appended to the module that charge each chunk and check the fuel after it.

const (
	// chunkBytes is the number of bytes that a helper moves between checks.
	chunkBytes = 32 << 10

	// smallBytes is the largest constant length for which an operation is left unchanged.
	smallBytes = 1 << 10

	// chunkElements is the number of table elements that a helper moves between checks.
	chunkElements = 4 << 10

	// smallTable is the largest table on which operations are done in one piece, in a tenth of a millisecond.
	smallTable = 1 << 18
)

// bulk holds the helper functions that a module needs.
type bulk struct {
	wanted []bulkHelper // in order of their function indices
	index  map[bulkHelper]uint32
}

// bulkHelper identifies a helper by its operation and immediates. memory.init has the data segment; table.fill
// has the table; table.copy has the destination and the source table; table.init has the element segment
// and the table.
type bulkHelper struct {
	op   wasm.Op
	a, b uint32
}

func (h bulkHelper) ofTables() bool {
	return h.op == wasm.OpTableFill || h.op == wasm.OpTableCopy || h.op == wasm.OpTableInit
}

// tables returns the destination and the source table of an operation.
func (h bulkHelper) tables() (to, from uint32) {
	if h.op == wasm.OpTableInit {
		return h.b, 0
	}
	return h.a, h.b
}

func (h bulkHelper) chunk() int32 {
	if h.ofTables() {
		return chunkElements
	}
	return chunkBytes
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
		h.a = in.A
	}
	e.withGlobalFuel(i, func() { e.out.Index(wasm.OpCall, e.rw.helper(h)) })
	e.unchecked = 0 // the helper's last check was before its last chunk
}

// helper returns the function index of a helper, which appendBulk appends.
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
	for _, h := range b.wanted {
		params := []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}
		if h.op == wasm.OpTableFill {
			params[fromLocal] = rw.m.TableTypes()[h.a].Elem
		}
		rw.m.Functions = append(rw.m.Functions, rw.addType(wasm.FuncType{Params: params}))
		rw.m.Bodies = append(rw.m.Bodies, wasm.Body{
			Locals: []wasm.LocalGroup{{Count: 1, Type: wasm.I32}},
			Code:   rw.helperCode(h),
		})
	}
}

// Locals of a helper: the operands of the operation, and a temporary.
const (
	toLocal = iota // destination
	fromLocal
	countLocal
	endLocal
)

// helperAsm builds the code of a helper.
type helperAsm struct {
	wasm.Code
	h  bulkHelper
	rw *rewriter
}

// helperCode returns the body of a helper, in pseudocode:
//
//	if count > chunk:
//	  if it is out of bounds: the operation, which traps before it writes
//	  if it writes zeroes to memory: the host does it, and charges it; return
//	  while count > chunk: the operation on a chunk, charge it, check
//	charge count, check, the operation on the rest
func (rw *rewriter) helperCode(h bulkHelper) []byte {
	a := &helperAsm{h: h, rw: rw}
	a.long()
	a.Begin(wasm.OpIf)
	a.bounds()
	if h.op == wasm.OpMemoryFill {
		a.zeroes()
	}
	if h.op == wasm.OpMemoryCopy || h.op == wasm.OpTableCopy && h.a == h.b {
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
	a.charge(func() { // a unit is as many elements as bytes
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

// operation does the operation on the rest.
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
	case wasm.OpMemoryInit:
		a.Raw(wasm.AppendU32(nil, a.h.a)...)
		a.Raw(0)
	case wasm.OpTableFill:
		a.Raw(wasm.AppendU32(nil, a.h.a)...)
	default:
		a.Raw(wasm.AppendU32(wasm.AppendU32(nil, a.h.a), a.h.b)...)
	}
}

// charge subtracts an amount from the fuel and checks it.
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

// long pushes whether more than a chunk is left.
func (a *helperAsm) long() {
	a.get(countLocal)
	a.I32Const(a.h.chunk())
	a.Op(wasm.OpI32GtU)
}

// bounds traps if the whole operation is out of bounds.
func (a *helperAsm) bounds() {
	to, from := a.h.tables()
	a.outOfBounds(toLocal, to)
	if a.h.op == wasm.OpMemoryCopy || a.h.op == wasm.OpTableCopy {
		a.outOfBounds(fromLocal, from)
		a.Op(wasm.OpI32Or)
	}
	a.trapIf()
	if a.h.op != wasm.OpMemoryInit && a.h.op != wasm.OpTableInit {
		return
	}
	// The remaining length of the segment is known only to the engine. An operation of length zero at the
	// end traps if the end is out of bounds.
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

// zeroes leaves it to the host to write zeroes, and returns. Allocators clear memory that nobody has used yet, and the host
// knows which pages those are: writing them would make them resident.
func (a *helperAsm) zeroes() {
	a.get(fromLocal)
	a.I32Const(0xff)
	a.Op(wasm.OpI32And, wasm.OpI32Eqz)
	a.Begin(wasm.OpIf)
	a.get(toLocal)
	a.get(countLocal)
	a.Index(wasm.OpCall, a.rw.added.clear)
	a.Op(wasm.OpReturn, wasm.OpEnd)
}

// trapIf does the whole operation, which traps, if the operand is not zero.
func (a *helperAsm) trapIf() {
	a.Begin(wasm.OpIf)
	a.operation()
	a.Op(wasm.OpUnreachable, wasm.OpEnd)
}

// outOfBounds pushes whether the operation, from the address in a local, would go beyond the memory or a table.
func (a *helperAsm) outOfBounds(local, table uint32) {
	const pageLog2 = 16
	a.get(local)
	a.Op(wasm.OpI64ExtendI32U)
	a.get(countLocal)
	a.Op(wasm.OpI64ExtendI32U, wasm.OpI64Add)
	if a.h.ofTables() {
		a.Index(wasm.OpTableSize, table)
		a.Op(wasm.OpI64ExtendI32U)
	} else {
		a.Op(wasm.OpMemorySize)
		a.Raw(0)
		a.Op(wasm.OpI64ExtendI32U)
		a.I64Const(pageLog2)
		a.Op(wasm.OpI64Shl)
	}
	a.Op(wasm.OpI64GtU)
}

// overlaps pushes whether the destination starts within the source, so that the end has to be copied first.
func (a *helperAsm) overlaps() {
	a.get(toLocal)
	a.get(fromLocal)
	a.Op(wasm.OpI32Sub)
	a.get(countLocal)
	a.Op(wasm.OpI32LtU)
}

func (a *helperAsm) fromEnd() {
	a.add(countLocal, -a.h.chunk())
	for _, local := range []uint32{toLocal, fromLocal} {
		a.get(local)
		a.get(countLocal)
		a.Op(wasm.OpI32Add)
	}
	a.I32Const(a.h.chunk())
	a.bulkOp()
}

func (a *helperAsm) fromStart() {
	a.get(toLocal)
	a.get(fromLocal)
	a.I32Const(a.h.chunk())
	a.bulkOp()
	a.add(toLocal, a.h.chunk())
	if a.h.op != wasm.OpMemoryFill && a.h.op != wasm.OpTableFill {
		a.add(fromLocal, a.h.chunk())
	}
	a.add(countLocal, -a.h.chunk())
}

// chunks repeats move, charging each chunk, while more than a chunk is left.
func (a *helperAsm) chunks(move func()) {
	a.Begin(wasm.OpLoop)
	move()
	a.charge(func() { a.I64Const(int64(a.h.chunk()) >> bytesPerUnitLog2) })
	a.long()
	a.Index(wasm.OpBrIf, 0)
	a.Op(wasm.OpEnd)
}

// bulkTable copies the table operation at i, whose length is on top of the operand stack, or calls its helper.
// Operations on small tables are done in one piece.
func (e *emitter) bulkTable(i int) {
	in := e.instrs[i]
	if e.rw.largeTables && in.Op != wasm.OpTableGrow {
		e.withGlobalFuel(i, func() { e.out.Index(wasm.OpCall, e.rw.helper(bulkHelper{op: in.Op, a: in.A, b: in.B})) })
		e.unchecked = 0
		return
	}
	length := e.local("length", wasm.I32)
	e.out.Index(wasm.OpLocalTee, length)
	e.fuel()
	// A length beyond the limit on tables fails or traps, so its charge need not be exact.
	e.out.Index(wasm.OpLocalGet, length)
	e.out.I32Const(int32(1)<<bits.Len32(smallTable) - 1)
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
