package observe

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// running is a workload that runs.
type running struct {
	id      string
	attempt *attempt.Attempt
}

// walks lets one walk over all workloads take place at a time: several would take the guests' processors.
type walks struct{ mu sync.Mutex }

// eachRunning calls visit for all workloads that run, a piece at a time and without a lock that guests need. Other
// goroutines have their turn between pieces. It may visit a workload twice.
func (o *Observer) eachRunning(ctx context.Context, visit func(running)) error {
	o.walks.mu.Lock()
	defer o.walks.mu.Unlock()
	var piece []running
	for next := math.MaxInt; next > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		piece = piece[:0]
		next = o.VisitAttempts(next, func(id string, a *attempt.Attempt) {
			if a.Running() {
				piece = append(piece, running{id, a})
			}
		})
		for _, w := range piece {
			visit(w)
		}
		runtime.Gosched()
	}
	return nil
}

// Selected says which workloads are looked at: one, those that a filter of the store selects, or all.
type Selected struct {
	ID     string
	Filter *store.Filter
}

// each calls visit for the selected workloads that run. It may visit one twice.
func (o *Observer) each(ctx context.Context, of Selected, visit func(running)) error {
	switch {
	case of.ID != "":
		if a, _, _ := o.Look(of.ID); a != nil && a.Running() {
			visit(running{of.ID, a})
		}
		return nil
	case of.Filter != nil:
		return o.eachSelected(ctx, *of.Filter, visit)
	default:
		return o.eachRunning(ctx, visit)
	}
}

// selectedPage is how many records of selected workloads are read at a time.
const selectedPage = 256

// eachSelected calls visit for the workloads that run and that a filter selects. Only the store has the labels of workloads
// that run, so it is asked for them.
func (o *Observer) eachSelected(ctx context.Context, filter store.Filter, visit func(running)) error {
	query := store.Query{Filter: filter, Limit: selectedPage}
	for {
		done, err := o.Reading(ctx)
		if err != nil {
			return err
		}
		page, err := o.Store.List(ctx, query)
		ids := make([]string, len(page.Workloads))
		for i, w := range page.Workloads {
			ids[i] = w.ID
		}
		next := page.Next
		done()
		if err != nil {
			return refusal.OfStore(err)
		}
		for _, id := range ids {
			if a, _, _ := o.Look(id); a != nil && a.Running() {
				visit(running{id, a})
			}
		}
		if next == "" {
			return nil
		}
		query.Token = next
	}
}

// leading keeps the first n of what is added, in an order, and each once. There may be a million to choose from, so it
// holds fewer than 2n: whenever there are as many, the first n of them.
type leading[T any] struct {
	n       int
	compare func(a, b T) int
	list    []T
	full    bool // list[n-1] was the last of n: what comes after it is not among the first
	last    T
}

func (l *leading[T]) add(item T) {
	if l.full && l.compare(item, l.last) >= 0 {
		return
	}
	if l.list = append(l.list, item); len(l.list) == 2*l.n {
		l.cut()
	}
}

// cut sorts the list, and returns the first n.
func (l *leading[T]) cut() []T {
	slices.SortFunc(l.list, l.compare)
	l.list = slices.CompactFunc(l.list, func(a, b T) bool { return l.compare(a, b) == 0 })
	if len(l.list) >= l.n {
		clear(l.list[l.n:])
		l.list = l.list[:l.n]
		l.full, l.last = true, l.list[l.n-1]
	}
	return l.list
}
