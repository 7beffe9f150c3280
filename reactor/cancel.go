package reactor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/internal/selector"
	"github.com/reactord/reactord/reactor/store"
)

// MaxCancelResults bounds the results of a cancel by selector: what it selects beyond them is counted.
const MaxCancelResults = 1000

const (
	// cancelPiece is how many workloads a cancel by selector tells to end before it looks what became of
	// them.
	cancelPiece = 1024
	// cancelPatience is how long it waits for a piece. What takes longer is waited for at the end.
	cancelPatience = time.Second
)

// CancelWorkloads cancels workloads, and returns when what it cancelled is recorded as such. A
// workload that ended by itself before the cancel reached it counts as finished. The error is not
// nil if the request is not valid, or ctx ended: then cancels may be under way.
func (r *Reactor) CancelWorkloads(ctx context.Context, req api.CancelRequest) (api.Cancellation, error) {
	c := canceller{reactor: r, patience: cancelPatience}
	var f errs.Faults
	switch {
	case len(req.IDs) > 0 && req.LabelSelector != "":
		f.Add("label_selector", "ids and a selector exclude each other")
	case len(req.IDs) > MaxBatch:
		f.Add("ids", "%d are more than the %d allowed", len(req.IDs), MaxBatch)
	case len(req.IDs) == 0:
		reqs, err := selector.Parse(req.LabelSelector)
		if err != nil {
			f.Add("label_selector", "%v", err)
		} else if len(reqs) == 0 {
			f.Add("ids", "ids or a selector is required")
		} else {
			err := c.selected(ctx, store.Filter{Labels: reqs})
			return c.answer, err
		}
	}
	for i, id := range req.IDs {
		intake.CheckID(&f, fmt.Sprintf("ids[%d]", i), id)
	}
	if len(f) > 0 {
		return c.answer, f.Err()
	}
	err := c.named(ctx, req.IDs)
	return c.answer, err
}

// canceller is one cancel under way. What it holds does not grow with how many it cancels, but for those
// that are slow to end.
type canceller struct {
	reactor  *Reactor
	patience time.Duration // with each piece
	answer   api.Cancellation
	late     map[string]bool // told to end, and not seen to have ended
}

// named cancels workloads by their ids: it tells them all to end, then waits for the ends.
func (c *canceller) named(ctx context.Context, ids []string) error {
	waits := c.tell(ids)
	for i, id := range ids {
		err := c.reactor.cancelled(ctx, id, waits[i], waits[i] != nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.add(id, err, MaxBatch)
	}
	return nil
}

// selected cancels what a filter selects of what has not ended, in pieces.
func (c *canceller) selected(ctx context.Context, f store.Filter) error {
	listed, err := c.walk(ctx, f)
	if err == nil && listed {
		err = c.list(ctx, f)
	}
	if err != nil {
		return err
	}
	for id := range c.late {
		err := c.reactor.cancelled(ctx, id, c.reactor.watchOne(id), true)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.add(id, err, MaxCancelResults)
	}
	return nil
}

// walk goes through the workloads in memory. It stops at one whose labels only the store has: then all
// have to be listed.
func (c *canceller) walk(ctx context.Context, f store.Filter) (listed bool, err error) {
	ids := make([]string, 0, 2*cancelPiece)
	for next, more := math.MaxInt, true; more; {
		ids, next, listed = c.reactor.selectSome(&f, ids, next)
		if more = next > 0; listed {
			return true, nil
		}
		if len(ids) >= cancelPiece || !more {
			if err := c.piece(ctx, ids); err != nil {
				return false, err
			}
			ids = ids[:0]
		}
	}
	return false, nil
}

// selectSome looks at some of the workloads below next, from the last to the first, and appends those
// that are selected. One that ends is replaced by the last, so none is passed over, but one can come up
// twice. Bare tells that of one only the store has the labels.
func (r *Reactor) selectSome(f *store.Filter, ids []string, next int) (_ []string, rest int, bare bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next = min(next, len(r.all))
	for range min(next, cancelPiece) {
		next--
		w := r.all[next]
		if w.rec == nil {
			return ids, next, true
		}
		if f.MatchLabels(w.rec.Labels) {
			ids = append(ids, w.id)
		}
	}
	return ids, next, false
}

// list goes through the workloads in the store.
func (c *canceller) list(ctx context.Context, f store.Filter) error {
	f.States = store.Unfinished
	for token := ""; ; {
		ids, next, err := c.page(ctx, store.Query{Filter: f, Token: token, Limit: intake.MaxPage})
		if err != nil {
			return refusal.OfStore(err)
		}
		if err := c.piece(ctx, ids); err != nil || next == "" {
			return err
		}
		token = next
	}
}

// page lists a page of ids. The records are not kept while their workloads end: specs can be large.
func (c *canceller) page(ctx context.Context, query store.Query) (ids []string, next string, err error) {
	page, err := c.reactor.store.List(ctx, query)
	for _, rec := range page.Workloads {
		ids = append(ids, rec.ID)
	}
	return ids, page.Next, err
}

// piece cancels workloads that were selected, and waits for them for a while.
func (c *canceller) piece(ctx context.Context, ids []string) error {
	ids = slices.DeleteFunc(ids, func(id string) bool { return c.late[id] })
	waits := c.tell(ids)
	patient, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	for i, id := range ids {
		if waits[i] == nil {
			continue // it ended before
		}
		err := c.reactor.cancelled(patient, id, waits[i], true)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, context.DeadlineExceeded) {
			if c.late == nil {
				c.late = make(map[string]bool)
			}
			c.late[id] = true
			continue
		}
		c.add(id, err, MaxCancelResults)
	}
	return nil
}

// tell tells workloads to end. For each it returns what is closed when it changes, nil if it has ended.
func (c *canceller) tell(ids []string) []<-chan struct{} {
	waits := make([]<-chan struct{}, len(ids))
	for i, id := range ids {
		waits[i] = c.reactor.cancelOne(id)
	}
	return waits
}

// add counts what became of a workload, and keeps it while there are not most.
func (c *canceller) add(id string, err error, most int) {
	c.answer.Total++
	if err == nil {
		c.answer.Cancelled++
	}
	if len(c.answer.Results) < most {
		c.answer.Results = append(c.answer.Results, api.CancelResult{ID: id, Cancelled: err == nil, Err: err})
	}
}

// cancelOne tells a workload to end. It returns what is closed when it changes; nil if it has ended.
func (r *Reactor) cancelOne(id string) <-chan struct{} {
	r.mu.Lock()
	w := r.live[id]
	if w == nil {
		r.mu.Unlock()
		return nil
	}
	changed := w.changed.Next()
	r.mu.Unlock()
	r.interrupt(w, lifecycle.ByClient)
	return changed
}

// cancelled waits for the end of a workload, whose next change closes changed, and tells whether it is
// what the workload was told.
func (r *Reactor) cancelled(ctx context.Context, id string, changed <-chan struct{}, told bool) error {
	for {
		if changed != nil {
			if err := r.observer.Await(ctx, id, changed); err != nil {
				return err
			}
		}
		changed = r.watchOne(id)
		rec, err := r.store.Workload(ctx, id)
		switch {
		case err != nil:
			return refusal.OfStore(err)
		case rec.State == store.Cancelled && told:
			return nil
		case rec.State.Finished():
			return errs.Workload(errs.WorkloadFinished, id, "workload %q has ended already: it is %s", id, rec.State)
		case changed == nil:
			return refusal.Unrecorded(id)
		}
		told = true
	}
}
