package runner

import (
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// What is here lets others look at workloads that have not ended, and tell them to end, by their ids.

// Changed returns a channel that is closed when the workload begins to run, is put back or is gone; nil if it is gone
// already, or never was.
func (r *Runner) Changed(id string) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.live[id]; w != nil {
		return w.changed.Next()
	}
	return nil
}

// Log returns the log of a workload's attempt, nil if it has none, and what Changed returns.
func (r *Runner) Log(id string) (log *logbuf.Log, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.live[id]
	if w == nil {
		return nil, nil
	}
	if w.attempt != nil {
		log = w.attempt.Log()
	}
	return log, w.changed.Next()
}

// Port returns the port of an interactive workload; nil if it has ended.
func (r *Runner) Port(id string) *terminal.Port {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.live[id]; w != nil {
		return portOf(w)
	}
	return nil
}

// Look returns a workload's attempt, or if it has none, what keeps it from being started, nil for its turn alone. It
// is not live if it has ended, or never was.
func (r *Runner) Look(id string) (a *attempt.Attempt, delay *api.Delay, live bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.live[id]
	switch {
	case w == nil:
		return nil, nil, false
	case w.attempt != nil:
		return &w.attempt.Attempt, nil, true
	default:
		return nil, r.delayOf(w), true
	}
}

// visitPiece bounds how many workloads a visit goes through with mu held.
const visitPiece = 1024

// VisitAttempts calls visit, with mu held, for those that have an attempt of the workloads below next, at most
// visitPiece, from the last to the first, and returns where to go on: at zero all have been visited. One that ends is
// replaced by the last, so none is passed over, but one can come up twice.
func (r *Runner) VisitAttempts(next int, visit func(id string, a *attempt.Attempt)) (rest int) {
	return r.visit(next, func(w *workload) bool {
		if w.attempt != nil {
			visit(w.id, &w.attempt.Attempt)
		}
		return true
	})
}

// VisitRecords is as VisitAttempts, for records: nil if only the store has it. It stops when visit returns false.
func (r *Runner) VisitRecords(next int, visit func(id string, rec *store.Workload) bool) (rest int) {
	return r.visit(next, func(w *workload) bool { return visit(w.id, w.rec) })
}

func (r *Runner) visit(next int, visit func(*workload) bool) (rest int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next = min(next, len(r.all))
	for range min(next, visitPiece) {
		next--
		if !visit(r.all[next]) {
			return next
		}
	}
	return next
}

// Cancel tells a workload to end, for a client. It returns what Changed returns.
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

// interrupt tells a workload to end.
func (r *Runner) interrupt(w *workload, cause lifecycle.Cause) {
	r.mu.Lock()
	action := r.sched.Cancel(&w.entry, cause)
	if action == lifecycle.Interrupt {
		w.interrupt(cause)
	}
	past, why := w.past, w.entry.Delay()
	r.mu.Unlock()
	switch {
	case action != lifecycle.Record:
	case cause == lifecycle.ByDeadline && past != nil:
		r.record(w, expired(why, past.Timeout))
	default:
		r.record(w, outcome.Interrupted(cause, api.Limits{}))
	}
}
