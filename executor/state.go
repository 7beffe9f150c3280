package executor

import (
	"fmt"
	"sync/atomic"
)

// state is a task's state. It also says who owns the task, that is, who may touch its fiber and its
// fields. It is a plain value; its methods are the transitions, and each returns what the caller has
// to do.
//
//	state     owner                                 left by
//	queued    the ready queue                       resume -> running
//	running   the worker that resumed it            park -> parked or woken; preempt -> queued;
//	                                                finish -> done
//	parked    nobody: the first to wake it          wake -> woken
//	woken     the ready queue, or the goroutine     resume -> running
//	          that is about to put it there
//	done      nobody: it is never resumed again
//
// queued and woken both mean ready, and differ in where the fiber goes on: a queued task is new or
// was preempted, a woken one stands in Park, or has its Turn called. A parked task need not have a
// coroutine (see turns); its state does not tell.
//
// The bit notified remembers a wake-up of a task that was not parked: the next Park consumes it and
// returns at once. It goes with queued and running only. A woken task doesn't need it: its Park has
// not returned yet, and its return answers every wake-up up to then.
//
// # Parking and waking
//
//  1. A body that waits for a condition first arranges for a Wake when the condition holds, then
//     checks the condition, and if it does not hold calls Park.
//  2. Park consumes a wake-up that came meanwhile and returns at once. Otherwise the fiber switches
//     to its worker. (TestWakeInEveryPhase) A Turn that returns Again does the same, but its fiber
//     has ended. (TestAgainAtOnce, TestWakeBetweenAgainAndParked)
//  3. The worker parks the task. If a wake-up came between 2 and 3, the task becomes woken instead,
//     and the worker puts it back into the queue. (TestWakeBetweenParkAndParked)
//  4. Of the goroutines that wake a parked task, the one whose swap succeeds puts it into the queue.
//  5. A worker takes the task from the queue and resumes it. Park returns, and the body checks again.
//
// So a wake-up is never lost: when it comes, the task is notified, or has not checked its condition
// yet, or is parked and becomes woken. And a task is in the queue at most once: each time it leaves
// running, it becomes queued or woken once. (TestEveryInterleaving)
//
// Cancelling has no state of its own. It sets the cause, once, and then wakes the task; Park checks
// the cause before and after it waits.
//
// Rejected: parking in the fiber, before the switch (another worker could resume a coroutine that
// has not stopped yet); a channel or a [sync.Cond] for each task (a goroutine switch each time, 0.9
// to 2.5 us, and the Go scheduler's order instead of ours); counting wake-ups (the body checks its
// condition anyway).
type state uint32

const (
	queued state = iota
	running
	parked
	woken
	done

	notified state = 1 << 3
)

// phase returns the state without the notified bit.
func (s state) phase() state { return s &^ notified }

// wake may be called by any goroutine at any time. If enqueue is true, the caller (and nobody else)
// has to put the task into the ready queue.
func (s state) wake() (next state, enqueue bool) {
	switch s.phase() {
	case queued, running:
		return s | notified, false
	case parked:
		return woken, true
	default: // woken: already being queued; done: cannot be woken
		return s, false
	}
}

// resume is called by the worker that took the task from the ready queue.
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

// consume is called by the fiber in Park. It clears a wake-up that came before. If there was none, the
// fiber gives up the worker.
func (s state) consume() (next state, wasNotified bool) {
	if s.phase() != running {
		panic(s.fault("consume"))
	}
	return running, s == running|notified
}

// park is called by the worker once the fiber has stopped: not before, since another worker may
// resume a parked task at once. If enqueue is true, a wake-up came since consume, and the worker has
// to put the task back into the ready queue.
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

// preempt is called by the worker once the fiber has stopped. The worker then has to put the task
// into the ready queue. A pending wake-up is kept for the next Park.
func (s state) preempt() state {
	if s.phase() != running {
		panic(s.fault("preempt"))
	}
	return queued | s&notified
}

// finish is called by the worker when the body has returned.
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

// word is a state shared by goroutines. Each transition is one compare-and-swap; a consume that finds
// no wake-up, and a wake of a task that is done, only load.
//
// Any other wake swaps even if the state stays the same. So each of several calls of Wake happens
// before the return of the Park that they end, whichever of them made the task ready.
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

// resume returns the phase that the task was in.
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
