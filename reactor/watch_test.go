package reactor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

// follow watches until enough says so, and returns the last cursor.
func follow(t *testing.T, r *Reactor, f api.Filter, cursor string, enough func(api.WatchEvent) bool) string {
	t.Helper()
	stop := errors.New("stop")
	first := true
	err := r.WatchWorkloads(deadline(t), f, cursor, func(e api.WatchEvent) error {
		if first {
			first = false
			if e.Workload != nil || e.Draining {
				t.Errorf("the first event is %+v, want a cursor alone", e)
			}
			if cursor != "" && e.Cursor != cursor {
				t.Errorf("the watch from %s starts at %s", cursor, e.Cursor)
			}
		} else if number(t, e.Cursor) <= number(t, cursor) {
			t.Errorf("cursor %s after %s", e.Cursor, cursor)
		}
		cursor = e.Cursor
		if enough(e) {
			return stop
		}
		return nil
	})
	if err != stop {
		t.Fatalf("watch: %v", err)
	}
	return cursor
}

func number(t *testing.T, cursor string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWatchLive sees every state of a workload as it happens.
func TestWatchLive(t *testing.T) {
	r := open(t)
	push(t, r, "nap", "hello")
	run(t, r, "before", api.Spec{Module: "hello"})
	var states []api.State
	started := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		follow(t, r, api.Filter{LabelSelector: "seen"}, "", func(e api.WatchEvent) bool {
			if e.Workload == nil {
				close(started)
				return false
			}
			if e.Workload.ID != "w" || e.Workload.Spec.Name != "named" {
				t.Errorf("saw %+v", e.Workload)
			}
			states = append(states, e.Workload.Status.State)
			return e.Workload.Status.State.Ended()
		})
	})
	<-started
	submit(t, r, "other", api.Spec{Module: "hello"})
	submit(t, r, "w", api.Spec{Module: "nap", Name: "named", Labels: map[string]string{"seen": ""}})
	watching.Wait()
	if fmt.Sprint(states) != "[PENDING RUNNING SUCCEEDED]" {
		t.Errorf("saw %v", states)
	}
}

// TestWatchResumes breaks watches off again and again while workloads come and go, and resumes each
// from its last cursor: each misses no workload's end, and sees none twice.
func TestWatchResumes(t *testing.T) {
	r := open(t)
	push(t, r, "nap")
	const count = 600
	var watching sync.WaitGroup
	for stride := 1; stride <= 64; stride *= 4 {
		watching.Go(func() {
			ended := map[string]int{}
			cursor := "0"
			for len(ended) < count {
				seen := 0
				cursor = follow(t, r, api.Filter{States: []api.State{api.Succeeded}}, cursor, func(e api.WatchEvent) bool {
					if e.Workload == nil {
						return false
					}
					ended[e.Workload.ID]++
					seen++
					return seen == stride || len(ended) == count
				})
				if t.Failed() {
					return
				}
			}
			for id, n := range ended {
				if n != 1 {
					t.Errorf("the end of %s was seen %d times", id, n)
				}
			}
		})
	}
	for i := 0; i < count; i += 100 {
		var reqs []api.SubmitRequest
		for j := range 100 {
			reqs = append(reqs, api.SubmitRequest{ID: fmt.Sprint(i + j), Spec: api.Spec{Module: "nap"}})
		}
		if _, err := r.SubmitWorkloads(deadline(t), reqs); err != nil {
			t.Fatal(err)
		}
	}
	watching.Wait()
}

// TestWatchSlow lets more change than the feed holds while a watch is held up.
func TestWatchSlow(t *testing.T) {
	r := open(t)
	push(t, r, "hello")
	const count = feedChanges/3 + 300 // three changes each
	ended := map[string]bool{}
	hold := sync.OnceFunc(func() {
		for i := 0; i < count; i += 500 {
			var reqs []api.SubmitRequest
			for j := range min(500, count-i) {
				reqs = append(reqs, api.SubmitRequest{ID: fmt.Sprint(i + j), Spec: api.Spec{Module: "hello"}})
			}
			if _, err := r.SubmitWorkloads(deadline(t), reqs); err != nil {
				t.Fatal(err)
			}
		}
		for i := range count {
			wait(t, r, fmt.Sprint(i))
		}
	})
	follow(t, r, api.Filter{}, "", func(e api.WatchEvent) bool {
		hold()
		if e.Workload != nil && e.Workload.Status.State == api.Succeeded {
			if ended[e.Workload.ID] {
				t.Errorf("%s ended twice", e.Workload.ID)
			}
			ended[e.Workload.ID] = true
		}
		return len(ended) == count
	})
}

func TestWatchRefuses(t *testing.T) {
	r := open(t)
	watch := func(f api.Filter, cursor string) error {
		return r.WatchWorkloads(deadline(t), f, cursor, func(api.WatchEvent) error { return errors.New("it goes on") })
	}
	wantClass(t, watch(api.Filter{}, "x"), errs.InvalidArgument)
	wantClass(t, watch(api.Filter{}, "-1"), errs.InvalidArgument)
	wantClass(t, watch(api.Filter{}, "99999"), errs.CursorExpired)
	wantClass(t, watch(api.Filter{LabelSelector: "a==b"}, ""), errs.InvalidArgument)
	wantClass(t, watch(api.Filter{Module: "nothing"}, ""), errs.ModuleNotFound)
	wantClass(t, watch(api.Filter{States: []api.State{99}}, ""), errs.InvalidArgument)

	ctx, cancel := context.WithCancel(t.Context())
	err := r.WatchWorkloads(ctx, api.Filter{}, "", func(api.WatchEvent) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a watch whose context ended: %v", err)
	}
}
