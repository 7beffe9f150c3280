package meter

import (
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// emitter writes the metered body of one function.
//
// # Fuel
//
// While instructions are copied, their costs add up in pending. They are charged where the straight line
// ends, by code inserted at the line's start (anchor), where the counter is likely to be in a register.
// Paths that meet share charges: the first branch to a label fixes the pending units at the label, and each
// other path to the label charges the difference. So every path is charged exactly, and one of the paths to
// a label needs no code.
//
// # Checks
//
// unchecked is the most fuel that can have been burnt since the last check on any path to here, including
// callees. Where it would exceed maxUnchecked, a check is inserted. Loops and cycles of calls have checks of
// their own.
type emitter struct {
	rw     *rewriter
	f      int // the defined function
	code   []byte
	instrs []wasm.Instr
	marks  []byte

	at     int // position of the instruction that is being copied
	out    wasm.Code
	depth  int // open blocks in out
	anchor int // start of the straight line in out
	labels []*label

	pending   int64
	unchecked int64
	dead      bool // the following code is unreachable
	inLocal   bool // the code is in a loop nest that keeps the fuel in a local
	wrapped   bool // the body is in a block, and the epilogue follows that block

	locals  uint32            // number of the original locals
	added   []wasm.ValType    // types of added locals
	scratch map[string]uint32 // added locals by name
	targets []uint32          // of the current br_table
}

// label is a branch target: a block, loop, if or the function.
type label struct {
	op    wasm.Op // of the instruction; OpReturn for the function
	level int     // depth of its block in out; of a loop, depth of the outer loop
	inner int     // of a loop, depth of the inner loop; 0 if there is only one
	arity int     // number of values that a branch to it carries

	inNest bool   // it is in a loop nest that keeps the fuel in a local
	root   bool   // it is the outermost loop of the nest
	next   *label // of a loop that is being unrolled: the start of its next copy

	known     bool  // pending is fixed
	pending   int64 // at the label
	unchecked int64 // at the label

	entryPending, entryUnchecked int64 // before an if
}

// local returns the index of an added local, adding it on first use.
func (e *emitter) local(name string, t wasm.ValType) uint32 {
	i, ok := e.scratch[name]
	if !ok {
		i = e.locals + uint32(len(e.added))
		e.added = append(e.added, t)
		e.scratch[name] = i
	}
	return i
}

// function emits the whole body.
func (e *emitter) function() {
	e.prologue()
	e.run(0, len(e.instrs))
}

// run copies the instructions from one position to another.
func (e *emitter) run(from, to int) {
	for i := from; i < to; {
		if e.marks[i]&markDead != 0 {
			i++
			continue
		}
		i = e.step(i)
	}
}

// step copies the instruction at i and returns the position to continue at.
func (e *emitter) step(i int) int {
	in := e.instrs[i]
	e.at = i
	e.burn(e.rw.cost(in))
	switch in.Op {
	case wasm.OpBlock, wasm.OpIf:
		e.block(i)
	case wasm.OpLoop:
		return e.loop(i)
	case wasm.OpElse:
		e.elseBranch()
	case wasm.OpEnd:
		e.end()
	case wasm.OpBr:
		e.br(e.label(in.A))
	case wasm.OpBrIf:
		e.brIf(e.label(in.A))
	case wasm.OpBrTable:
		e.brTable(in)
	case wasm.OpReturn:
		e.br(e.labels[0])
	case wasm.OpUnreachable:
		if !e.inLocal {
			e.settle()
		}
		e.out.Op(wasm.OpUnreachable)
		e.dead = true
	case wasm.OpCall, wasm.OpCallIndirect:
		e.call(i)
	case wasm.OpReturnCall, wasm.OpReturnCallIndirect:
		e.tailCall(in)
	case wasm.OpGlobalGet, wasm.OpGlobalSet:
		e.out.Index(in.Op, e.rw.added.global(in.A))
	case wasm.OpRefFunc:
		e.reference(in.A)
	case wasm.OpMemoryFill, wasm.OpMemoryCopy, wasm.OpMemoryInit:
		e.bulkMemory(i)
	case wasm.OpTableFill, wasm.OpTableCopy, wasm.OpTableInit, wasm.OpTableGrow:
		e.bulkTable(i)
	default:
		if !e.rw.arm64 || !e.arm64(in.Op) {
			e.copy(i)
		}
	}
	return i + 1
}

// copy copies the instruction at i unchanged.
func (e *emitter) copy(i int) {
	next := uint32(len(e.code))
	if i+1 < len(e.instrs) {
		next = e.instrs[i+1].Pos
	}
	e.out = wasm.AppendInstr(e.out, e.code, e.instrs[i], next)
}

// startLine starts a straight line of code here.
func (e *emitter) startLine() { e.anchor = len(e.out) }

func (e *emitter) begin(op wasm.Op, blockType ...byte) (level int) {
	e.out.Begin(op, blockType...)
	e.depth++
	return e.depth
}

func (e *emitter) close() {
	e.out.Op(wasm.OpEnd)
	e.depth--
}

// branch emits a branch to the block at a level.
func (e *emitter) branch(op wasm.Op, level int) { e.out.Index(op, uint32(e.depth-level)) }

func (e *emitter) label(index uint32) *label { return e.labels[len(e.labels)-1-int(index)] }
func (e *emitter) push(l *label)             { e.labels = append(e.labels, l) }
func (e *emitter) pop() *label {
	l := e.labels[len(e.labels)-1]
	e.labels = e.labels[:len(e.labels)-1]
	return l
}

// prologue counts the function's frame and emits its checks. If there is an epilogue, it opens a block
// around the body, so that all returns lead to the epilogue.
func (e *emitter) prologue() {
	p, add := e.rw.plan, &e.rw.added
	e.wrapped = p.charged[e.f]
	l := &label{op: wasm.OpReturn, arity: len(e.signature().Results)}
	switch {
	case e.wrapped && p.entryCheck[e.f]:
		e.moveStack(wasm.OpI64Sub)
		e.out.Index(wasm.OpGlobalGet, add.stack)
		e.out.Index(wasm.OpGlobalGet, add.fuel)
		e.out.Op(wasm.OpI64Or)
		e.ifNegative(func() {
			e.callIfNegative(add.stack, add.growStack)
			e.callIfNegative(add.fuel, add.yield)
		})
	case e.wrapped:
		e.moveStack(wasm.OpI64Sub)
		e.callIfNegative(add.stack, add.growStack)
	case p.entryCheck[e.f]:
		e.check()
	}
	if e.wrapped {
		l.level = e.begin(wasm.OpBlock, e.rw.exitType(e.signature().Results)...)
	} else {
		l.known = true // nothing can be charged at the label
	}
	if e.rw.scan.tabled {
		l.known = true
	}
	e.push(l)
	e.startLine()
}

// epilogue closes the function.
func (e *emitter) epilogue(l *label) {
	if e.wrapped {
		e.join(l)
		e.charge(e.pending)
		e.moveStack(wasm.OpI64Add)
		e.out.Op(wasm.OpEnd)
		return
	}
	if !e.dead {
		e.charge(e.pending)
	}
	e.out.Op(wasm.OpEnd)
}

func (e *emitter) signature() wasm.FuncType { return e.rw.types[e.rw.imported+e.f] }

// moveStack subtracts the function's frame from the remaining stack bytes, or adds it back.
func (e *emitter) moveStack(op wasm.Op) {
	e.out.Index(wasm.OpGlobalGet, e.rw.added.stack)
	if frame, large := e.rw.added.frames[e.f]; large {
		e.out.Index(wasm.OpGlobalGet, frame)
	} else {
		e.out.I64Const(e.rw.frames[e.f])
	}
	e.out.Op(op)
	e.out.Index(wasm.OpGlobalSet, e.rw.added.stack)
}
