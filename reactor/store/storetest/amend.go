package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/reactord/reactord/reactor/store"
)

func testAmend(t *testing.T, open Open) {
	amend := func(f *fixture, id string) (int64, error) {
		return f.Amend(t.Context(), store.Amendment{ID: id, Revision: f.workload(id).Revision, Status: []byte("amended " + id)})
	}
	t.Run("Unfinished", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		f.submit("waits", "runs", "again")
		f.must(start("runs", 1), start("again", 1), finish("again", 1, store.Pending))
		for _, id := range []string{"waits", "runs", "again"} {
			want := f.workload(id)
			revision, err := amend(f, id)
			if err != nil || revision <= want.Revision || revision != f.Revision() {
				t.Errorf("Amend of %q: revision %d after %d, the store's is %d: %v", id, revision, want.Revision, f.Revision(), err)
			}
			want.Status, want.Revision = []byte("amended "+id), revision
			wantEqual(t, "the record", f.workload(id), want)
		}
		f.reopen(Options{})
		places, err := f.ClaimPlaces(t.Context(), 10)
		if err != nil || len(places.Places) != 3 {
			t.Fatalf("ClaimPlaces: %v, %v", places, err)
		}
		for _, p := range places.Places {
			wantEqual(t, "the status that is claimed with "+p.ID, string(p.Status), "amended "+p.ID)
		}
	})
	t.Run("Refused", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		f.submit("ended", "moved")
		f.must(start("ended", 1), finish("ended", 1, store.Succeeded))
		moved := f.workload("moved").Revision
		f.must(start("moved", 1))
		for id, revision := range map[string]int64{"ended": f.workload("ended").Revision, "moved": moved} {
			want := f.workload(id)
			_, err := f.Amend(t.Context(), store.Amendment{ID: id, Revision: revision, Status: []byte("amended")})
			stale := wantAs[*store.StaleError](t, "Amend", err)
			wantEqual(t, "refusal", *stale, store.StaleError{ID: id, State: want.State, Attempts: want.Attempts})
			wantEqual(t, "the record", f.workload(id), want)
		}
		_, err := f.Amend(t.Context(), store.Amendment{ID: "nobody"})
		wantAs[*store.NotFoundError](t, "Amend", err)
	})
	// A transition that was asked for before, lazily or not, comes first.
	t.Run("Order", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		f.submit("a")
		before := f.workload("a").Revision
		lazy := start("a", 1)
		lazy.Lazy = true
		f.Transition(lazy, nil)
		_, err := f.Amend(t.Context(), store.Amendment{ID: "a", Revision: before, Status: []byte("amended")})
		wantAs[*store.StaleError](t, "Amend", err)
		wantEqual(t, "status", string(f.workload("a").Status), "running a")
	})
	t.Run("Observed", func(t *testing.T) {
		var last store.Change
		f := newFixture(t, open, Options{Observer: func(changes []store.Change) { last = changes[len(changes)-1] }})
		f.submit("a")
		f.must(start("a", 1))
		revision, err := amend(f, "a")
		wantIs(t, "Amend", err, nil)
		wantEqual(t, "the change", last, store.Change{ID: "a", Revision: revision, State: store.Running, Attempts: 1, Status: []byte("amended a")})
		changes, err := f.Changes(t.Context(), revision-1, 10)
		wantIs(t, "Changes", err, nil)
		wantEqual(t, "changed", idsOf(changes.Workloads), []string{"a"})
	})
	// Of several that were made from one record, one is accepted.
	t.Run("Concurrent", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		f.submit("a")
		revision := f.workload("a").Revision
		accepted := make(chan string, 8)
		var group sync.WaitGroup
		for i := range cap(accepted) {
			group.Go(func() {
				status := fmt.Sprint("status ", i)
				_, err := f.Amend(t.Context(), store.Amendment{ID: "a", Revision: revision, Status: []byte(status)})
				if stale := (*store.StaleError)(nil); err == nil {
					accepted <- status
				} else if !errors.As(err, &stale) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(accepted) != 1 {
			t.Fatalf("%d were accepted", len(accepted))
		}
		wantEqual(t, "status", string(f.workload("a").Status), <-accepted)
	})
	t.Run("Cancelled", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		f.submit("a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := f.Amend(ctx, store.Amendment{ID: "a", Revision: f.Revision(), Status: []byte("amended")})
		wantIs(t, "Amend", err, context.Canceled)
		wantEqual(t, "status", string(f.workload("a").Status), "status of a")
	})
}
