package runner

import (
	"context"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/schedule"
)

// This file implements crash.Workloads.

// What is said of suspects. A stop in order releases them, because it leaves no journal.
const (
	suspected      = "the daemon died while it ran or was about to"
	suspectedLater = suspected + "; others are tried before it"
	release        = ". To start it at once, stop the daemon and start it again"
)

// Suspect delays a workload until its trial. until is zero if others are tried first.
func (r *Runner) Suspect(id string, until time.Time, deaths int) {
	const readable = 1000 // beyond, timeouts are looked at when a workload is started
	r.mu.Lock()
	w, read := r.live[id], r.sched.Delayed() < readable
	r.mu.Unlock()
	if w == nil {
		return
	}
	message := suspected
	if until.IsZero() {
		message = suspectedLater
	}
	past := w.past
	if past == nil && read {
		past = r.readDeadline(w)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w.past = past
	r.sched.Suspect(&w.entry, schedule.Why{
		Trouble: retry.Crash, Message: message + release, Until: until, Deadline: past.Deadline(),
	}, uint32(deaths), time.Now())
}

// Try puts suspects at the front of the queue, unless they have been cancelled or their timeouts have passed.
func (r *Runner) Try(ids []string) {
	now := time.Now()
	r.mu.Lock()
	for _, id := range ids {
		if w := r.live[id]; w != nil {
			r.sched.Try(&w.entry, now)
		}
	}
	r.mu.Unlock()
	r.Kick()
}

// WaitGone waits until workloads have ended, or ctx has.
func (r *Runner) WaitGone(ctx context.Context, ids []string) {
	for _, id := range ids {
		for changed := r.Changed(id); changed != nil; changed = r.Changed(id) {
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// Condemn ends the workload that kills the daemon. It is called before Start.
func (r *Runner) Condemn(id, message string) {
	r.mu.Lock()
	w := r.live[id]
	if w != nil {
		r.sched.Arrest(&w.entry)
	}
	r.mu.Unlock()
	if w != nil {
		r.finish(w, outcome.Outcome{State: api.Failed, Reason: api.ReasonDaemonDied, Message: message})
	}
}

// ShutGate lets nothing start but what is tried, until OpenGate.
func (r *Runner) ShutGate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sched.ShutGate()
}

// OpenGate undoes ShutGate.
func (r *Runner) OpenGate() {
	r.mu.Lock()
	r.sched.OpenGate()
	r.mu.Unlock()
	r.Kick()
}
