package observe

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// OpsOf returns a page of what a workload waits for: at most size operations, and the token to go on by.
func (o *Observer) OpsOf(id string, filter OpFilter, token string, size int) (ops []api.Op, next string, err error) {
	_, skip, err := parseOpsToken(token)
	if err != nil {
		return nil, "", err
	}
	if a, _, _ := o.Look(id); a != nil {
		ops, next = o.appendPage(nil, []running{{id, a}}, filter, skip, size)
	}
	return ops, next, nil
}

// Ops returns a page of what all workloads wait for, in the order of their ids.
func (o *Observer) Ops(ctx context.Context, filter OpFilter, token string, size int) (ops []api.Op, next string, err error) {
	from, skip, err := parseOpsToken(token)
	if err != nil {
		return nil, "", err
	}
	for {
		batch, err := o.firstByID(ctx, filter, from, size)
		if err != nil {
			return nil, "", err
		}
		if len(batch) > 0 && batch[0].id != from {
			skip = 0 // the workload of which some were on the last page has ended
		}
		ops, next = o.appendPage(ops, batch, filter, skip, size)
		if next != "" || len(batch) < size {
			return ops, next, nil
		}
		from, skip = batch[len(batch)-1].id+"\x00", 0
	}
}

// OpsSelected returns a page of what the workloads wait for that the store selects, in the order of its lists. Only
// the store has the labels of workloads that run, so it is asked for them. A page can be short while next is set.
func (o *Observer) OpsSelected(ctx context.Context, selected store.Filter, filter OpFilter, token string, size int) (ops []api.Op, next string, err error) {
	done, err := o.Reading(ctx)
	if err != nil {
		return nil, "", err
	}
	defer done()
	now := time.Now()
	s := selection{
		list: func(query store.Query) (store.Page, error) {
			query.Filter = selected
			return o.Store.List(ctx, query)
		},
		opsOf: func(id string) []api.Op {
			a, _, _ := o.Look(id)
			if a == nil || !a.Running() {
				return nil
			}
			return o.apiOps(running{id, a}, filter.keep(a.AppendOps(nil), now))
		},
	}
	return s.page(token, size)
}

// OldestOps returns the operations that began first, at most size of them: of all workloads, of those that the store
// selects, or of one.
func (o *Observer) OldestOps(ctx context.Context, of Selected, filter OpFilter, size int) ([]api.Op, error) {
	type found struct {
		id  string
		op  hostcalls.Op
		n   int       // among those of its workload
		due time.Time // when the workload's timeout passes
	}
	oldest := leading[found]{n: size, compare: func(a, b found) int {
		return cmp.Or(a.op.Start.Compare(b.op.Start), cmp.Compare(a.id, b.id), cmp.Compare(a.n, b.n))
	}}
	now := time.Now()
	var buffer []hostcalls.Op
	err := o.each(ctx, of, func(w running) {
		buffer = filter.keep(w.attempt.AppendOps(buffer[:0]), now)
		for i, op := range buffer {
			oldest.add(found{w.id, op, i, w.attempt.Deadline()})
		}
	})
	if err != nil {
		return nil, err
	}
	var ops []api.Op
	for _, f := range oldest.cut() {
		ops = append(ops, o.apiOp(f.id, &f.op, f.due))
	}
	return ops, nil
}

// appendPage appends the operations that workloads wait for, without the first skip ones of the first workload. It stops
// at size operations in all; then next is the token of the next page.
func (o *Observer) appendPage(ops []api.Op, workloads []running, filter OpFilter, skip, size int) (_ []api.Op, next string) {
	now := time.Now()
	var buffer []hostcalls.Op
	for _, w := range workloads {
		buffer = filter.keep(w.attempt.AppendOps(buffer[:0]), now)
		list := buffer[min(skip, len(buffer)):]
		if room := size - len(ops); len(list) > room {
			return append(ops, o.apiOps(w, list[:room])...), fmt.Sprintf("%d/%s", skip+room, w.id)
		}
		ops = append(ops, o.apiOps(w, list)...)
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

// firstByID returns the first n running workloads that wait for operations that a filter selects, in the order of their
// ids, starting at the id from.
func (o *Observer) firstByID(ctx context.Context, filter OpFilter, from string, n int) ([]running, error) {
	first := leading[running]{n: n, compare: func(a, b running) int { return cmp.Compare(a.id, b.id) }}
	now := time.Now()
	var buffer []hostcalls.Op
	err := o.eachRunning(ctx, func(w running) {
		if w.id < from || first.full && w.id >= first.last.id {
			return
		}
		if buffer = filter.keep(w.attempt.AppendOps(buffer[:0]), now); len(buffer) > 0 {
			first.add(w)
		}
	})
	return first.cut(), err
}
