package observe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/feed"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/store"
)

// history is a store of changes, and the feed of them.
type history struct {
	*disk
	*fixture
	changed  []*store.Workload // each as it is now, by the last change
	revision int64
	floor    int64 // before it something was pruned
}

func newHistory(t *testing.T) *history {
	h := &history{fixture: newFixture(t)}
	h.disk = h.fixture.disk
	h.disk.records = map[string]*store.Workload{}
	h.Observer.Store = h
	return h
}

func (h *history) Changes(_ context.Context, since int64, limit int) (found store.Changes, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if since < h.floor || since > h.revision {
		return found, store.ErrCursorExpired
	}
	found.Next = since
	for _, rec := range h.changed {
		if rec.Revision > since && len(found.Workloads) < limit {
			found.Workloads = append(found.Workloads, rec)
			found.Next = rec.Revision
		}
	}
	return found, nil
}

// commit records a change of a workload and publishes it, with its record, if kept, as the node has it in memory.
func (h *history) commit(id string, state store.State, kept bool) {
	h.mu.Lock()
	h.revision++
	rec := h.records[id]
	if rec == nil {
		rec = &store.Workload{ID: id, Spec: record.EncodeSpec(&api.Spec{}).Spec(api.Limits{}), Labels: map[string]string{"id": id}}
	}
	now := *rec
	now.State, now.Revision = state, h.revision
	h.records[id] = &now
	for i, other := range h.changed {
		if other.ID == id {
			h.changed = append(h.changed[:i:i], h.changed[i+1:]...)
			break
		}
	}
	h.changed = append(h.changed, &now)
	h.mu.Unlock()
	if !kept {
		rec = nil
	}
	change := NewChange(&store.Change{ID: id, Revision: now.Revision, State: state}, rec)
	h.Feed.Publish(now.Revision, []feed.Entry[*Change]{{Revision: now.Revision, Change: change}})
}

