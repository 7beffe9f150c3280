package reactor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/observe"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/internal/selector"
	"github.com/reactord/reactord/reactor/store"
)

// GetWorkload returns a workload as it is now.
func (r *Reactor) GetWorkload(ctx context.Context, id string) (*api.Workload, error) {
	w, err := r.readWorkload(ctx, id)
	if err != nil {
		return nil, err
	}
	r.observer.Overlay(w)
	if !w.Status.State.Ended() {
		w.Status.Activity = r.observer.Activity(id)
	}
	return w, nil
}

// Activity returns what the calls of a workload do that runs a component; nil if there is nothing to say.
func (r *Reactor) Activity(id string) *api.Activity { return r.observer.Activity(id) }

// Stuck says why nothing can wake a workload any more; it is empty if something can.
func (r *Reactor) Stuck(id string) string { return r.observer.Stuck(id) }

// readWorkload returns a workload as the store has it.
func (r *Reactor) readWorkload(ctx context.Context, id string) (*api.Workload, error) {
	rec, err := r.readRecord(ctx, id)
	if err != nil {
		return nil, err
	}
	w, err := record.Decode(rec)
	return w, errs.Wrap(err, "workload")
}

// readRecord returns the record of a workload.
func (r *Reactor) readRecord(ctx context.Context, id string) (*store.Workload, error) {
	var f errs.Faults
	if id == "" {
		f.Add("id", "an id is required")
	}
	intake.CheckID(&f, "id", id)
	if len(f) > 0 {
		return nil, f.Err()
	}
	done, err := r.cfg.Reading(ctx, ReadOne)
	if err != nil {
		return nil, err
	}
	defer done()
	rec, err := r.store.Workload(ctx, id)
	return rec, refusal.OfStore(err)
}

// ListWorkloads returns a page of workloads, each in a state that the filter selects: RUNNING and WAITING are told apart
// as they are while the page is read.
func (r *Reactor) ListWorkloads(ctx context.Context, filter api.Filter, page api.Page) (list api.WorkloadPage, err error) {
	size, err := intake.PageSize(page)
	if err != nil {
		return list, err
	}
	f, err := r.filter(ctx, filter)
	if err != nil {
		return list, err
	}
	if page.BusiestFirst {
		return r.listBusiest(ctx, f, filter.States, page, size)
	}
	done, err := r.cfg.Reading(ctx, ReadMany)
	if err != nil {
		return list, err
	}
	defer done()
	list.Cursor = observe.Cursor(r.store.Revision())
	query := store.Query{Filter: f, Token: page.Token, OldestFirst: page.OldestFirst}
	for examined := 0; examined < maxExamined; {
		query.Limit = size - len(list.Workloads) - len(list.Unreadable)
		found, err := r.store.List(ctx, query)
		if err != nil {
			return list, refusal.OfStore(err)
		}
		r.addFound(&list, found, filter.States)
		query.Token, list.Next = found.Next, found.Next
		n := len(found.Workloads) + len(found.Corrupt)
		if full := len(list.Workloads)+len(list.Unreadable) == size; full || n < query.Limit || found.Next == "" {
			break // if the store found fewer than it might, it has looked at enough
		}
		examined += n
	}
	return list, nil
}

// maxExamined bounds the records that are read for one page and turn out to be in another state than the store has.
const maxExamined = 4096

// addFound adds to a page what the store found, as it is now, if it is in one of the states.
func (r *Reactor) addFound(list *api.WorkloadPage, found store.Page, states []api.State) {
	for _, corrupt := range found.Corrupt {
		r.onDamaged(corrupt)
		list.Unreadable = append(list.Unreadable, errs.Clip(strings.ToValidUTF8(corrupt.Name, "\uFFFD")))
	}
	for _, rec := range found.Workloads {
		w, err := record.Decode(rec)
		if err != nil {
			r.onDamaged(err)
			list.Unreadable = append(list.Unreadable, rec.ID)
			continue
		}
		r.observer.Overlay(w)
		if len(states) == 0 || slices.Contains(states, w.Status.State) {
			list.Workloads = append(list.Workloads, w)
		}
	}
}

// filter turns a client's filter into the store's.
func (r *Reactor) filter(ctx context.Context, filter api.Filter) (store.Filter, error) {
	f := store.Filter{Created: store.Period(filter.Created), Ended: store.Period(filter.Ended)}
	var bad errs.Faults
	for i, s := range filter.States {
		if s < api.Pending || s > api.Cancelled {
			bad.Add(fmt.Sprintf("filter.states[%d]", i), "is not a state")
			continue
		}
		f.States |= store.States(record.StoredState(s))
	}
	var err error
	if f.Labels, err = selector.Parse(filter.LabelSelector); err != nil {
		bad.Add("filter.label_selector", "%v", err)
	}
	if len(bad) > 0 {
		return f, bad.Err()
	}
	if filter.Module == "" {
		return f, nil
	}
	digest, err := r.modules.FindDigest(ctx, "filter.module", filter.Module)
	f.Module = &digest
	return f, err
}

// DeleteWorkload deletes a finished workload with its result and its log. If ctx ends early the workload is still there,
// with less of its log.
func (r *Reactor) DeleteWorkload(ctx context.Context, id string) error {
	var f errs.Faults
	if id == "" {
		f.Add("id", "an id is required")
	}
	if intake.CheckID(&f, "id", id); len(f) > 0 {
		return f.Err()
	}
	for {
		done, err := r.store.DeleteWorkload(ctx, id)
		if done || err != nil {
			return refusal.OfStore(err)
		}
	}
}

// WaitWorkload returns once the workload has finished.
func (r *Reactor) WaitWorkload(ctx context.Context, id string) (*api.Workload, error) {
	for looks := 0; ; {
		if changed := r.runner.Changed(id); changed != nil {
			if err := r.observer.Await(ctx, id, changed); err != nil {
				return nil, err
			}
			continue
		}
		w, err := r.readWorkload(ctx, id)
		if err != nil || w.Status.State.Ended() {
			return w, err
		}
		if looks++; looks > 1 { // once it may have been submitted between the two
			return nil, refusal.Unrecorded(id)
		}
	}
}

// CancelWorkloads cancels workloads, and returns when what it cancelled is recorded as such. A
// workload that ended by itself before the cancel reached it counts as finished. The error is not
// nil if the request is not valid, or ctx ended: then cancels may be under way.
func (r *Reactor) CancelWorkloads(ctx context.Context, req api.CancelRequest) (api.Cancellation, error) {
	return r.canceller.Do(ctx, req)
}
