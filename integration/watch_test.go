package integration

import (
	"context"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// watcher reads a watch. Its stream ends with stop.
type watcher struct {
	t      *testing.T
	stream reactorv1.WorkloadService_WatchWorkloadsClient
	cursor string // of the last response
	stop   context.CancelFunc
}

// watch opens a watch, and returns when it has begun.
func watch(t *testing.T, c testkit.Client, cursor string, filter *reactorv1.WorkloadFilter) *watcher {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), testkit.Patience)
	t.Cleanup(stop)
	stream, err := c.Workloads.WatchWorkloads(ctx, &reactorv1.WatchWorkloadsRequest{Filter: filter, Cursor: cursor})
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{t: t, stream: stream, stop: stop}
	if first := w.next(); first.GetWorkload() != nil || first.GetCursor() == "" {
		t.Errorf("the first response is %v, want a cursor alone", first)
	}
	return w
}

func (w *watcher) next() *reactorv1.WatchWorkloadsResponse {
	w.t.Helper()
	resp, err := w.stream.Recv()
	if err != nil {
		w.t.Fatalf("watching: %v", err)
	}
	w.cursor = resp.GetCursor()
	return resp
}

// untilEnded reads until each of the workloads has been seen to end, and returns the states that
// each was seen in.
func (w *watcher) untilEnded(ids ...string) map[string][]reactorv1.WorkloadState {
	w.t.Helper()
	seen := make(map[string][]reactorv1.WorkloadState)
	for left := len(ids); left > 0; {
		workload := w.next().GetWorkload()
		state := workload.GetStatus().GetState()
		seen[workload.GetId()] = append(seen[workload.GetId()], state)
		for _, id := range ids {
			if id == workload.GetId() && state >= succeeded {
				left--
			}
		}
	}
	return seen
}

func TestWatch(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	spec := sleeper(t, d.Client, 20*time.Millisecond)
	first := watch(t, d.Client, "", nil)

	a := d.Submit(t, spec)
	seen := first.untilEnded(a)
	states := seen[a]
	for i := 1; i < len(states); i++ {
		if states[i] <= states[i-1] {
			t.Errorf("%s went through %v", a, states)
		}
	}
	if last := states[len(states)-1]; last != succeeded {
		t.Errorf("%s ended as %v", a, last)
	}

	// What happens while nobody watches is made up for, and nothing else is sent.
	first.stop()
	b := d.Submit(t, spec)
	c := d.Submit(t, spec)
	d.WaitFor(t, b)
	d.WaitFor(t, c)
	second := watch(t, d.Client, first.cursor, nil)
	seen = second.untilEnded(b, c)
	if len(seen) != 2 || len(seen[b]) != 1 || len(seen[c]) != 1 {
		t.Errorf("after the cursor came %v, want %s and %s once each", seen, b, c)
	}
	second.stop()

	// From the beginning, filtered.
	labelled := d.Submit(t, &reactorv1.WorkloadSpec{Module: spec.Module, Args: spec.Args, Labels: map[string]string{"who": "me"}})
	d.WaitFor(t, labelled)
	all := watch(t, d.Client, "0", nil)
	if seen = all.untilEnded(a, b, c, labelled); len(seen) != 4 {
		t.Errorf("from the beginning came %v, want 4 workloads", seen)
	}
	mine := watch(t, d.Client, "0", &reactorv1.WorkloadFilter{LabelSelector: "who=me", States: []reactorv1.WorkloadState{succeeded}})
	if seen = mine.untilEnded(labelled); len(seen) != 1 {
		t.Errorf("of mine came %v, want only %s", seen, labelled)
	}
}
