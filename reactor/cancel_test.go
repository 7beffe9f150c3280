package reactor

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

func TestCancel(t *testing.T) {
	r := open(t, func(c *Config) { c.MaxLive = 2 })
	push(t, r, "sleep", "spin", "hello")
	submit(t, r, "done", api.Spec{Module: "hello"})
	wait(t, r, "done")
	submit(t, r, "parked", api.Spec{Module: "sleep"})
	submit(t, r, "spinning", api.Spec{Module: "spin"})
	awaitState(t, r, "parked", api.Running)
	awaitState(t, r, "spinning", api.Running)
	awaitWaiting(t, r, "parked")
	submit(t, r, "pending", api.Spec{Module: "hello"})

	answer, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"pending", "parked", "spinning", "done", "unknown"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []errs.Class{0, 0, 0, errs.WorkloadFinished, errs.WorkloadNotFound} {
		res := answer.Results[i]
		if want == 0 {
			if !res.Cancelled || res.Err != nil {
				t.Errorf("%s: %+v", res.ID, res)
			}
			w := wait(t, r, res.ID)
			if w.Status.State != api.Cancelled || w.Status.Reason != api.ReasonCancelled || w.Status.EndTime.IsZero() {
				t.Errorf("%s: %+v", res.ID, w.Status)
			}
			continue
		}
		if res.Cancelled {
			t.Errorf("%s: %+v", res.ID, res)
		}
		wantClass(t, res.Err, want)
	}
	if w := wait(t, r, "pending"); w.Status.Attempts != 0 || !w.Status.StartTime.IsZero() {
		t.Errorf("a workload that never started: %+v", w.Status)
	}
	if text, _ := readLog(t, r, api.LogRequest{ID: "parked"}); text != "asleep\n" {
		t.Errorf("the log of a cancelled workload: %q", text)
	}
	awaitStats(t, r, "three are cancelled, and nothing is left", func(s api.Stats) bool {
		return s.Cancelled == 3 && s.Pending+s.Running+s.Waiting == 0
	})
}

func TestCancelBySelector(t *testing.T) {
	r := open(t)
	push(t, r, "sleep")
	for i := range 20 {
		submit(t, r, fmt.Sprint(i), api.Spec{Module: "sleep", Labels: map[string]string{"odd": fmt.Sprint(i%2 == 1)}})
	}
	answer, err := r.CancelWorkloads(deadline(t), api.CancelRequest{LabelSelector: "odd=true"})
	if err != nil || len(answer.Results) != 10 || answer.Total != 10 || answer.Cancelled != 10 {
		t.Fatalf("%d results of %+v, %v", len(answer.Results), answer, err)
	}
	for i := range 20 {
		w, err := r.GetWorkload(deadline(t), fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Status.State == api.Cancelled; got != (i%2 == 1) {
			t.Errorf("%d is %v", i, w.Status.State)
		}
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	r := open(t)
	push(t, r, "sleep")
	submit(t, r, "w", api.Spec{Module: "sleep"})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := r.WaitWorkload(ctx, "w")
		failed <- err
	}()
	awaitWaiting(t, r, "w")
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("WaitWorkload: %v", err)
	}
	_, err := r.WaitWorkload(deadline(t), "unknown")
	wantClass(t, err, errs.WorkloadNotFound, "unknown")
}
