package runner

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/store"
)

// idBytes is the length of the ids of idOf.
const idBytes = 8

func idOf(i int) string { return fmt.Sprintf("%0*d", idBytes, i) }

// created are changes that tell of workloads that are new.
func created(from, to, specBytes int) (changes []store.Change) {
	for i := from; i < to; i++ {
		rec := &store.Workload{ID: idOf(i), State: store.Pending, Spec: bytes.Repeat([]byte{' '}, specBytes)}
		changes = append(changes, store.Change{ID: rec.ID, Revision: int64(i), State: rec.State, Created: rec})
	}
	return changes
}

// TestReserve: places and bytes are bounded, over what waits and what is under way; one alone is let in however large.
func TestReserve(t *testing.T) {
	rec := &store.Workload{ID: "w"}
	place := store.PlaceOf(rec)
	size := sizeOf(&place)
	large := &store.Workload{ID: "large", Spec: make([]byte, 10*size)}
	for _, tc := range []struct {
		name   string
		bounds schedule.Config
		queued int // with a size each
		places int // taken before
		drain  bool
		rec    *store.Workload
		want   errs.Class
	}{
		{"empty", schedule.Config{Pending: 1, Bytes: size}, 0, 0, false, rec, 0},
		{"the last place", schedule.Config{Pending: 3, Bytes: 3 * size}, 1, 1, false, rec, 0},
		{"no place", schedule.Config{Pending: 2, Bytes: 9 * size}, 1, 1, false, rec, errs.QueueFull},
		{"no bytes", schedule.Config{Pending: 9, Bytes: 3*size - 1}, 1, 1, false, rec, errs.QueueFull},
		{"large alone", schedule.Config{Pending: 9, Bytes: size}, 0, 0, false, large, 0},
		{"large behind another", schedule.Config{Pending: 9, Bytes: size}, 0, 1, false, large, errs.QueueFull},
		{"draining", schedule.Config{Pending: 9, Bytes: 9 * size}, 0, 0, true, rec, errs.Draining},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := New(Config{Log: zap.NewNop(), Schedule: tc.bounds})
			for i := range tc.queued {
				r.admit(&store.Workload{ID: fmt.Sprint(i)})
			}
			for range tc.places {
				if _, err := r.Reserve(rec, &api.Spec{}); err != nil {
					t.Fatal(err)
				}
			}
			before := r.Stats()
			r.Drain(tc.drain)
			got, err := r.Reserve(tc.rec, &api.Spec{})
			if tc.want == 0 && err != nil || tc.want != 0 && (err == nil || errs.ClassOf(err) != tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if err == nil {
				r.Release(tc.rec.ID, got)
			}
			after := r.Stats()
			if tc.rec == rec {
				after.Submitting, before.Submitting = 0, 0 // submissions of one id share an entry
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("what was taken is not given back:\n%s", diff)
			}
		})
	}
}

// TestSetQueueBounds: new bounds are for what comes; what waits stays.
func TestSetQueueBounds(t *testing.T) {
	rec := &store.Workload{ID: "w"}
	r := New(Config{Log: zap.NewNop(), Schedule: schedule.Config{Pending: 2, Bytes: 1 << 20}})
	r.admit(&store.Workload{ID: "0"})
	r.admit(&store.Workload{ID: "1"})
	for _, tc := range []struct {
		pending int
		bytes   int64
		says    string // empty: it is taken in
	}{
		{2, 1 << 20, "2 workloads wait"},
		{3, 1 << 20, ""},
		{3, 1, "--queue-bytes"},
		{1, 1 << 20, "1 workloads wait"},
		{0, 1 << 20, "0 workloads wait"},
	} {
		r.SetQueueBounds(tc.pending, tc.bytes)
		size, err := r.Reserve(rec, &api.Spec{})
		switch {
		case err == nil && tc.says == "":
			r.Release(rec.ID, size)
		case err == nil || tc.says == "" || !strings.Contains(err.Error(), tc.says):
			t.Errorf("%d and %d bytes: %v, want %q", tc.pending, tc.bytes, err, tc.says)
		}
	}
	if n := r.Stats().Pending; n != 2 {
		t.Errorf("%d wait, want 2", n)
	}
}

