package reactor

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/reactord/reactord/hostcalls/channel"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/cancel"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/refusal"
)

const (
	// MaxBatch bounds the workloads of one SubmitWorkloads, and the ids of one CancelWorkloads.
	MaxBatch = cancel.MaxIDs
	// MaxCancelResults bounds the results of a cancel by selector: what it selects beyond them is counted.
	MaxCancelResults = cancel.MaxResults
)

// SubmitWorkload stores a workload and queues it. When it returns the workload is on disk. The same
// spec under the same id again creates nothing and returns the workload there is.
func (r *Reactor) SubmitWorkload(ctx context.Context, req api.SubmitRequest) (w *api.Workload, created bool, err error) {
	results, err := r.submitter.Submit(ctx, []api.SubmitRequest{req})
	if err != nil {
		return nil, false, err
	}
	s := &results[0]
	if s.Err != nil {
		return nil, false, s.Err
	}
	if s.Created {
		w = &api.Workload{ID: s.ID, Spec: *s.Spec, Status: api.Status{State: api.Pending, CreateTime: s.Record.Created}}
	} else if w, err = record.Decode(s.Record); err != nil {
		return nil, false, errs.Wrap(err, "workload")
	}
	r.observer.Overlay(w)
	return w, s.Created, nil
}

// SubmitWorkloads submits many, each on its own terms. The results are in order. If the error is not nil
// nothing was stored; but if ctx ended meanwhile, that is unknown, and the same requests can be repeated if
// they have ids.
func (r *Reactor) SubmitWorkloads(ctx context.Context, reqs []api.SubmitRequest) ([]api.SubmitResult, error) {
	if len(reqs) > MaxBatch {
		return nil, errs.Invalid(errs.Field{Path: "requests", Description: fmt.Sprintf("%d workloads are more than the %d allowed", len(reqs), MaxBatch)})
	}
	submitted, err := r.submitter.Submit(ctx, reqs)
	if err != nil {
		return nil, err
	}
	results := make([]api.SubmitResult, len(submitted))
	for i, s := range submitted {
		results[i] = api.SubmitResult{ID: s.ID, Created: s.Created, Err: s.Err}
	}
	return results, nil
}

// CallFunction calls a function of a component on an instance of its own, and returns how that ended. Nothing of it is stored.
// channels carries the streams and futures of the call and gets what the function returns; nil: it has none.
func (r *Reactor) CallFunction(ctx context.Context, spec *api.Spec, channels *channel.Exchange) (*api.CallResult, error) {
	if r.runner.Draining() {
		return nil, refusal.Draining()
	}
	result, err := r.calls.Call(ctx, spec, channels)
	if err == nil && result.Fault != nil {
		r.log.Error("an internal fault ended a call", zap.String("module", spec.Module), zap.String("export", spec.Call.Export), zap.Error(result.Fault))
	}
	return result, err
}
