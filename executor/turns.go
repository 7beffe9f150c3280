package executor

import "slices"

// Next says how a task goes on when a call of its Turn has returned.
type Next struct {
	fiber *Fiber
	again bool
	kind  WaitKind
}

// End ends the task.
func End() Next { return Next{} }

// Again makes the task wait, without a coroutine, until it is woken; then Turn is called again. That is at once if the task
// was woken since it last waited. The wait counts for a kind in [Stats].
func Again(kind WaitKind) Next { return Next{again: true, kind: kind} }

// SwitchTo continues a fiber of the task that has called Switch.
func SwitchTo(f *Fiber) Next { return Next{fiber: f} }

// turns is what a task with a Turn has beside its fiber. It belongs to the task's owner (see state).
//
// # The fibers of a task
//
//  1. The worker calls Turn on a fiber with a coroutine of its own idle ones.
//  2. That fiber is the task's, as any task has one: it parks, is preempted, and is resumed by whoever takes the task from
//     the ready queue. Nobody resumes another fiber of the task meanwhile. (TestPreemptedFiberGoesOn)
//  3. If it calls Switch, its frames stay, and another fiber is the task's from then on: one that has called Switch earlier,
//     or a new one, on which Turn is called. The worker stays with the task, and the quantum goes on. (TestSwitch)
//  4. When Turn returns, its coroutine is idle again. By Next, the task ends, waits, or goes on with a fiber that has called
//     Switch. A task that waits so keeps its Fiber, which has its pace and its meter. (TestAgain)
//  5. A task that was cancelled ends, whatever Turn returns. If that comes while Turn is about to wait, it is called once more, since
//     it has not seen the cancel. (TestCancelledAtTheLastMoment)
//  6. If it ends and fibers are left, each is continued, the youngest first, and runs to its end: Switch, and whatever else
//     would wait, returns the cause or ErrEnded. So of those left, each ends before those that were there when it began.
//     Between two of them the task gives up its worker if its quantum is over. (TestUnwinding, TestUnwindingTakesTurns)
//
// The mill of the tests is a body of this kind in small: threads that have a fiber only while they wait with frames.
//
// Rejected: a loop on a fiber of its own, which resumes the others (two switches more for each of them, and its stack would
// wait with the task); a task for each fiber and a lock (wake-ups that find the lock taken, and a preempted fiber would not
// stop the others); goroutines (see Executor).
type turns struct {
	turn   func(*Fiber) Next
	fibers []*Fiber // those on which Turn has not returned, the oldest first
	next   Next     // what Turn has just returned; End if it panicked
	waited bool     // the task has waited between two calls of Turn
}

// run is the body of each fiber of the task.
func (ts *turns) run(f *Fiber) {
	f.turns = ts
	ts.fibers = append(ts.fibers, f)
	ts.next = ts.callTurn(f)
}

// callTurn calls Turn until the task has something else to do than to call it again.
func (ts *turns) callTurn(f *Fiber) Next {
	t := f.task
	if ts.waited {
		ts.waited = false
		if t.waits != nil {
			t.waits.OnResume(t)
		}
	}
	for {
		known := f.Err() != nil
		next := ts.turn(f)
		switch {
		case f.Err() != nil && next.again && !known && !t.ending: // the cancel came too late for this call
		case f.Err() != nil:
			return End()
		case next.fiber != nil:
			f.mustBeSuspended(next.fiber)
			return next
		case !next.again:
			return next
		case !t.consumeWake():
			ts.waited = true
			t.waitsFor = next.kind
			if t.waits != nil {
				t.waits.OnPark(t)
			}
			return next
		}
		f.use.wait = Wait{}
	}
}

// onEnd is called by the worker when a fiber has ended. If it returns switched, the task has another fiber to go on with.
func (ts *turns) onEnd(f *Fiber) outcome {
	t := f.task
	i := len(ts.fibers) - 1
	for ts.fibers[i] != f {
		i--
	}
	ts.fibers = slices.Delete(ts.fibers, i, i+1)
	next := ts.next
	ts.next = End()
	switch {
	case next.again:
		return parking
	case next.fiber != nil:
		f.handOver(next.fiber)
		return switched
	}
	t.ending = true
	if len(ts.fibers) == 0 {
		return finished
	}
	f.handOver(ts.fibers[len(ts.fibers)-1])
	if e := t.executor; e.uptime()-f.use.start >= e.quantum.time { // no fuel measures how long fibers take to unwind
		return preempted
	}
	return switched
}

// Switch suspends the fiber and continues another one of its task that has called Switch; if to is nil, the task's Turn is
// called, on a new fiber. Switch returns nil when another fiber continues this one. It returns the cause if the task was
// cancelled, and ErrEnded if it ends otherwise; then it should not be called again. Only the fibers of a task with a Turn
// may call it. It burns no fuel, and there may be any number of fibers: the body charges for both, and bounds them.
func (f *Fiber) Switch(to *Fiber) error {
	if err := f.Err(); err != nil {
		return err
	}
	if to == nil {
		to = &Fiber{task: f.task, turns: f.turns}
	} else {
		f.mustBeSuspended(to)
	}
	f.handOver(to)
	f.yield(switched)
	return f.Err()
}

// mustBeSuspended panics if another fiber can't be continued.
func (f *Fiber) mustBeSuspended(other *Fiber) {
	if other == f || other.task != f.task || other.next == nil {
		panic("executor: internal fault: a switch to a fiber that is not suspended")
	}
}

// handOver makes another fiber the task's.
func (f *Fiber) handOver(to *Fiber) {
	to.gauge = f.gauge
	f.task.fiber = to
}
