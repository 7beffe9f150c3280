package observe

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// OpsOf returns a page of what a workload waits for: at most size operations, and the token to go on by.
func (o *Observer) OpsOf(id, token string, size int) (ops []api.Op, next string, err error) {
	_, skip, err := parseOpsToken(token)
	if err != nil {
		return nil, "", err
	}
	if a, _, _ := o.Look(id); a != nil {
		ops, next = appendOps(nil, []running{{id, a}}, skip, size)
	}
	return ops, next, nil
}

// Ops returns a page of what all workloads wait for, in the order of their ids.
func (o *Observer) Ops(token string, size int) (ops []api.Op, next string, err error) {
	from, skip, err := parseOpsToken(token)
	if err != nil {
		return nil, "", err
	}
	for {
		batch := o.firstByID(from, size)
		if len(batch) > 0 && batch[0].id != from {
			skip = 0 // the workload of which some were on the last page has ended
		}
		ops, next = appendOps(ops, batch, skip, size)
		if next != "" || len(batch) < size {
			return ops, next, nil
		}
		from, skip = batch[len(batch)-1].id+"\x00", 0
	}
}

// OpsSelected returns a page of what the workloads wait for that a filter selects, in the order of the store's lists. Only
// the store has the labels of workloads that run, so it is asked for them. A page can be short while next is set.
func (o *Observer) OpsSelected(ctx context.Context, filter store.Filter, token string, size int) (ops []api.Op, next string, err error) {
	done, err := o.Reading(ctx)
	if err != nil {
		return nil, "", err
	}
	defer done()
	s := selection{
		list: func(query store.Query) (store.Page, error) {
			query.Filter = filter
			return o.Store.List(ctx, query)
		},
		opsOf: func(id string) []api.Op {
			a, _, _ := o.Look(id)
			if a == nil || !a.Running() {
				return nil
			}
			return opsOf(id, a.Ops())
		},
	}
	return s.page(token, size)
}

// running is a workload that runs.
type running struct {
	id      string
	attempt *attempt.Attempt
}

// appendOps appends the operations that workloads wait for, without the first skip ones of the first workload. It stops
// at size operations in all; then next is the token of the next page.
func appendOps(ops []api.Op, workloads []running, skip, size int) (_ []api.Op, next string) {
	for _, w := range workloads {
		list := opsOf(w.id, w.attempt.Ops())
		list = list[min(skip, len(list)):]
		if room := size - len(ops); len(list) > room {
			return append(ops, list[:room]...), fmt.Sprintf("%d/%s", skip+room, w.id)
		}
		ops = append(ops, list...)
		skip = 0
	}
	return ops, ""
}

// parseOpsToken returns where a page of operations starts: the workload, and how many of its operations were on
// earlier pages.
func parseOpsToken(token string) (id string, skip int, err error) {
	if token == "" {
		return "", 0, nil
	}
	n, id, ok := strings.Cut(token, "/")
	skip, bad := strconv.Atoi(n)
	if !ok || bad != nil || skip < 0 {
		return "", 0, refusal.OfStore(store.ErrBadToken)
	}
	return id, skip, nil
}

// firstByID returns the first n running workloads in the order of their ids, starting at the id from. There may be a
// million workloads and a page is small, so it keeps fewer than 2n of those seen: whenever there are as many, the
// first n of them.
func (o *Observer) firstByID(from string, n int) []running {
	var first []running
	end := "" // workloads from this id on are not among the first; empty: it is not known yet
	cut := func() {
		slices.SortFunc(first, func(a, b running) int { return cmp.Compare(a.id, b.id) })
		first = slices.CompactFunc(first, func(a, b running) bool { return a.id == b.id })
		if len(first) >= n {
			first = first[:n]
			end = first[n-1].id
		}
	}
	visit := func(id string, a *attempt.Attempt) {
		if id < from || end != "" && id >= end || !a.Running() {
			return
		}
		if first = append(first, running{id, a}); len(first) == 2*n {
			cut()
		}
	}
	for next := math.MaxInt; next > 0; {
		next = o.VisitAttempts(next, visit)
	}
	cut()
	return first
}
