package runner

import (
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/internal/clip"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/store"
)

// What is here calls Config.Hooks, where package hooks says that each is called. mu is not held.

// event is what hooks are told of a workload and its attempt, which is nil if it has none.
func event(w *workload, a *started) hooks.Event {
	e := hooks.Event{ID: w.id, Tenant: w.entry.Tenant(), Module: store.Digest(w.entry.Key()).String(), Time: time.Now()}
	if a != nil {
		e.Attempt, e.Trace = a.Number, a.trace
	}
	return e
}

// onSubmitted tells of the submissions among the changes of a commit.
func (r *Runner) onSubmitted(changes []store.Change) {
	on := r.cfg.Hooks.OnQueued
	if on == nil {
		return
	}
	for i := range changes {
		if rec := changes[i].Created; rec != nil {
			on(hooks.Event{
				ID: rec.ID, Tenant: rec.Tenant, Module: rec.Module.String(), Time: time.Now(),
				Trace: hooks.TraceParent(record.TraceParent(rec)),
			})
		}
	}
}

// onTakenUp tells of what an earlier reactor left.
func (r *Runner) onTakenUp(places []store.Place) {
	on := r.cfg.Hooks.OnQueued
	if on == nil {
		return
	}
	for i := range places {
		p := &places[i]
		on(hooks.Event{ID: p.ID, Tenant: p.Tenant, Module: p.Module.String(), Time: time.Now()})
	}
}

// onLoaded tells that a workload is about to be given to the workers.
func (r *Runner) onLoaded(w *workload, a *started) {
	if on := r.cfg.Hooks.OnLoaded; on != nil {
		on(event(w, a))
	}
}

// onStarted tells that a worker runs a workload.
func (r *Runner) onStarted(w *workload, a *started) {
	if on := r.cfg.Hooks.OnStarted; on != nil {
		on(event(w, a))
	}
}

// waitHooks are what the executor calls when a workload waits; nil if nobody wants to know.
func (r *Runner) waitHooks(w *workload, a *started) *executor.WaitHooks {
	h := &r.cfg.Hooks
	if h.OnParked == nil && h.OnResumed == nil {
		return nil
	}
	tell := func(on func(hooks.Event)) func(*executor.Task) {
		if on == nil {
			return func(*executor.Task) {}
		}
		e := event(w, a)
		return func(*executor.Task) {
			now := e
			now.Time = time.Now()
			on(now)
		}
	}
	return &executor.WaitHooks{OnPark: tell(h.OnParked), OnResume: tell(h.OnResumed)}
}

// onEnded tells how an attempt ended, or a workload without one.
func (r *Runner) onEnded(w *workload, a *started, o outcome.Outcome) {
	if on := r.cfg.Hooks.OnEnded; on != nil {
		on(event(w, a), hooks.Outcome{State: o.State, Reason: o.Reason, Message: clip.Text(o.Message, maxMessageBytes)})
	}
}

// onPutBack tells that a workload is to be started anew.
func (r *Runner) onPutBack(w *workload) {
	if on := r.cfg.Hooks.OnQueued; on != nil {
		on(event(w, nil))
	}
}

// onCommitted tells that an outcome has been recorded, or why it could not be.
func (r *Runner) onCommitted(w *workload, a *started, o outcome.Outcome, status *record.Status, err error) {
	if on := r.cfg.Hooks.OnCommitted; on != nil {
		on(event(w, a), hooks.Outcome{
			State: o.State, Reason: o.Reason, Message: status.Message, Usage: api.Usage(status.Usage), Err: err,
		})
	}
}
