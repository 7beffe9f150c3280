package cancel

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
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/internal/selector"
	"github.com/reactord/reactord/reactor/store"
)

const (
	// MaxIDs bounds the ids of a request.
	MaxIDs = 10_000
	// MaxResults bounds the results of a cancel by selector: what it selects beyond them is counted.
	MaxResults = 1000

	// pieceSize is how many workloads a cancel by selector cancels before it waits for them.
	pieceSize = 1024
	// Patience is how long it waits for a piece, by default. Workloads that take longer are waited for last.
	Patience = time.Second
)

// Workloads are those that have not ended, by their ids. No method blocks.
type Workloads interface {
	// Cancel interrupts a workload. It returns the channel that Changed returns.
	Cancel(id string) (changed <-chan struct{})
	// Changed returns a channel that is closed when the workload runs, is put back or is gone; nil if it is gone
	// already, or never existed.
	Changed(id string) <-chan struct{}
	// VisitRecords calls visit for some workloads, from position next down, until it returns false, and returns
	// the position to go on from: at zero all have been visited, some perhaps twice. A record is nil if only the
	// store has it. Visit is called with a lock held.
	VisitRecords(next int, visit func(id string, rec *store.Workload) bool) (rest int)
}

// Canceller cancels workloads.
type Canceller struct {
	Workloads
	Store store.Workloads
	// Await waits until changed is closed or ctx ends. It fails when the reactor shuts down.
	Await func(ctx context.Context, id string, changed <-chan struct{}) error
	// Patience is how long a cancel by selector waits for a piece: Patience.
	Patience time.Duration
}

// Do cancels workloads, and returns when what it cancelled is recorded as such. A workload that ended by itself
// before the cancel reached it counts as finished. The error is not nil if the request is not valid, or ctx ended:
// then some cancels may still be in progress.
func (c *Canceller) Do(ctx context.Context, req api.CancelRequest) (api.Cancellation, error) {
	r := request{Canceller: c}
	selected, err := check(req)
	switch {
	case err != nil:
	case len(req.IDs) > 0:
		err = r.named(ctx, req.IDs)
	default:
		err = r.selected(ctx, store.Filter{Labels: selected})
	}
	return r.answer, err
}

// check checks a request, and parses its selector.
func check(req api.CancelRequest) (selected []store.Requirement, err error) {
	var f errs.Faults
	switch {
	case len(req.IDs) > 0 && req.LabelSelector != "":
		f.Add("label_selector", "ids and a selector exclude each other")
	case len(req.IDs) > MaxIDs:
		f.Add("ids", "%d are more than the %d allowed", len(req.IDs), MaxIDs)
	case len(req.IDs) == 0:
		if selected, err = selector.Parse(req.LabelSelector); err != nil {
			f.Add("label_selector", "%v", err)
		} else if len(selected) == 0 {
			f.Add("ids", "ids or a selector is required")
		}
	}
	for i, id := range req.IDs {
		intake.CheckID(&f, fmt.Sprintf("ids[%d]", i), id)
	}
	if len(f) > 0 {
		return nil, f.Err()
	}
	return selected, nil
}

// request is one cancel. Its memory grows only with the number of workloads that are slow to end.
type request struct {
	*Canceller
	answer api.Cancellation
	late   map[string]bool // cancelled, and not yet seen to have ended
}

