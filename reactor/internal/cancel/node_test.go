package cancel

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// node is the workloads in memory and in the store. How one ends that is told to is up to its fate.
type node struct {
	store.Workloads // what is not faked

	mu      sync.Mutex
	live    []*workload
	byID    map[string]*workload // the same
	records map[string]*store.Workload
	lists   int
	twice   bool // each comes up twice
}

// workload is one that has not ended.
type workload struct {
	id      string
	told    int
	bare    bool // its record is in the store alone
	fate    fate
	changed chan struct{}
}

// fate is what becomes of a workload that is told to end. It is called without the lock of the node.
type fate func(n *node, w *workload)

// obey ends it as it was told.
func obey(n *node, w *workload) { n.end(w, store.Cancelled) }

// after has it live on for a while.
func after(d time.Duration, then fate) fate {
	return func(n *node, w *workload) {
		time.AfterFunc(d, func() { then(n, w) })
	}
}

// succeed ends it as if it had not been told.
func succeed(n *node, w *workload) { n.end(w, store.Succeeded) }

// deleted ends it, and deletes its result at once, as happens when the disk is short.
func deleted(n *node, w *workload) {
	n.end(w, store.Cancelled)
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.records, w.id)
}

// hang never ends it.
func hang(*node, *workload) {}

// putBack is recorded before the cancel reaches it.
func putBack(n *node, w *workload) {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(w.changed)
	w.changed = make(chan struct{})
	time.AfterFunc(time.Millisecond, func() { obey(n, w) })
}

// unrecorded ends it, and the store refuses to record that.
func unrecorded(n *node, w *workload) { n.end(w, store.Running) }

func newNode() *node {
	return &node{byID: map[string]*workload{}, records: map[string]*store.Workload{}}
}

// add adds a workload that has not ended.
func (n *node) add(id string, labels map[string]string, fate fate) *workload {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records[id] = &store.Workload{ID: id, Labels: labels, State: store.Running}
	w := &workload{id: id, fate: fate, changed: make(chan struct{})}
	n.live, n.byID[id] = append(n.live, w), w
	return w
}

func (n *node) end(w *workload, state store.State) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.Index(n.live, w)
	if i < 0 {
		return
	}
	rec := *n.records[w.id]
	rec.State = state
	n.records[w.id] = &rec
	last := len(n.live) - 1
	n.live[i] = n.live[last]
	n.live = n.live[:last]
	delete(n.byID, w.id)
	close(w.changed)
}

func (n *node) Cancel(id string) <-chan struct{} {
	n.mu.Lock()
	w := n.byID[id]
	if w == nil {
		n.mu.Unlock()
		return nil
	}
	w.told++
	changed, first := w.changed, w.told == 1
	n.mu.Unlock()
	if first {
		w.fate(n, w)
	}
	return changed
}

func (n *node) Changed(id string) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if w := n.byID[id]; w != nil {
		return w.changed
	}
	return nil
}

// VisitRecords visits a hundred at a time.
func (n *node) VisitRecords(next int, visit func(id string, rec *store.Workload) bool) (rest int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	next = min(next, len(n.live))
	for range min(next, 100) {
		next--
		w := n.live[next]
		rec := n.records[w.id]
		if w.bare {
			rec = nil
		}
		if !visit(w.id, rec) || n.twice && !visit(w.id, rec) {
			return next
		}
	}
	return next
}

func (n *node) Workload(_ context.Context, id string) (*store.Workload, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if rec := n.records[id]; rec != nil {
		return rec, nil
	}
	return nil, &store.NotFoundError{Kind: store.KindWorkload, Name: id}
}

// List returns pages of a hundred, in the order of ids.
func (n *node) List(_ context.Context, q store.Query) (page store.Page, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lists++
	for id, rec := range n.records {
		if id > q.Token && q.Filter.Match(rec) {
			page.Workloads = append(page.Workloads, rec)
		}
	}
	slices.SortFunc(page.Workloads, func(a, b *store.Workload) int { return cmp.Compare(a.ID, b.ID) })
	if len(page.Workloads) > 100 {
		page.Workloads = page.Workloads[:100]
		page.Next = page.Workloads[99].ID
	}
	return page, nil
}

// canceller is one for the workloads of a node.
func (n *node) canceller() *Canceller {
	await := func(ctx context.Context, _ string, changed <-chan struct{}) error {
		select {
		case <-changed:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return &Canceller{Workloads: n, Store: n, Await: await, Patience: Patience}
}

// wantClass checks the class of an error; zero is none.
func wantClass(t *testing.T, what string, err error, want errs.Class) {
	t.Helper()
	switch {
	case want == 0 && err != nil:
		t.Errorf("%s: %v", what, err)
	case want != 0 && (err == nil || errs.ClassOf(err) != want):
		t.Errorf("%s: %v (%v), want %v", what, errs.ClassOf(err), err, want)
	}
}
