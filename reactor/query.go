package reactor

import (
	"container/heap"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/internal/selector"
	"github.com/reactord/reactord/reactor/store"
)

// maxWaitingFor bounds the operations that a workload's status names; ListOps has all.
const maxWaitingFor = 100

// GetWorkload returns a workload as it is now.
func (r *Reactor) GetWorkload(ctx context.Context, id string) (*api.Workload, error) {
	w, err := r.readWorkload(ctx, id)
	if err != nil {
		return nil, err
	}
	r.overlay(w)
	return w, nil
}

// readWorkload returns a workload as the store has it.
func (r *Reactor) readWorkload(ctx context.Context, id string) (*api.Workload, error) {
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
	if err != nil {
		return nil, refusal.OfStore(err)
	}
	w, err := record.Decode(rec)
	return w, errs.Wrap(err, "workload")
}

// ListWorkloads returns a page of workloads, newest first.
func (r *Reactor) ListWorkloads(ctx context.Context, filter api.Filter, page api.Page) (list api.WorkloadPage, err error) {
	size, err := intake.PageSize(page)
	if err != nil {
		return list, err
	}
	f, err := r.filter(ctx, filter)
	if err != nil {
		return list, err
	}
	done, err := r.cfg.Reading(ctx, ReadMany)
	if err != nil {
		return list, err
	}
	defer done()
	found, err := r.store.List(ctx, store.Query{Filter: f, Token: page.Token, Limit: size})
	if err != nil {
		return list, refusal.OfStore(err)
	}
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
		r.overlay(w)
		list.Workloads = append(list.Workloads, w)
	}
	list.Next = found.Next
	return list, nil
}

// onDamaged logs a record that a list has to leave out.
func (r *Reactor) onDamaged(err error) {
	r.log.Error("a record can't be read", zap.Error(err))
}

// filter turns a client's filter into the store's.
func (r *Reactor) filter(ctx context.Context, filter api.Filter) (store.Filter, error) {
	var f store.Filter
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
	if store.IsDigest(filter.Module) { // it may have been deleted: its workloads remain
		digest, err := store.ParseDigest(filter.Module)
		if err != nil {
			bad.Add("filter.module", "%v", err)
		}
		f.Module = &digest
		return f, bad.Err()
	}
	digest, _, err := r.modules.LookUp(ctx, filter.Module)
	f.Module = &digest
	return f, err
}

// overlay adds to a workload from the store what is known only here: what it has used, what it
// waits for, that it runs though the store was not yet told.
func (r *Reactor) overlay(out *api.Workload) {
	if out.Status.State.Ended() {
		return
	}
	r.mu.Lock()
	w := r.live[out.ID]
	if w == nil || w.attempt == nil {
		if w != nil {
			out.Status.State = api.Pending // its last attempt may have been put back since the store was read
			out.Status.Delay = r.delayOf(w)
		}
		r.mu.Unlock()
		return
	}
	a := w.attempt
	task, process := a.task, w.process.Load()
	r.mu.Unlock()

	var peak int64
	s := &out.Status
	s.State, s.Attempts, s.StartTime = api.Running, a.number, a.started
	if process != nil {
		peak = (*process).PeakMemory()
		s.ListenAddresses = (*process).ListenAddresses()
		ops := (*process).Ops()
		s.WaitingFor = opsOf(out.ID, ops[:min(len(ops), maxWaitingFor)])
	}
	s.Usage = a.usage(task, peak)
	if task != nil && task.Phase() == executor.Parked {
		s.State = api.Waiting
	}
}

func opsOf(id string, ops []hostcalls.Op) []api.Op {
	var list []api.Op
	for _, op := range ops {
		list = append(list, api.Op{
			WorkloadID: id, Kind: op.Kind, Target: op.Target,
			StartTime: op.Start, Deadline: op.Deadline, Bytes: op.Bytes,
		})
	}
	return list
}

// WaitWorkload returns once the workload has finished.
func (r *Reactor) WaitWorkload(ctx context.Context, id string) (*api.Workload, error) {
	for looks := 0; ; {
		if changed := r.watchOne(id); changed != nil {
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

// watchOne returns a channel that is closed when the workload begins, is put back or is gone; nil
// if it is gone already, or never was.
func (r *Reactor) watchOne(id string) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.live[id]; w != nil {
		return w.changed.Next()
	}
	return nil
}

// ListOps returns a page of pending host operations: those of one workload, or of all in the order
// of their ids.
func (r *Reactor) ListOps(ctx context.Context, workloadID string, page api.Page) (ops []api.Op, next string, err error) {
	size, err := intake.PageSize(page)
	if err != nil {
		return nil, "", err
	}
	from, skip, err := parseOpsToken(page.Token)
	if err != nil {
		return nil, "", err
	}
	if workloadID != "" {
		if _, err := r.readWorkload(ctx, workloadID); err != nil {
			return nil, "", err
		}
		ops, next = appendOps(nil, r.find(workloadID), skip, size)
		return ops, next, nil
	}
	all := r.snapshot()
	for {
		batch := firstByID(all, from, size)
		ops, next = appendOps(ops, batch, skip, size)
		if next != "" || len(batch) < size {
			return ops, next, nil
		}
		from, skip = batch[len(batch)-1].id+"\x00", 0
	}
}

// appendOps appends what workloads wait for, leaving out the first skip operations of the first. If
// there are more than size in all it stops, and next is the token to go on by.
func appendOps(ops []api.Op, workloads []*workload, skip, size int) (_ []api.Op, next string) {
	for _, w := range workloads {
		process := w.process.Load()
		if process == nil {
			continue
		}
		list := opsOf(w.id, (*process).Ops())
		list = list[min(skip, len(list)):]
		if room := size - len(ops); len(list) > room {
			return append(ops, list[:room]...), fmt.Sprintf("%d/%s", skip+room, w.id)
		}
		ops = append(ops, list...)
		skip = 0
	}
	return ops, ""
}

// parseOpsToken reads where a page of operations goes on: the workload, and how many of its
// operations came before.
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

func (r *Reactor) find(id string) []*workload {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.live[id]; w != nil {
		return []*workload{w}
	}
	return nil
}

// snapshot lists the workloads that have not ended.
func (r *Reactor) snapshot() []*workload {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// firstByID picks, of the workloads that run and whose ids are not before from, the first n in the
// order of their ids. It keeps the best n seen in a heap, the worst of them at the top, because
// there may be a million, and a page is small.
func firstByID(all []*workload, from string, n int) []*workload {
	var best byID
	for _, w := range all {
		id := w.id
		if id < from || w.process.Load() == nil {
			continue
		}
		switch {
		case len(best) < n:
			heap.Push(&best, w)
		case id < best[0].id:
			best[0] = w
			heap.Fix(&best, 0)
		}
	}
	slices.SortFunc(best, func(a, b *workload) int { return strings.Compare(a.id, b.id) })
	return best
}

// byID is a heap with the last id at the top.
type byID []*workload

func (h byID) Len() int           { return len(h) }
func (h byID) Less(i, j int) bool { return h[i].id > h[j].id }
func (h byID) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byID) Push(w any)        { *h = append(*h, w.(*workload)) }
func (h *byID) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
