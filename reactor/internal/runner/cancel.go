package runner

import (
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/outcome"
)

// How a workload is told to end, by a client, its timeout or a shutdown, in steps:
//
//  1. interrupt tells the scheduler, which makes a workload without a task Ending: its end is recorded at once.
//  2. The task of one that has a task is cancelled: its fiber returns with the cause when it next waits or checks its
//     fuel, and the attempt ends as any other does. If the task is not set yet, setTask passes the cause on.
//  3. If the workload is being put back meanwhile, onEndStored records the cancel instead of queueing it.
//
// The first cause wins, but a final one replaces that of being sent back for memory. A shutdown does not
// affect workloads that have not been started.

// Cancel interrupts a workload for a client. It returns the channel that Changed returns.
func (r *Runner) Cancel(id string) <-chan struct{} {
	r.mu.Lock()
	w := r.live[id]
	if w == nil {
		r.mu.Unlock()
		return nil
	}
	changed := w.changed.Next()
	r.mu.Unlock()
	r.interrupt(w, lifecycle.ByClient)
	return changed
}

// interrupt ends a workload: the task if it has one, else its wait.
func (r *Runner) interrupt(w *workload, cause lifecycle.Cause) {
	r.mu.Lock()
	action := r.sched.Cancel(&w.entry, cause)
	if action == lifecycle.Interrupt {
		w.interrupt(cause)
	}
	o := outcome.Interrupted(cause, api.Limits{})
	if cause == lifecycle.ByDeadline && w.past != nil {
		o = expired(w.entry.Delay(), w.past.Timeout)
	}
	r.mu.Unlock()
	if action == lifecycle.Record {
		r.recordEnd(w, o)
	}
}

// OnDeadline implements attempt.Owner.
func (a *started) OnDeadline() { a.runner.interrupt(a.workload, lifecycle.ByDeadline) }