// TestKeeps: the first that wait keep their specs decoded, more their records, the rest nothing; by count, or by bytes.
func TestKeeps(t *testing.T) {
	const small = record.KeepSpecBytes
	for _, tc := range []struct {
		name           string
		count, bytes   int
		decoded, whole int
	}{
		{"small", keepWhole + 100, 2, keepDecoded, keepWhole},
		{"by bytes", 3000, small, keepDecoded, (keepBytes-1)/(placeBytes+idBytes+small) + 1},
		{"large", 100, record.KeepSpecBytes + 1, 0, 100},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := New(Config{Schedule: ample})
			changes := created(0, tc.count, tc.bytes)
			for _, c := range changes {
				if _, err := r.Reserve(c.Created, &api.Spec{}); err != nil {
					t.Fatal(err)
				}
			}
			r.OnCommit(changes, nil)
			decoded, whole := 0, 0
			for _, w := range r.all {
				if w.spec != nil {
					decoded++
				}
				if w.rec != nil {
					whole++
				}
			}
			if decoded != tc.decoded || whole != tc.whole {
				t.Errorf("%d specs and %d records are kept, want %d and %d", decoded, whole, tc.decoded, tc.whole)
			}
		})
	}
}

// TestOnCommit: what is new is queued and told of, and each change of what has not ended is told with the record as it
// was before.
func TestOnCommit(t *testing.T) {
	var queued, changed []string
	cfg := Config{Schedule: ample}
	r := New(cfg)
	r.cfg.Hooks.OnQueued = func(e hooks.Event) {
		r.Stats() // mu is not held
		queued = append(queued, e.ID)
	}
	onChange := func(c *store.Change, rec *store.Workload) {
		line := fmt.Sprintf("%s %v", c.ID, c.State)
		if rec != nil {
			line += fmt.Sprintf(", was %v", rec.State)
		}
		changed = append(changed, line)
	}
	r.OnCommit(created(0, 2, 0), onChange)
	r.live[idOf(1)].rec = nil // the store has it
	r.OnCommit([]store.Change{
		{ID: idOf(0), State: store.Running}, {ID: idOf(1), State: store.Running}, {ID: "unknown", State: store.Failed},
	}, onChange)
	if diff := cmp.Diff([]string{idOf(0), idOf(1)}, queued); diff != "" {
		t.Errorf("queued (-want +got):\n%s", diff)
	}
	want := []string{idOf(0) + " PENDING, was PENDING", idOf(1) + " PENDING, was PENDING", idOf(0) + " RUNNING, was PENDING", idOf(1) + " RUNNING"}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if s := r.Stats(); s.Submitted != 2 || s.Pending != 2 {
		t.Errorf("%+v", s)
	}
}

// TestRecover takes up everything, in order, whole as long as records are kept.
func TestRecover(t *testing.T) {
	const count = keepWhole + 2*claimBatch
	d := &disk{}
	for _, c := range created(0, count, 2) {
		d.left = append(d.left, c.Created)
	}
	r := New(Config{Log: zap.NewNop(), Store: d, Schedule: ample})
	next := 0
	if err := r.Recover(t.Context(), func(p *store.Place) {
		if p.ID != idOf(next) {
			t.Errorf("%s is taken up, want %d", p.ID, next)
		}
		next++
	}); err != nil || next != count || r.Stats().Pending != count || r.Stats().Submitted != 0 {
		t.Errorf("%d were taken up: %+v, %v", next, r.Stats(), err)
	}
	whole := (keepWhole + claimBatch - 1) / claimBatch
	for i, n := range d.claims {
		if got := n > 0; got != (i < whole) {
			t.Errorf("claims %d", d.claims)
			break
		}
	}
	d.refused = errFault
	if err := r.Recover(t.Context(), nil); err == nil {
		t.Error("the error of the store is lost")
	}
}

// TestVisit: whatever ends and is submitted during a walk, nothing is passed over that was there all the time.
func TestVisit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		r := New(Config{Schedule: ample})
		n := 1 + random.IntN(3*visitPiece)
		r.OnCommit(created(0, n, 0), nil)
		stay := map[string]bool{}
		for id := range r.live {
			stay[id] = true
		}
		for next, steps := math.MaxInt, 0; next > 0; steps++ {
			stop := random.IntN(2 * visitPiece)
			next = r.VisitRecords(next, func(id string, rec *store.Workload) bool {
				if rec.ID != id {
					t.Errorf("%s has the record of %s", id, rec.ID)
				}
				delete(stay, id)
				stop--
				return stop != 0
			})
			for range random.IntN(50) {
				if len(r.all) == 0 {
					break
				}
				w := r.all[random.IntN(len(r.all))]
				delete(stay, w.id)
				r.remove(w)
			}
			r.OnCommit(created(n, n+random.IntN(50), 0), nil)
			n += 50
			if steps > 1000 {
				t.Fatal("it does not come to an end")
			}
		}
		if len(stay) > 0 {
			t.Fatalf("of %d, %d were passed over", n, len(stay))
		}
	}
}
