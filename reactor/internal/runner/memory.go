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

// How a guest gets more memory than was reserved for it at its start, in steps:
//
//  1. Its memory or its stack needs to grow beyond its allowance, in guest code or during instantiation. The engine
//     calls Ask on the fiber.
//  2. Ask asks the scheduler, which reserves more, or sends younger workloads or this one back to the queue; package
//     schedule has the rules. A workload that is sent back is interrupted as by a cancel, and is PENDING when that has
//     been recorded. Its next attempt continues its log, and its timeout still counts from its first start.
//  3. If the guest has to wait for memory that others give up, its fiber parks; reactorctl ops shows that. When the
//     memory is free the dispatcher wakes the fiber.
//  4. The allowance is raised and the guest continues. memory.grow returns -1 only for the guest's own limit.
//
// (TestGuestsGrow, TestYoungestGoesBack, TestSentBackHasItsInput, TestSentBackTellsItsClient,
// TestMoreThanTheNodeHas)
//
// Rejected: returning -1 when the node is short (most programs, Go programs among them, end then, though it is not
// their fault that others hold the memory); waiting without sending anyone back (if all wait, each holding
// what it has, none goes on).

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

// wakeGrown wakes the fiber of a workload that waits for memory which is free now.
func (r *Runner) wakeGrown(w *workload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.attempt != nil {
		w.attempt.Wake()
	}
}

// settle lowers the reservation of a workload that has run for a while to what it holds.
func (r *Runner) settle(w *workload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var held int64
	if w.attempt != nil {
		held = w.attempt.memory.Settle()
	}
	r.sched.OnSettled(&w.entry, held, time.Now())
}

// sentBack is the message for a workload that was sent back. mu is held.
func (r *Runner) sentBack(w *workload) string {
	return fmt.Sprintf("it was sent back to the queue, and is started again when %s of %s are free",
		humanize.IBytes(uint64(r.sched.Wants(&w.entry))), humanize.IBytes(uint64(r.cfg.Schedule.Memory)))
}
