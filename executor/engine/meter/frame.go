package meter

import (
	"cmp"
	"slices"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// How large is the stack frame that wazero gives a function? It holds the callee-saved registers, arguments
// and results that are not passed in registers, and a slot for each value that is ever spilled. Slots are
// not reused. A value is spilled if it is live across a call, which preserves few registers, or where more
// values are live than there are registers.
//
// wazero's values are definitions: each local.set makes one, and where paths meet that have different values
// for a local, a phi makes another. So the estimate is a liveness analysis, backwards over the body, with two
// sets of locals: those that are live, and those of them whose value will be live across a call (crossing).
// Each definition of a crossing local counts as spilled.

const (
	frameFixed    = 96 // return address, frame pointer, the two contexts, rounding
	registerBytes = 16 // size of a saved register
	savedInts     = 9  // callee-saved integer registers of arm64; amd64 has 5
	savedFloats   = 13 // callee-saved float registers of arm64; amd64 has 8

	// freeRegisters is the number of values that are always kept in registers.
	freeRegisters = 8

	// hidden is the number of values besides locals and operands that may be live.
	hidden = 10

	// maxFrame is the estimate for functions that are too large to analyze.
	maxFrame = 1 << 30

	// A frame whose bound is at least largeFrame is in a global, which the host sets to the frame in the
	// machine code. There are at most largeFrames of them, those with the largest bounds.
	largeFrame  = 2 << 10
	largeFrames = 128

	// The work on a function, in words of sets, is bounded in proportion to its bytes of code. If it would be
	// more, the estimate is maxFrame.
	frameWorkPerByte = 64
	frameWorkLeast   = 4 << 10

	// livenessRounds is the number of passes over the body. In the first, everything that a loop reads counts
	// as live at its head, which is too much; each further pass reduces it.
	livenessRounds = 3
)

// chooseLarge returns the functions whose frames are in globals.
func chooseLarge(frames []int64, charged []bool) []int {
	var large []int
	for f, frame := range frames {
		if charged[f] && frame >= largeFrame {
			large = append(large, f)
		}
	}
	slices.SortStableFunc(large, func(a, b int) int { return cmp.Compare(frames[b], frames[a]) })
	return large[:min(len(large), largeFrames)]
}

// frameEstimator estimates frames. It reuses its memory for all functions.
type frameEstimator struct {
	rw     *rewriter
	code   []byte
	instrs []wasm.Instr
	marks  []byte
	words  int // length of a set of the function's locals

	heights    []int32      // height of the operand stack before each instruction
	constructs []construct  // blocks, loops and ifs in order of their starts
	of         []int32      // the construct that starts at an instruction
	pool       []uint64     // memory of the sets
	open       []*construct // open constructs, innermost last
	loops      []*construct // open loops, innermost last
	targets    []uint32

	live, crossing bitset
	liveCount      int
	round          int
	spilled        int64
	maxLive        int // most values live at once
}

// construct is a block, loop or if.
type construct struct {
	at, end        int
	assigned, read bitset // locals that its body assigns and reads
	live, crossing bitset // at its label
	around         bitset // live at its label or that of any construct around it
	elseLive       bitset // at its else
	elseCrossing   bitset
}

// estimate returns an upper bound of the frame of a function.
func (fe *frameEstimator) estimate(f int) int64 {
	locals := fe.rw.locals(f)
	fe.words = (locals + 63) / 64
	fe.spilled, fe.maxLive = 0, 0
	if !fe.prepare() {
		return maxFrame
	}
	shape := fe.forward(f)
	for fe.round = range livenessRounds {
		fe.backward()
	}
	fe.spilled += int64(fe.live.lenAnd(fe.crossing)) // parameters
	saved := min(savedInts, int64(fe.maxLive)+2)
	if shape.floats {
		saved += savedFloats
	}
	return frameFixed + saved*registerBytes + shape.arguments + (fe.spilled+shape.extra)*shape.slot
}

// prepare allocates the sets. It returns false if they or the work would exceed the bound.
func (fe *frameEstimator) prepare() bool {
	n, merges := 0, 0
	for i, in := range fe.instrs[:len(fe.instrs)-1] {
		switch in.Op {
		case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
			n++
		case wasm.OpBr, wasm.OpBrIf, wasm.OpReturn, wasm.OpUnreachable, wasm.OpCall, wasm.OpCallIndirect:
			merges++
		case wasm.OpBrTable:
			merges += int(fe.instrs[i+1].Pos - in.Pos) // a label takes at least a byte
		}
	}
	const setsEach = 7
	if budget := frameWorkLeast + frameWorkPerByte*len(fe.code); n*fe.words*setsEach > budget || merges*fe.words > budget {
		return false
	}
	need := (n*setsEach + 2) * fe.words
	if cap(fe.pool) < need {
		fe.pool = make([]uint64, need)
	}
	pool := fe.pool[:need]
	clear(pool)
	set := func() bitset {
		s := bitset(pool[:fe.words:fe.words])
		pool = pool[fe.words:]
		return s
	}
	fe.live, fe.crossing = set(), set()
	fe.constructs = fe.constructs[:0]
	fe.of = append(fe.of[:0], make([]int32, len(fe.instrs))...)
	for i, in := range fe.instrs {
		if nesting(in.Op) > 0 {
			fe.of[i] = int32(len(fe.constructs))
			fe.constructs = append(fe.constructs, construct{
				at: i, end: int(in.B),
				assigned: set(), read: set(), around: set(),
				live: set(), crossing: set(), elseLive: set(), elseCrossing: set(),
			})
		}
	}
	return true
}

// begin and end push and pop open constructs, in either direction.
func (fe *frameEstimator) begin(i int) *construct {
	c := &fe.constructs[fe.of[i]]
	fe.open = append(fe.open, c)
	if fe.instrs[i].Op == wasm.OpLoop {
		fe.loops = append(fe.loops, c)
	}
	return c
}

func (fe *frameEstimator) end() *construct {
	c := fe.open[len(fe.open)-1]
	fe.open = fe.open[:len(fe.open)-1]
	if fe.instrs[c.at].Op == wasm.OpLoop {
		fe.loops = fe.loops[:len(fe.loops)-1]
	}
	return c
}

// backward makes one pass over the body, from its end.
func (fe *frameEstimator) backward() {
	clear(fe.live)
	clear(fe.crossing)
	fe.liveCount, fe.open, fe.loops = 0, fe.open[:0], fe.loops[:0]
	// The function's own end is the last instruction and no construct.
	for i := len(fe.instrs) - 2; i >= 0; i-- {
		if fe.marks[i]&markDead == 0 {
			fe.back(i)
		}
	}
}

func (fe *frameEstimator) back(i int) {
	in := fe.instrs[i]
	switch in.Op {
	case wasm.OpEnd:
		fe.backEnd(i)
	case wasm.OpElse:
		c := fe.open[len(fe.open)-1]
		copy(c.elseLive, fe.live)
		copy(c.elseCrossing, fe.crossing)
		fe.become(c.live, c.crossing)
	case wasm.OpBlock:
		fe.end()
	case wasm.OpIf:
		c := fe.end()
		if in.A != 0 {
			fe.merge(c.elseLive, c.elseCrossing)
		} else {
			fe.merge(c.live, c.crossing)
		}
	case wasm.OpLoop:
		fe.backLoop(fe.end())
	case wasm.OpBr:
		clear(fe.live)
		clear(fe.crossing)
		fe.mergeLabel(in.A)
	case wasm.OpBrIf:
		fe.mergeLabel(in.A)
	case wasm.OpBrTable:
		clear(fe.live)
		clear(fe.crossing)
		fe.targets = wasm.BranchTable(fe.code, in, fe.targets)
		for _, t := range fe.targets {
			fe.mergeLabel(t)
		}
	case wasm.OpReturn, wasm.OpUnreachable, wasm.OpReturnCall, wasm.OpReturnCallIndirect:
		clear(fe.live)
		clear(fe.crossing)
		fe.liveCount = 0
	case wasm.OpLocalGet:
		if !fe.live.has(in.A) {
			fe.live.add(in.A)
			fe.liveCount++
		}
	case wasm.OpLocalSet, wasm.OpLocalTee:
		fe.define(in.A)
	}
	fe.pressure(i)
}

// define handles the definition of a local's value, before which the local is not live.
func (fe *frameEstimator) define(local uint32) {
	if !fe.live.has(local) {
		return
	}
	if fe.crossing.has(local) {
		fe.count(1)
	}
	fe.live.remove(local)
	fe.crossing.remove(local)
	fe.liveCount--
}

func (fe *frameEstimator) count(n int) {
	if fe.round == livenessRounds-1 {
		fe.spilled += int64(n) * fe.weight()
	}
}

// weight returns how often the code here may be copied by unrolling.
func (fe *frameEstimator) weight() int64 {
	if n := len(fe.loops); n > 0 && fe.marks[fe.loops[n-1].at]&(markCalls|markNested) == 0 {
		return maxCopies
	}
	return 1
}

// backEnd enters a construct from its end, where paths meet.
func (fe *frameEstimator) backEnd(i int) {
	around := bitset(nil)
	if len(fe.open) > 0 {
		around = fe.open[len(fe.open)-1].around
	}
	c := fe.begin(int(fe.instrs[i].B))
	copy(c.around, fe.live)
	c.around.union(around)
	if fe.instrs[c.at].Op == wasm.OpLoop {
		if fe.round == 0 { // an upper bound of what is live at its head
			copy(c.live, c.read)
			c.live.union(c.around)
			fe.head(c, c.live)
		}
		return
	}
	if fe.marks[c.at]&markTargeted != 0 || fe.instrs[c.at].Op == wasm.OpIf {
		fe.meet(c)
	}
	copy(c.live, fe.live)
	copy(c.crossing, fe.crossing)
}

// head sets the locals that are live at the head of a loop. All are live across the check there; those that
// the loop assigns have a new value after it.
func (fe *frameEstimator) head(c *construct, live bitset) {
	copy(c.live, live)
	copy(c.crossing, live)
	c.crossing.subtract(c.assigned)
}

// meet ends the values of locals that the construct assigns: where paths meet, they have new values (phis).
// Some of those that are not live across a call are also spilled, on the edges to the label, and most of them
// if a br_table has many edges.
func (fe *frameEstimator) meet(c *construct) {
	phis, crossing := fe.live.lenAnd(c.assigned), fe.crossing.lenAnd(c.assigned)
	fe.count(crossing)
	if fe.marks[c.at]&markTabled != 0 {
		fe.count(phis - crossing)
	} else {
		fe.count((phis - crossing + 3) / 4)
	}
	fe.crossing.subtract(c.assigned)
}

// backLoop leaves a loop at its head. The metered code has two loops, with a call between their heads.
func (fe *frameEstimator) backLoop(c *construct) {
	if fe.marks[c.at]&markTargeted == 0 {
		return
	}
	fe.meet(c)
	fe.head(c, fe.live)
	fe.cross()
	fe.meet(c)
}

func (fe *frameEstimator) become(live, crossing bitset) {
	copy(fe.live, live)
	copy(fe.crossing, crossing)
	fe.liveCount = fe.live.len()
}

func (fe *frameEstimator) merge(live, crossing bitset) {
	fe.live.union(live)
	fe.crossing.union(crossing)
	fe.liveCount = fe.live.len()
}

func (fe *frameEstimator) mergeLabel(label uint32) {
	if int(label) >= len(fe.open) { // the function's
		fe.liveCount = fe.live.len()
		return
	}
	c := fe.open[len(fe.open)-1-int(label)]
	fe.merge(c.live, c.crossing)
}

// cross marks all live locals as live across a call.
func (fe *frameEstimator) cross() { fe.crossing.union(fe.live) }

// pressure updates the estimate with the values that are live at an instruction.
func (fe *frameEstimator) pressure(i int) {
	here := fe.liveCount + int(fe.heights[i])
	fe.maxLive = max(fe.maxLive, here)
	if clobbers(fe.instrs[i].Op) || fe.marks[i]&markChecked != 0 || here > freeRegisters {
		fe.cross()
	}
	if inlineMove(fe.instrs[i].Op) {
		fe.count(fe.liveCount + hidden)
	}
}

// inlineMove reports whether op compiles to a call of memmove, across which the address of the memory, its
// length and addresses in it stay live.
func inlineMove(op wasm.Op) bool {
	switch op {
	case wasm.OpMemoryCopy, wasm.OpMemoryFill, wasm.OpTableCopy, wasm.OpTableFill, wasm.OpTableInit, wasm.OpMemoryInit:
		return true
	}
	return false
}

// clobbers reports whether the machine code for op contains a call.
func clobbers(op wasm.Op) bool {
	switch op {
	case wasm.OpCall, wasm.OpCallIndirect, wasm.OpReturnCall, wasm.OpReturnCallIndirect,
		wasm.OpMemoryGrow, wasm.OpRefFunc,
		wasm.OpMemoryCopy, wasm.OpMemoryFill, wasm.OpMemoryInit,
		wasm.OpTableCopy, wasm.OpTableFill, wasm.OpTableInit, wasm.OpTableGrow:
		return true
	}
	return false
}
