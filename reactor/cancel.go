package reactor

import (
	"context"
	"fmt"

	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/selector"
	"github.com/reactord/reactord/reactor/store"
)

// CancelWorkloads cancels workloads, and returns when what it cancelled is recorded as such. A
// workload that ended by itself before the cancel reached it counts as finished. The error is not
// nil if the request is not valid, or ctx ended: then cancels may be under way.
func (r *Reactor) CancelWorkloads(ctx context.Context, req CancelRequest) ([]CancelResult, error) {
	ids := req.IDs
	var f faults
	switch {
	case len(ids) > 0 && req.LabelSelector != "":
		f.add("label_selector", "ids and a selector exclude each other")
	case len(ids) > MaxBatch:
		f.add("ids", "%d are more than the %d allowed", len(ids), MaxBatch)
	case len(ids) == 0:
		reqs, err := selector.Parse(req.LabelSelector)
		if err != nil {
			f.add("label_selector", "%v", err)
		} else if len(reqs) == 0 {
			f.add("ids", "ids or a selector is required")
		} else {
			var failed error
			if ids, failed = r.selected(ctx, reqs); failed != nil {
				return nil, failed
			}
		}
	}
	for i, id := range req.IDs {
		checkID(&f, fmt.Sprintf("ids[%d]", i), id)
	}
	if len(f) > 0 {
		return nil, f.err()
	}
	return r.cancelAll(ctx, ids)
}

// selected lists the workloads that have not ended and that a selector selects. Of those that wait behind
// many others only the store has the labels.
func (r *Reactor) selected(ctx context.Context, reqs []store.Requirement) (ids []string, err error) {
	f := store.Filter{Labels: reqs}
	bare := map[string]bool{}
	r.mu.Lock()
	for _, w := range r.all {
		if w.rec == nil {
			bare[w.id] = true
		} else if f.MatchLabels(w.rec.Labels) {
			ids = append(ids, w.id)
		}
	}
	r.mu.Unlock()
	if len(bare) == 0 {
		return ids, nil
	}
	f.States = store.Unfinished
	for token := ""; ; {
		page, err := r.store.List(ctx, store.Query{Filter: f, Token: token, Limit: maxPage})
		if err != nil {
			return nil, stored(err)
		}
		for _, rec := range page.Workloads {
			if bare[rec.ID] {
				ids = append(ids, rec.ID)
			}
		}
		if token = page.Next; token == "" {
			return ids, nil
		}
	}
}

// cancelAll first tells them all to end, then waits for the ends.
func (r *Reactor) cancelAll(ctx context.Context, ids []string) ([]CancelResult, error) {
	waits := make([]<-chan struct{}, len(ids))
	for i, id := range ids {
		waits[i] = r.cancelOne(id)
	}
	results := make([]CancelResult, len(ids))
	for i, id := range ids {
		results[i].ID = id
		err := r.cancelled(ctx, id, waits[i])
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		results[i].Cancelled, results[i].Err = err == nil, err
	}
	return results, nil
}

// cancelOne tells a workload to end. It returns what is closed when it changes; nil if it has ended.
func (r *Reactor) cancelOne(id string) <-chan struct{} {
	r.mu.Lock()
	w := r.live[id]
	if w == nil {
		r.mu.Unlock()
		return nil
	}
	changed := w.changes()
	r.mu.Unlock()
	r.interrupt(w, lifecycle.ByClient)
	return changed
}

// cancelled waits for the end of a workload that was told to end, and tells whether it is what it
// was told.
func (r *Reactor) cancelled(ctx context.Context, id string, changed <-chan struct{}) error {
	told := changed != nil
	for {
		if told {
			if err := r.await(ctx, id, changed); err != nil {
				return err
			}
		}
		changed = r.watchOne(id)
		rec, err := r.store.Workload(ctx, id)
		switch {
		case err != nil:
			return stored(err)
		case rec.State == store.Cancelled && told:
			return nil
		case rec.State.Finished():
			return errs.Workload(errs.WorkloadFinished, id, "workload %q has ended already: it is %s", id, rec.State)
		}
		told = true
	}
}
