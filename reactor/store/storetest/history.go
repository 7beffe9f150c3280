package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

func testChanges(t *testing.T, open Open) {
	f := newFixture(t, open, Options{})
	since := func(cursor int64, limit int) []string {
		t.Helper()
		got := []string{}
		for {
			changes, err := f.Changes(t.Context(), cursor, limit)
			if err != nil {
				t.Fatal(err)
			}
			if changes.Next == cursor {
				return got
			}
			for _, w := range changes.Workloads {
				if w.Revision <= cursor {
					t.Errorf("%q changed at %d, which is not after %d", w.ID, w.Revision, cursor)
				}
				cursor = w.Revision
				got = append(got, w.ID+" "+w.State.String())
			}
			wantEqual(t, "the cursor", changes.Next, cursor)
		}
	}
	wantEqual(t, "of an empty store", since(0, 10), []string{})
	f.submit("a", "b", "c", "d")
	middle := f.Revision()
	f.must(start("b", 1), start("a", 1), finish("b", 1, store.Succeeded))
	for _, limit := range []int{1, 2, 10} {
		wantEqual(t, "from the start", since(0, limit), []string{"c PENDING", "d PENDING", "a RUNNING", "b SUCCEEDED"})
		wantEqual(t, "from the middle", since(middle, limit), []string{"a RUNNING", "b SUCCEEDED"})
		wantEqual(t, "from the end", since(f.Revision(), limit), []string{})
	}
	_, err := f.Changes(t.Context(), f.Revision()+1, 10)
	wantIs(t, "a cursor in the future", err, store.ErrCursorExpired)
	last := f.Revision()
	f.reopen(Options{})
	wantEqual(t, "the revision after reopening", f.Revision(), last)
	f.submit("e")
	wantEqual(t, "after reopening", since(last, 10), []string{"e PENDING"})
}

func testPrune(t *testing.T, open Open) {
	// Workloads a to f, finished in the order f, e, d, c; a waits, b runs.
	finished := []string{"f", "e", "d", "c"}
	prepare := func(t *testing.T) (f *fixture, ends map[string]int64) {
		f = newFixture(t, open, Options{})
		f.submit("a", "b", "c", "d", "e", "f")
		f.must(start("b", 1))
		ends = map[string]int64{}
		for i, id := range finished {
			end := finish(id, 0, store.Cancelled)
			end.Time = epoch.Add(time.Duration(i) * time.Minute)
			end.Log = []store.LogChunk{stdout("end of " + id)}
			f.must(end)
			ends[id] = f.Revision()
		}
		return f, ends
	}
	prune := func(t *testing.T, f *fixture, policy store.Retention) int {
		t.Helper()
		total := 0
		for {
			pruned, err := f.Prune(t.Context(), policy)
			if err != nil {
				t.Fatal(err)
			}
			if policy.Limit > 0 && pruned.Workloads > policy.Limit {
				t.Errorf("%d were pruned, the limit is %d", pruned.Workloads, policy.Limit)
			}
			total += pruned.Workloads
			if !pruned.More {
				return total
			}
		}
	}
	for _, test := range []struct {
		name   string
		policy store.Retention
		pruned int
	}{
		{"nothing", store.Retention{}, 0},
		{"by time", store.Retention{Before: epoch.Add(2 * time.Minute)}, 2},
		{"by count", store.Retention{Keep: 1}, 3},
		{"count not passed", store.Retention{Keep: 4}, 0},
		{"by either", store.Retention{Before: epoch.Add(time.Minute), Keep: 2}, 2},
		{"all, one at a time", store.Retention{Before: epoch.Add(time.Hour), Limit: 1}, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, ends := prepare(t)
			wantEqual(t, "pruned", prune(t, f, test.policy), test.pruned)
			for i, id := range finished {
				_, err := f.Workload(t.Context(), id)
				_, _, logErr := f.ReadLog(t.Context(), id, 0, store.Cut{}, 10)
				if i >= test.pruned {
					wantIs(t, id, errors.Join(err, logErr), nil)
					continue
				}
				wantAs[*store.NotFoundError](t, id, err)
				wantAs[*store.NotFoundError](t, id, logErr)
			}
			counts, err := f.Count(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			wantEqual(t, "counts", counts, store.Counts{store.Pending: 1, store.Running: 1, store.Cancelled: int64(4 - test.pruned)})

			// Cursors below the end of what was pruned have expired; the others have missed nothing.
			check := func() {
				t.Helper()
				for i, id := range finished {
					_, before := f.Changes(t.Context(), ends[id]-1, 10)
					_, after := f.Changes(t.Context(), ends[id], 10)
					if i < test.pruned {
						wantIs(t, "before the end of "+id, before, store.ErrCursorExpired)
					} else {
						wantIs(t, "before the end of "+id, before, nil)
					}
					if i >= test.pruned-1 {
						wantIs(t, "after the end of "+id, after, nil)
					}
				}
				if _, err := f.Changes(t.Context(), 0, 10); err != nil {
					t.Errorf("from the start: %v", err)
				}
			}
			check()
			revision := f.Revision()
			f.reopen(Options{})
			check()
			f.submit("new")
			if f.Revision() <= revision {
				t.Errorf("the revision went from %d to %d", revision, f.Revision())
			}
			wantEqual(t, "log of a new workload", f.log("new", 0, 100), "")
			wantEqual(t, "list", f.list(store.Filter{}, 10)[0], "new")
		})
	}
}
