package runner

import (
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/wasihttp"
	"github.com/reactord/reactord/internal/clip"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/store"
)

// The methods in this file call Config.Hooks; package hooks says when. mu is not held.

// event is the event of a workload and its attempt, nil if it has none.
func event(w *workload, a *started) hooks.Event {
	e := hooks.Event{ID: w.id, Tenant: w.entry.Tenant(), Module: store.Digest(w.entry.Key()).String(), Time: time.Now()}
	if a != nil {
		e.Attempt, e.Trace = a.Number, a.trace
	}
	return e
}

// onSubmitted calls OnQueued for the workloads that a commit created.
func (r *Runner) onSubmitted(changes []store.Change) {
	on := r.cfg.Hooks.OnQueued
	if on == nil {
		return
	}
	for i := range changes {
		if rec := changes[i].Created; rec != nil {
			on(hooks.Event{
				ID: rec.ID, Tenant: rec.Tenant, Module: rec.Module.String(), Time: time.Now(),
				Trace: record.Trace(rec),
			})
		}
	}
}

// onTakenUp calls OnQueued for workloads that an earlier reactor left.
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

// onLoaded calls OnLoaded: the workload is about to be given to the workers.
func (r *Runner) onLoaded(w *workload, a *started) {
	if on := r.cfg.Hooks.OnLoaded; on != nil {
		e := event(w, a)
		e.Submitted = a.created
		on(e)
	}
}

// tracer returns what follows the HTTP requests of an attempt that is about to be made; nil if nothing does, or if there will be none,
// since the guest has no grants.
func (r *Runner) tracer(a *started, spec *api.Spec, number uint32) wasihttp.Tracer {
	if r.cfg.TraceHTTP == nil || len(spec.Grants) == 0 {
		return nil
	}
	e := event(a.workload, a)
	e.Attempt = number
	return r.cfg.TraceHTTP(e)
}

// outputOf returns what opens the copy of an attempt's output; nil if there is none.
func (r *Runner) outputOf(a *started, spec *api.Spec) func() hooks.Output {
	if r.cfg.OpenOutput == nil {
		return nil
	}
	name, labels := spec.Name, spec.Labels
	return func() hooks.Output {
		return r.cfg.OpenOutput(hooks.Source{Event: event(a.workload, a), Name: name, Labels: labels})
	}
}

// onStarted calls OnStarted: a worker runs the workload.
func (r *Runner) onStarted(w *workload, a *started) {
	if on := r.cfg.Hooks.OnStarted; on != nil {
		on(event(w, a))
	}
}

// waitHooks are called by the executor when a workload parks and resumes; nil if neither hook is to be called.
func (r *Runner) waitHooks(w *workload, a *started) *executor.WaitHooks {
	h := &r.cfg.Hooks
	if h.OnParked == nil && h.OnResumed == nil || !a.trace.Sampled() {
		return nil
	}
	e := event(w, a)
	tell := func(on func(hooks.Event), waitsFor string) {
		if on != nil {
			now := e
			now.Time, now.WaitsFor = time.Now(), waitsFor
			on(now)
		}
	}
	return &executor.WaitHooks{
		OnPark:   func(t *executor.Task) { tell(h.OnParked, hostcalls.OpKind(t.WaitsFor()).String()) },
		OnResume: func(*executor.Task) { tell(h.OnResumed, "") },
	}
}

// OnNetworkFailure implements attempt.Owner: it calls the hook of this name.
func (a *started) OnNetworkFailure(f attempt.NetworkFailure) {
	if on := a.runner.cfg.Hooks.OnNetworkFailure; on != nil {
		told := hooks.NetworkFailure{Target: f.Target, Message: clip.Text(f.Err.Error(), maxMessageBytes), Times: f.Times}
		if f.Target != "" {
			told.Kind = f.Kind.String()
		}
		on(event(a.workload, a), told)
	}
}

// onEnded calls OnEnded for an attempt, or for a workload that ended without one.
func (r *Runner) onEnded(w *workload, a *started, o outcome.Outcome) {
	if on := r.cfg.Hooks.OnEnded; on != nil {
		on(event(w, a), hooks.Outcome{State: o.State, Reason: o.Reason, Message: clip.Text(o.Message, maxMessageBytes)})
	}
}

// onPutBack calls OnQueued for a workload that will have another attempt than a, which may be nil.
func (r *Runner) onPutBack(w *workload, a *started) {
	if on := r.cfg.Hooks.OnQueued; on != nil {
		on(event(w, a))
	}
}

// onCommitted calls OnCommitted: the outcome has been committed, or could not be.
func (r *Runner) onCommitted(w *workload, a *started, o outcome.Outcome, status *record.Status, err error) {
	if on := r.cfg.Hooks.OnCommitted; on != nil {
		on(event(w, a), hooks.Outcome{
			State: o.State, Reason: o.Reason, Message: status.Message, Usage: status.Usage.Decode(), Err: err,
		})
	}
}