// watch watches from a cursor, and returns a line for each event. Do, if not nil, is called at each.
func (h *history) watch(ctx context.Context, filter store.Filter, cursor string, do func(line string) error) (lines []string, err error) {
	err = h.Watch(ctx, filter, cursor, func(e api.WatchEvent) error {
		line := e.Cursor
		switch {
		case e.Workload != nil:
			line = fmt.Sprintf("%s %s %v", line, e.Workload.ID, e.Workload.Status.State)
		case e.Draining:
			line += " draining"
		}
		lines = append(lines, line)
		if do != nil {
			return do(line)
		}
		return nil
	})
	return lines, err
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestWatch sees each change as it happens, those alone that match, and then that the feed is closed.
func TestWatch(t *testing.T) {
	for _, kept := range []bool{true, false} {
		h := newHistory(t)
		h.commit("before", store.Running, kept)
		step := 0
		steps := []func(){
			func() { h.commit("a", store.Pending, kept) },
			func() { h.commit("b", store.Pending, kept); h.commit("a", store.Running, kept) },
			func() { h.commit("a", store.Failed, kept); h.commit("b", store.Running, kept); h.Feed.Close() },
		}
		filter := store.Filter{Labels: []store.Requirement{{Key: "id", Value: "a"}}}
		lines, err := h.watch(t.Context(), filter, "", func(string) error {
			if step < len(steps) {
				steps[step]()
				step++
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		wantLines(t, lines, "1", "2 a PENDING", "4 a RUNNING", "5 a FAILED", "6 draining")
		h.close()
	}
}

// TestWatchFromACursor: what changed since comes first, each as it is now, and then what happens.
func TestWatchFromACursor(t *testing.T) {
	h := newHistory(t)
	defer h.close()
	for _, id := range []string{"a", "b", "c", "a"} {
		h.commit(id, store.Pending, true)
	}
	lines, err := h.watch(t.Context(), store.Filter{}, "1", func(line string) error {
		switch line {
		case "1":
			h.commit("c", store.Running, true)
		case "5 c RUNNING":
			h.commit("c", store.Succeeded, true)
			h.Feed.Close()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wantLines(t, lines, "1", "2 b PENDING", "4 a PENDING", "5 c RUNNING", "6 c SUCCEEDED", "6 draining")
}

// TestSlowWatch falls back to the store, where it finds the latest of each.
func TestSlowWatch(t *testing.T) {
	h := newHistory(t)
	defer h.close()
	lines, err := h.watch(t.Context(), store.Filter{}, "", func(line string) error {
		if line == "0" {
			for i := range 10 { // the feed holds four
				h.commit("a", store.Running, true)
				h.commit(fmt.Sprint("w", i%2), store.Running, true)
			}
			h.Feed.Close()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wantLines(t, lines, "0", "18 w0 RUNNING", "19 a RUNNING", "20 w1 RUNNING", "20 draining")
}

// TestWatchLeavesOut what can't be read or was pruned, and goes on.
func TestWatchLeavesOut(t *testing.T) {
	for _, fromStore := range []bool{false, true} {
		h := newHistory(t)
		damaged := 0
		h.OnDamaged = func(error) { damaged++ }
		h.records["damaged"] = &store.Workload{ID: "damaged", Spec: []byte("{")}
		change := func() {
			h.commit("damaged", store.Running, true)
			if !fromStore {
				h.commit("pruned", store.Failed, false)
				delete(h.records, "pruned")
			}
			h.commit("good", store.Running, true)
			h.Feed.Close()
		}
		cursor := ""
		if fromStore {
			change()
			cursor = "0"
		}
		lines, err := h.watch(t.Context(), store.Filter{}, cursor, func(line string) error {
			if line == "0" && !fromStore {
				change()
			}
			return nil
		})
		if err != nil || damaged != 1 {
			t.Errorf("%v, and %d were damaged", err, damaged)
		}
		last := fmt.Sprint(h.revision)
		wantLines(t, lines, "0", last+" good RUNNING", last+" draining")
		h.close()
	}
}

// TestWatchLargeSpecs: those that are not kept in memory are read from the store.
func TestWatchLargeSpecs(t *testing.T) {
	h := newHistory(t)
	defer h.close()
	spec := record.EncodeSpec(&api.Spec{Args: []string{strings.Repeat("x", 2*watchBytes)}}).Spec(api.Limits{})
	for _, id := range []string{"a", "b", "c"} {
		h.records[id] = &store.Workload{ID: id, Spec: spec}
	}
	lines, err := h.watch(t.Context(), store.Filter{}, "", func(line string) error {
		if line == "0" {
			for _, id := range []string{"a", "b", "c"} {
				h.commit(id, store.Running, false)
			}
			h.Feed.Close()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wantLines(t, lines, "0", "1 a RUNNING", "2 b RUNNING", "3 c RUNNING", "3 draining")
}

// TestWatchRefuses cursors that no watch gave out, and those from before what was pruned.
func TestWatchRefuses(t *testing.T) {
	h := newHistory(t)
	defer h.close()
	h.revision, h.floor = 10, 5
	for cursor, want := range map[string]errs.Class{
		"x": errs.InvalidArgument, "-1": errs.InvalidArgument, "4": errs.CursorExpired, "11": errs.CursorExpired,
	} {
		lines, err := h.watch(t.Context(), store.Filter{}, cursor, nil)
		wantClass(t, err, want)
		wantLines(t, lines)
	}
}

// TestWatchEnds with its context, with the error of its client, and of the one who lets it read.
func TestWatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHistory(t)
		defer h.close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := h.watch(ctx, store.Filter{}, "", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("its context: %v", err)
		}
		if _, err := h.watch(t.Context(), store.Filter{}, "", func(string) error { return errStop }); !errors.Is(err, errStop) {
			t.Errorf("its client: %v", err)
		}
		h.commit("a", store.Running, true)
		h.Reading = func(context.Context) (func(), error) { return nil, errs.New(errs.TooMuchInFlight, "no") }
		_, err := h.watch(t.Context(), store.Filter{}, "0", nil)
		wantClass(t, err, errs.TooMuchInFlight)
		if h.Feed.Active() {
			t.Error("a watch that has ended is subscribed")
		}
	})
}
