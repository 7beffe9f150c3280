package runner

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/retry"
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

// Look returns a workload's attempt, if it has one, and what holds it up: why it is not started, nil if it waits for its
// turn alone, or why its end can't be recorded. It is not live if its end is recorded, or if it never existed.
func (r *Runner) Look(id string) (a *attempt.Attempt, delay *api.Delay, live bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.live[id]
	switch {
	case w == nil:
		return nil, nil, false
	case w.attempt != nil:
		return &w.attempt.Attempt, r.unrecorded(w), true
	default:
		return nil, cmp.Or(r.unrecorded(w), r.delayOf(w)), true
	}
}

// unrecorded returns why the end of a workload can't be recorded; nil if it has not ended, or nothing is known to be in
// the way. mu is held.
func (r *Runner) unrecorded(w *workload) *api.Delay {
	if w.entry.Stage() != lifecycle.Ending {
		return nil
	}
	cause := r.cfg.Outage()
	if cause == nil {
		return nil
	}
	reason := retry.Disk
	if errors.Is(cause, store.ErrFull) {
		reason = retry.Space
	}
	return &api.Delay{
		Reason:  api.DelayReason(reason),
		Message: fmt.Sprintf("it has ended, and waits until that can be recorded: %v", cause),
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
