package reactor

import (
	"context"
	"errors"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/observe"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// listBusiest lists the workloads that run and have used the processors most lately. A walk over all of them finds these,
// and only their records are read. Labels and the like are in records alone, so a filter of them reads all that it selects.
func (r *Reactor) listBusiest(ctx context.Context, f store.Filter, states []api.State, page api.Page, size int) (list api.WorkloadPage, err error) {
	if page.Token != "" {
		return list, errs.Invalid(errs.Field{Path: "page_token", Description: "the busiest workloads are one page"})
	}
	var of observe.Selected
	if len(f.Labels) > 0 || f.Module != nil || f.Created != (store.Period{}) || f.Ended != (store.Period{}) {
		f.States = store.Unfinished
		of.Filter = &f
	}
	list.Cursor = observe.Cursor(r.store.Revision())
	busiest, err := r.observer.Busiest(ctx, of, states, size)
	if err != nil {
		return list, err
	}
	done, err := r.cfg.Reading(ctx, ReadMany)
	if err != nil {
		return list, err
	}
	defer done()
	found, shares, err := r.readBusiest(ctx, busiest)
	if err != nil {
		return list, err
	}
	r.addFound(&list, found, states)
	for _, w := range list.Workloads {
		w.Status.CPUShare = shares[w.ID]
	}
	return list, nil
}

// readBusiest returns the records of workloads, without those that have been deleted, and their shares by id.
func (r *Reactor) readBusiest(ctx context.Context, busiest []observe.Share) (found store.Page, shares map[string]float64, err error) {
	shares = make(map[string]float64, len(busiest))
	for _, share := range busiest {
		shares[share.ID] = share.CPU
		w, err := r.store.Workload(ctx, share.ID)
		if _, gone := errors.AsType[*store.NotFoundError](err); gone {
			continue
		}
		if corrupt, ok := errors.AsType[*store.CorruptError](err); ok {
			found.Corrupt = append(found.Corrupt, corrupt)
			continue
		}
		if err != nil {
			return found, nil, refusal.OfStore(err)
		}
		found.Workloads = append(found.Workloads, w)
	}
	return found, shares, nil
}
