package runner

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/schedule"
)

// How a guest gets more memory than was reserved for it when it was started, in steps:
//
//  1. Its memory or its stack is to grow beyond its allowance, in the midst of guest code or of Instantiate. The
//     engine asks, on the fiber.
//  2. Ask tells the scheduler, which reserves more for it, or has younger workloads go back to the queue, or this one,
//     as package schedule has it. What goes back is interrupted as by a cancel, and is PENDING when that is
//     recorded: its next attempt goes on with its log, and its timeout with its first start.
//  3. If it has to wait for what others give up, its fiber parks (reactorctl ops tells). The last who gives
//     memory up wakes the dispatcher, and that the fiber.
//  4. The allowance is raised, and the guest goes on where it was. Memory.grow answers -1 only if the guest's own
//     limit is in the way.
//
// (TestGuestsGrow, TestYoungestGoesBack, TestMoreThanTheNodeHas)
//
// Rejected: answering -1 for the node's sake (most programs, those in Go first of all, take it for the end, and
// that others hold the memory is no fault of theirs); waiting with nobody going back (those that wait hold
// what they have, and if all do nobody goes on).

// Allowance implements hostcalls.Memory.
func (a *started) Allowance() *engine.Allowance { return &a.memory }

// Ask implements hostcalls.Memory.
func (a *started) Ask(bytes int64) (wait bool, err error) {
	r, e := a.runner, &a.workload.entry
	r.mu.Lock()
	defer r.mu.Unlock()
	verdict, back := r.sched.Grow(e, bytes, r.cfg.Freeing())
	for _, b := range back {
		if r.sched.Cancel(b, lifecycle.ForMemory) == lifecycle.Interrupt {
			b.Value.interrupt(lifecycle.ForMemory)
		}
	}
	switch verdict {
	case schedule.Granted:
		a.memory.Grant(e.Reserved())
		return false, nil
	case schedule.Wait:
		return true, nil
	case schedule.TooLarge:
		return false, &outcome.NodeMemoryError{Need: bytes, Node: r.cfg.Schedule.Memory}
	default:
		return false, outcome.Interrupt{Cause: lifecycle.ForMemory}
	}
}

// Waits implements hostcalls.Memory.
func (a *started) Waits() bool {
	a.runner.mu.Lock()
	defer a.runner.mu.Unlock()
	if a.workload.entry.Asking() {
		return true
	}
	a.memory.Grant(a.workload.entry.Reserved())
	return false
}

// wakeGrown wakes the fiber of a workload that asked for memory, which is there now.
func (r *Runner) wakeGrown(w *workload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.attempt != nil {
		w.attempt.Wake()
	}
}

// settle lowers what a workload has reserved to what it holds, when it has run for a while.
func (r *Runner) settle(w *workload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var held int64
	if w.attempt != nil {
		held = w.attempt.memory.Settle()
	}
	r.sched.Settled(&w.entry, held, time.Now())
}

// sentBack says what a workload waits for that was sent back; mu is held.
func (r *Runner) sentBack(w *workload) string {
	return fmt.Sprintf("it was sent back to the queue, and is started again when %s of %s are free",
		humanize.IBytes(uint64(r.sched.Wants(&w.entry))), humanize.IBytes(uint64(r.cfg.Schedule.Memory)))
}
