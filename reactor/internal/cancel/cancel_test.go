package cancel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

func TestCheck(t *testing.T) {
	for name, req := range map[string]api.CancelRequest{
		"nothing":      {},
		"both":         {IDs: []string{"a"}, LabelSelector: "a=b"},
		"bad selector": {LabelSelector: "a==b"},
		"bad id":       {IDs: []string{"a", "a/b"}},
		"too many":     {IDs: make([]string, MaxIDs+1)},
	} {
		answer, err := newNode().canceller().Do(t.Context(), req)
		wantClass(t, name, err, errs.InvalidArgument)
		if answer.Total != 0 || len(answer.Results) != 0 {
			t.Errorf("%s: %+v", name, answer)
		}
	}
}

// TestByID: each id gets its answer, in the order of the ids, whatever becomes of it.
func TestByID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		var ids []string
		cases := []struct {
			name string
			fate fate
			want errs.Class
		}{
			{"obeys", obey, 0},
			{"slow", after(time.Hour, obey), 0},
			{"ended-meanwhile", after(time.Second, succeed), errs.WorkloadFinished},
			{"put-back", putBack, 0},
			{"deleted", deleted, 0},
			{"unrecorded", unrecorded, errs.Internal},
			{"had-ended", nil, errs.WorkloadFinished},
			{"had-been-cancelled", nil, errs.WorkloadFinished},
			{"unknown", nil, errs.WorkloadNotFound},
		}
		for _, tc := range cases {
			ids = append(ids, tc.name)
			if tc.fate != nil {
				n.add(tc.name, nil, tc.fate)
			}
		}
		n.end(n.add("had-ended", nil, nil), store.Failed)
		n.end(n.add("had-been-cancelled", nil, nil), store.Cancelled)
		answer, err := n.canceller().Do(t.Context(), api.CancelRequest{IDs: ids})
		if err != nil || answer.Total != len(ids) || answer.Cancelled != 4 || len(answer.Results) != len(ids) {
			t.Fatalf("%+v, %v", answer, err)
		}
		for i, tc := range cases {
			got := answer.Results[i]
			if got.ID != tc.name || got.Cancelled != (tc.want == 0) {
				t.Errorf("%s: %+v", tc.name, got)
			}
			wantClass(t, tc.name, got.Err, tc.want)
		}
	})
}

// TestSubmittedMeanwhile: what comes into being while others are waited for is told to end before it is waited for.
func TestSubmittedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		n.add("slow", nil, func(n *node, w *workload) {
			time.AfterFunc(time.Second, func() {
				n.add("late", nil, after(time.Second, obey))
				obey(n, w)
			})
		})
		answer, err := n.canceller().Do(t.Context(), api.CancelRequest{IDs: []string{"slow", "late"}})
		if err != nil || answer.Cancelled != 2 {
			t.Errorf("%+v, %v", answer, err)
		}
	})
}

// populate adds count workloads, of which every second is selected by odd=true.
func populate(n *node, count int, fate fate) {
	for i := range count {
		n.add(fmt.Sprintf("w%05d", i), map[string]string{"odd": fmt.Sprint(i%2 == 1)}, fate)
	}
}

var odd = api.CancelRequest{LabelSelector: "odd=true"}

// wantOdd checks that all of those that are selected were cancelled, and no others, and each counts once.
func wantOdd(t *testing.T, n *node, answer api.Cancellation, count int) {
	t.Helper()
	if answer.Total != count || answer.Cancelled != count || len(answer.Results) != min(count, MaxResults) {
		t.Errorf("%d of %d are cancelled, with %d results; want %d", answer.Cancelled, answer.Total, len(answer.Results), count)
	}
	seen := map[string]bool{}
	for _, res := range answer.Results {
		if seen[res.ID] || !res.Cancelled || res.Err != nil || n.records[res.ID].Labels["odd"] != "true" {
			t.Errorf("result %+v", res)
		}
		seen[res.ID] = true
	}
	for id, rec := range n.records {
		if got := rec.State == store.Cancelled; got != (rec.Labels["odd"] == "true") {
			t.Errorf("%s is %v", id, rec.State)
		}
	}
}