// named cancels workloads by their ids: all at once, then it waits for the ends.
func (r *request) named(ctx context.Context, ids []string) error {
	waits := r.tell(ids)
	for i, id := range ids {
		err := r.cancelled(ctx, id, waits[i], waits[i] != nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.add(id, err, MaxIDs)
	}
	return nil
}

// selected cancels the workloads that a filter selects and that have not ended.
func (r *request) selected(ctx context.Context, f store.Filter) error {
	listed, err := r.walk(ctx, f)
	if err == nil && listed {
		err = r.list(ctx, f)
	}
	if err != nil {
		return err
	}
	for id := range r.late {
		err := r.cancelled(ctx, id, r.Changed(id), true)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.add(id, err, MaxResults)
	}
	return nil
}

// walk cancels the selected workloads in memory. It stops at one whose labels only the store has: then all have to be
// listed.
func (r *request) walk(ctx context.Context, f store.Filter) (listed bool, err error) {
	ids := make([]string, 0, 2*pieceSize)
	bare := false
	visit := func(id string, rec *store.Workload) bool {
		if bare = rec == nil; bare {
			return false
		}
		if f.MatchLabels(rec.Labels) {
			ids = append(ids, id)
		}
		return true
	}
	for next, more := math.MaxInt, true; more; {
		next = r.VisitRecords(next, visit)
		if more = next > 0; bare {
			return true, nil
		}
		if len(ids) >= pieceSize || !more {
			slices.Sort(ids) // for what came up twice
			if err := r.piece(ctx, slices.Compact(ids)); err != nil {
				return false, err
			}
			ids = ids[:0]
		}
	}
	return false, nil
}

// list cancels the selected workloads that the store lists.
func (r *request) list(ctx context.Context, f store.Filter) error {
	f.States = store.Unfinished
	for token := ""; ; {
		ids, next, err := r.page(ctx, store.Query{Filter: f, Token: token, Limit: intake.MaxPage})
		if err != nil {
			return refusal.OfStore(err)
		}
		if err := r.piece(ctx, ids); err != nil || next == "" {
			return err
		}
		token = next
	}
}

// page lists a page of ids. It keeps no records, since specs can be large.
func (r *request) page(ctx context.Context, query store.Query) (ids []string, next string, err error) {
	page, err := r.Store.List(ctx, query)
	for _, rec := range page.Workloads {
		ids = append(ids, rec.ID)
	}
	return ids, page.Next, err
}

// piece cancels workloads and waits for them, for Patience at most.
func (r *request) piece(ctx context.Context, ids []string) error {
	ids = slices.DeleteFunc(ids, func(id string) bool { return r.late[id] })
	waits := r.tell(ids)
	patient, cancel := context.WithTimeout(ctx, r.Patience)
	defer cancel()
	for i, id := range ids {
		if waits[i] == nil {
			continue // it ended before
		}
		err := r.cancelled(patient, id, waits[i], true)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, context.DeadlineExceeded) {
			if r.late == nil {
				r.late = make(map[string]bool)
			}
			r.late[id] = true
			continue
		}
		r.add(id, err, MaxResults)
	}
	return nil
}

// tell cancels workloads. For each it returns what Changed returns.
func (r *request) tell(ids []string) []<-chan struct{} {
	waits := make([]<-chan struct{}, len(ids))
	for i, id := range ids {
		waits[i] = r.Cancel(id)
	}
	return waits
}

// add counts what became of a workload, and keeps the result if there are fewer than most.
func (r *request) add(id string, err error, most int) {
	r.answer.Total++
	if err == nil {
		r.answer.Cancelled++
	}
	if len(r.answer.Results) < most {
		r.answer.Results = append(r.answer.Results, api.CancelResult{ID: id, Cancelled: err == nil, Err: err})
	}
}

// cancelled waits for the end of a workload. It returns nil if the workload was cancelled, or was told to end and its result
// has been deleted since, and an error if it ended otherwise. changed is closed by the workload's next change; it is nil if
// the workload is not in memory. told is true if the workload has been told to end. If it is false, the workload is told as
// soon as it is in memory.
func (r *request) cancelled(ctx context.Context, id string, changed <-chan struct{}, told bool) error {
	for {
		if changed != nil {
			if err := r.Await(ctx, id, changed); err != nil {
				return err
			}
		}
		if told {
			changed = r.Changed(id)
		} else {
			changed = r.Cancel(id)
			told = changed != nil
		}
		rec, err := r.Store.Workload(ctx, id)
		_, deleted := errors.AsType[*store.NotFoundError](err)
		switch {
		case deleted && told:
			return nil // results are deleted early if the disk is short
		case err != nil:
			return refusal.OfStore(err)
		case rec.State == store.Cancelled && told:
			return nil
		case rec.State.Finished():
			return errs.Workload(errs.WorkloadFinished, id, "workload %q has ended already: it is %s", id, rec.State)
		case changed == nil:
			return refusal.Unrecorded(id)
		}
	}
}
