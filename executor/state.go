package executor

import (
	"fmt"
	"sync/atomic"
)

// state is where a task is, and with it who owns the task: who may touch its fiber and its fields.
// It is a plain value; its methods are the transitions, and each returns what the caller has to do.
//
//	state     owner                                 left by
//	queued    the ready queue                       resume -> running
//	running   the worker that resumed it            park -> parked or woken; preempt -> queued;
//	                                                finish -> done
//	parked    nobody: the first to wake it          wake -> woken
//	woken     the ready queue, or whoever is        resume -> running
//	          about to put it there
//	done      nobody: it is never resumed again
//
// queued and woken both mean ready, and differ in where the fiber goes on: a queued task is new or
// was preempted, a woken one stands in Park.
//
// The bit notified remembers a wake-up that came when there was nothing to do for it: the next Park
// takes it and returns at once. It goes with queued and running only. A woken task doesn't need it:
// its Park has not returned yet, and when it does it stands for every wake-up up to then.
//
// # Parking and waking
//
//  1. A body that waits for something first sees to it that somebody calls Wake when it is there,
//     then looks whether it is there, and if not goes into Park.
//  2. Park consumes a wake-up that came meanwhile and returns at once. Otherwise the fiber switches
//     to its worker. (TestWakeInEveryPhase)
//  3. The worker parks the task. A wake-up that came between the two makes it woken instead, and the
//     worker puts it back into the queue. (TestWakeBetweenParkAndParked)
//  4. Of those who wake a parked task, the one whose swap succeeds puts it into the queue.
//  5. A worker takes it from there, resumes it, and Park returns. The body looks again.
//
// So a wake-up is never lost: at any time the task is notified, or will look after this time, or is
// parked and becomes woken. And a task is in the queue at most once: the transition to queued or
// woken is made once for each time it leaves running. (TestEveryInterleaving)
//
// Cancelling has no state of its own. It is a cause, set once, and then a wake-up, which is not
// lost; and Park looks at the cause on either side of waiting.
//
// Rejected: parking in the fiber, before the switch (another worker could resume a coroutine that
// has not stopped yet); a channel or a [sync.Cond] for each task (a goroutine switch each time, 0.9
// to 2.5 us, and the Go scheduler's order instead of ours); counting wake-ups (whoever waits looks
// at what it waits for anyway).
type state uint32

const (
	queued state = iota
	running
	parked
	woken
	done

	notified state = 1 << 3
)

// phase strips the bit.
func (s state) phase() state { return s &^ notified }

// wake is what any goroutine may do to any task at any time. If enqueue is true the caller, and
// nobody else, has to put the task into the ready queue.
func (s state) wake() (next state, enqueue bool) {
	switch s.phase() {
	case queued, running:
		return s | notified, false
	case parked:
		return woken, true
	default: // woken: on its way already; done: nobody to wake
		return s, false
	}
}

// resume is the worker's, with a task it took from the ready queue.
func (s state) resume() state {
	switch s.phase() {
	case queued:
		return running | s&notified
	case woken:
		return running
	default:
		panic(s.fault("resume"))
	}
}

// consume is the fiber's, on its way into Park: it takes a wake-up that came before. If there was
// none the fiber goes on to give up the worker.
func (s state) consume() (next state, wasNotified bool) {
	if s.phase() != running {
		panic(s.fault("consume"))
	}
	return running, s == running|notified
}

// park is the worker's, once the fiber has stopped running: not before, since from then on another
// worker may resume it. If enqueue is true a wake-up came between, and the worker has to put the
// task back into the ready queue.
func (s state) park() (next state, enqueue bool) {
	switch s {
	case running:
		return parked, false
	case running | notified:
		return woken, true
	default:
		panic(s.fault("park"))
	}
}

// preempt is the worker's, once the fiber has stopped running: it has to put the task into the
// ready queue. A wake-up that came is kept for the next Park.
func (s state) preempt() state {
	if s.phase() != running {
		panic(s.fault("preempt"))
	}
	return queued | s&notified
}

// finish is the worker's, when the body has returned.
func (s state) finish() state {
	if s.phase() != running {
		panic(s.fault("finish"))
	}
	return done
}

func (s state) fault(transition string) string {
	return fmt.Sprintf("executor: internal fault: %s of a task that is %s", transition, s)
}

func (s state) String() string {
	names := [...]string{queued: "queued", running: "running", parked: "parked", woken: "woken", done: "done"}
	p := s.phase()
	if int(p) >= len(names) {
		return fmt.Sprintf("state(%d)", uint32(s))
	}
	if s != p {
		return names[p] + "+notified"
	}
	return names[p]
}

// word is a state that goroutines share: each transition is one compare-and-swap.
//
// wake swaps even where the state stays as it is. So whatever comes before a Wake happens before
// the return of the Park that it ends, whichever of several it was that made the task ready.
type word struct{ bits atomic.Uint32 }

func (w *word) load() state { return state(w.bits.Load()) }

func (w *word) swap(from, to state) bool {
	return w.bits.CompareAndSwap(uint32(from), uint32(to))
}

func (w *word) wake() (enqueue bool) {
	for {
		s := w.load()
		if s == done {
			return false
		}
		next, enqueue := s.wake()
		if w.swap(s, next) {
			return enqueue
		}
	}
}

// resume returns the state that the task was in, without the bit.
func (w *word) resume() (from state) {
	for {
		if s := w.load(); w.swap(s, s.resume()) {
			return s.phase()
		}
	}
}

func (w *word) consume() (wasNotified bool) {
	for {
		s := w.load()
		next, wasNotified := s.consume()
		if !wasNotified || w.swap(s, next) {
			return wasNotified
		}
	}
}

func (w *word) park() (enqueue bool) {
	for {
		s := w.load()
		next, enqueue := s.park()
		if w.swap(s, next) {
			return enqueue
		}
	}
}

func (w *word) preempt() {
	for {
		if s := w.load(); w.swap(s, s.preempt()) {
			return
		}
	}
}

func (w *word) finish() {
	for {
		if s := w.load(); w.swap(s, s.finish()) {
			return
		}
	}
}