// TestBySelector: whatever there is and however slowly it ends, what is selected is cancelled and counts once.
func TestBySelector(t *testing.T) {
	for _, tc := range []struct {
		name   string
		count  int
		fate   fate
		change func(*node)
		lists  bool          // they have to be listed from the store
		most   time.Duration // that it takes
	}{
		{name: "none"},
		{name: "few", count: 10, fate: obey},
		{name: "many pieces", count: 5 * pieceSize, fate: obey},
		{name: "more than there are results", count: 2*MaxResults + 1000, fate: obey},
		{name: "each comes up twice", count: 3 * pieceSize, fate: obey, change: func(n *node) { n.twice = true }},
		{name: "patience is enough", count: 10, fate: after(Patience/2, obey), most: Patience},
		{
			// A piece is given up after Patience; the pieces after it are told before it is waited for again.
			name: "slow ends", count: 4 * pieceSize, fate: after(time.Minute, obey), most: time.Minute + 5*Patience,
		},
		{
			name: "slow ends come up twice", count: 4 * pieceSize, fate: after(time.Minute, obey), most: time.Minute + 10*Patience,
			change: func(n *node) { n.twice = true },
		},
		{name: "a record in the store alone", count: 250, fate: obey, lists: true, change: func(n *node) { n.live[40].bare = true }},
		{
			name: "slow ends, then a record in the store alone", count: 4 * pieceSize, fate: after(time.Minute, obey), lists: true, most: 2 * time.Minute,
			change: func(n *node) { n.live[0].bare = true },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode()
				populate(n, tc.count, tc.fate)
				if tc.change != nil {
					tc.change(n)
				}
				begin := time.Now()
				answer, err := n.canceller().Do(t.Context(), odd)
				if err != nil {
					t.Fatal(err)
				}
				wantOdd(t, n, answer, tc.count/2)
				if took := time.Since(begin); took > tc.most {
					t.Errorf("it took %v, want %v at most", took, tc.most)
				}
				if got := n.lists > 0; got != tc.lists {
					t.Errorf("%d pages were listed", n.lists)
				}
			})
		})
	}
}

// TestSlowAreWaitedForLast: everything is told to end before what is slow is waited for.
func TestSlowAreWaitedForLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		populate(n, 4*pieceSize, obey)
		reached := make(chan struct{})
		slow, last := n.live[len(n.live)-1], n.live[1] // they are visited from the end
		slow.fate = func(n *node, w *workload) {
			go func() { <-reached; obey(n, w) }()
		}
		last.fate = func(n *node, w *workload) {
			close(reached)
			obey(n, w)
		}
		answer, err := n.canceller().Do(t.Context(), odd)
		if err != nil {
			t.Fatal(err)
		}
		wantOdd(t, n, answer, 2*pieceSize)
	})
}

// TestSelectedEndByThemselves: they count as found, not as cancelled.
func TestSelectedEndByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode()
		populate(n, 10, succeed)
		slow := n.live[9]
		slow.fate = after(time.Minute, succeed)
		answer, err := n.canceller().Do(t.Context(), odd)
		if err != nil || answer.Total != 5 || answer.Cancelled != 0 {
			t.Errorf("%+v, %v", answer, err)
		}
		for _, res := range answer.Results {
			wantClass(t, res.ID, res.Err, errs.WorkloadFinished)
		}
		if !slices.ContainsFunc(answer.Results, func(res api.CancelResult) bool { return res.ID == slow.id }) {
			t.Error("there is no result for the slow one")
		}
	})
}

// TestCancelEndsWithItsContext at each of its waits.
func TestCancelEndsWithItsContext(t *testing.T) {
	for name, req := range map[string]api.CancelRequest{
		"by id": {IDs: []string{"w00001"}}, "by selector": odd,
	} {
		for _, timeout := range []time.Duration{Patience / 2, 2 * Patience} {
			t.Run(fmt.Sprintf("%s/%v", name, timeout), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := newNode()
					populate(n, 2, hang)
					ctx, cancel := context.WithTimeout(t.Context(), timeout)
					defer cancel()
					begin := time.Now()
					answer, err := n.canceller().Do(ctx, req)
					if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != timeout || answer.Cancelled != 0 {
						t.Errorf("after %v: %+v, %v", time.Since(begin), answer, err)
					}
				})
			})
		}
	}
}

// TestShutdownEndsACancel: each that could not be waited for says so.
func TestShutdownEndsACancel(t *testing.T) {
	n := newNode()
	populate(n, 2, hang)
	c := n.canceller()
	c.Await = func(context.Context, string, <-chan struct{}) error { return errs.New(errs.Draining, "it shuts down") }
	for _, req := range []api.CancelRequest{odd, {IDs: []string{"w00001"}}} {
		answer, err := c.Do(t.Context(), req)
		if err != nil || answer.Cancelled != 0 || len(answer.Results) != 1 {
			t.Fatalf("%+v, %v", answer, err)
		}
		wantClass(t, strings.Join(req.IDs, ","), answer.Results[0].Err, errs.Draining)
	}
}

// TestListFails: the error of a store that has to be asked and does not answer is the answer.
func TestListFails(t *testing.T) {
	n := newNode()
	populate(n, 10, obey)
	n.live[3].bare = true
	c := n.canceller()
	c.Store = unavailable{}
	_, err := c.Do(t.Context(), odd)
	wantClass(t, "list", err, errs.Unavailable)
}

// unavailable is a store that can't be read.
type unavailable struct{ store.Workloads }

func (unavailable) List(context.Context, store.Query) (store.Page, error) {
	return store.Page{}, store.ErrUnavailable
}
