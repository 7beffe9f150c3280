package runner

import (
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// This file is how other packages look at workloads: by their ids.

// Changed returns a channel that is closed when the workload runs, is put back or is gone. It returns nil if the workload
// is gone already, or never existed.
func (r *Runner) Changed(id string) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.live[id]; w != nil {
		return w.changed.Next()
	}
	return nil
}

// Log returns the log of a workload's attempt, nil if it has none, and the channel that Changed returns.
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

// Port returns the port of a workload that clients can attach to; nil if it has ended.
func (r *Runner) Port(id string, mode terminal.Mode) *terminal.Port {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.live[id]; w != nil {
		return portOf(w, mode)
	}
	return nil
}

// Look returns a workload's attempt; or, if it has none, why it waits, nil if it waits for its turn alone. It is not
// live if it has ended, or never existed.
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

// visitPiece bounds how many workloads are visited while mu is held once.
const visitPiece = 1024

// VisitAttempts visits workloads from position next down, math.MaxInt for all, and calls visit, with mu held, for those
// that have an attempt. It visits at most visitPiece and returns the position to go on from: at zero all have been
// visited. A workload that ends is replaced by the last one, so none is missed, but one can be visited twice.
func (r *Runner) VisitAttempts(next int, visit func(id string, a *attempt.Attempt)) (rest int) {
	return r.visit(next, func(w *workload) bool {
		if w.attempt != nil {
			visit(w.id, &w.attempt.Attempt)
		}
		return true
	})
}

// VisitRecords is like VisitAttempts, for records. A record is nil if only the store has it. It stops when visit returns
// false.
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
