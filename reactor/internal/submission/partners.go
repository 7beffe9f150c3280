package submission

import (
	"context"
	"errors"
	"fmt"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/pipes"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// longestChain is how many workloads in a row may be joined by pipes, as far as that is known at a submission.
const longestChain = 64

// partner is a workload that another names as the one at the other end of a pipe.
type partner struct {
	*api.Spec
	ended bool
}

// partners finds the workloads that submissions name: those of the same call, and those in the store.
type partners struct {
	store store.Workloads
	batch map[string]*api.Spec
}

// partnersOf returns the partners for the submissions of a call.
func (p *Pipeline) partnersOf(reqs []api.SubmitRequest) partners {
	found := partners{store: p.Store}
	for i := range reqs {
		if spec := &reqs[i].Spec; reqs[i].ID != "" && (spec.StdoutTo != "" || spec.StdinFrom != "") {
			if found.batch == nil {
				found.batch = map[string]*api.Spec{}
			}
			found.batch[reqs[i].ID] = spec
		}
	}
	return found
}

// find returns a workload, nil if there is none yet. Those of the store come first: a submission can't change them.
func (p *partners) find(ctx context.Context, id string) (*partner, error) {
	rec, err := p.store.Workload(ctx, id)
	if _, missing := errors.AsType[*store.NotFoundError](err); missing {
		if spec := p.batch[id]; spec != nil {
			return &partner{spec, false}, nil
		}
		return nil, nil
	}
	if err != nil {
		return nil, refusal.OfStore(err)
	}
	if rec.Tenant != defaultTenant {
		return nil, nil
	}
	spec, err := record.DecodeSpec(rec)
	if err != nil {
		return nil, errs.Wrap(err, "workload")
	}
	return &partner{&spec, rec.State.Finished()}, nil
}

// checkPipes checks the workloads that a spec names against it: each names it in turn, has not ended, and none leads
// back to it. One that does not exist yet can't be checked.
func (p *Pipeline) checkPipes(ctx context.Context, others *partners, id string, spec *api.Spec) error {
	var f errs.Faults
	for _, end := range []struct {
		path, id string
		pair     pipes.Pair
		side     pipes.Side
		own      string // the side of this workload
	}{
		{"spec.stdout_to", spec.StdoutTo, pipes.Pair{Tenant: defaultTenant, From: id, To: spec.StdoutTo}, pipes.From, "stdin_from"},
		{"spec.stdin_from", spec.StdinFrom, pipes.Pair{Tenant: defaultTenant, From: spec.StdinFrom, To: id}, pipes.To, "stdout_to"},
	} {
		if end.id == "" {
			continue
		}
		other, err := others.find(ctx, end.id)
		if err != nil {
			return err
		}
		if other == nil {
			continue
		}
		names := other.StdinFrom
		if end.side == pipes.To {
			names = other.StdoutTo
		}
		switch {
		case names == "":
			f.Add(end.path, "workload %q was submitted without %s: both have to name each other", end.id, end.own)
		case names != id:
			f.Add(end.path, "workload %q has %q as its %s: both have to name each other", end.id, names, end.own)
		case other.ended && !p.Awaits(end.pair, end.side):
			return errs.Workload(errs.WorkloadFinished, end.id, "%s: workload %q has ended", end.path, end.id)
		}
	}
	if len(f) > 0 || spec.StdoutTo == "" || spec.StdinFrom == "" {
		return f.Err()
	}
	return checkCycle(ctx, others, id, spec)
}

// checkCycle follows a chain from a workload to its end.
func checkCycle(ctx context.Context, others *partners, id string, spec *api.Spec) error {
	next := spec.StdoutTo
	for range longestChain {
		if next == id {
			return errs.Invalid(errs.Field{Path: "spec.stdout_to", Description: "the pipes lead back to the workload itself: each would wait for the others"})
		}
		other, err := others.find(ctx, next)
		if err != nil {
			return err
		}
		if other == nil || other.StdoutTo == "" {
			return nil
		}
		next = other.StdoutTo
	}
	return errs.Invalid(errs.Field{Path: "spec.stdout_to", Description: fmt.Sprintf("the chain is longer than the %d workloads allowed", longestChain)})
}
