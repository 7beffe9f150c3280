package reactor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/store"
)

// TestRestart shuts a reactor down with workloads in every state, and starts another on its data.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	r := openIn(t, dir, func(c *Config) { c.MaxLive = 3 })
	push(t, r, "hello", "sleep", "spin", "cat")
	done := run(t, r, "done", api.Spec{Module: "hello"})
	submit(t, r, "parked", api.Spec{Module: "sleep", Limits: api.Limits{Timeout: time.Hour}})
	submit(t, r, "spinning", api.Spec{Module: "spin"})
	submit(t, r, "attached", api.Spec{Module: "cat", Interactive: true})
	for _, id := range []string{"parked", "spinning", "attached"} {
		awaitState(t, r, id, api.Running)
	}
	first := awaitWaiting(t, r, "parked").Status
	submit(t, r, "queued", api.Spec{Module: "hello"})

	a := attach(t, r, "attached")
	var calls sync.WaitGroup
	calls.Go(func() {
		_, err := r.WaitWorkload(deadline(t), "queued")
		wantClass(t, err, errs.Draining)
	})
	calls.Go(func() {
		err := r.ReadLogs(deadline(t), api.LogRequest{ID: "spinning", Follow: true}, func(api.LogChunk) error { return nil })
		wantClass(t, err, errs.Draining)
	})
	calls.Go(func() {
		if _, err := a.Next(deadline(t)); err == nil {
			t.Error("output from a guest that was interrupted")
		}
		_, err := a.Ended(deadline(t))
		wantClass(t, err, errs.Draining)
		a.Close()
	})
	started := make(chan struct{})
	calls.Go(func() {
		var back []string
		var last api.WatchEvent
		err := r.WatchWorkloads(deadline(t), api.Filter{States: []api.State{api.Pending}}, "", func(e api.WatchEvent) error {
			if e.Workload != nil {
				back = append(back, e.Workload.ID)
			} else if !e.Draining {
				close(started)
			}
			last = e
			return nil
		})
		if err != nil || !last.Draining || len(back) != 3 {
			t.Errorf("the watch saw %q put back, then %+v, %v", back, last, err)
		}
	})
	<-started
	shutdown(t, r)
	calls.Wait()

	_, _, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{Spec: api.Spec{Module: "hello"}})
	wantClass(t, err, errs.Draining)
	_, err = r.GetWorkload(deadline(t), "done")
	wantClass(t, err, errs.Draining)
	wantClass(t, r.Shutdown(t.Context()), errs.Draining)

	r = openIn(t, dir)
	if got := wait(t, r, "done"); got.Status.EndTime.Compare(done.Status.EndTime) != 0 || !reflect.DeepEqual(got.Status.Usage, done.Status.Usage) {
		t.Errorf("the result changed from %+v to %+v", done.Status, got.Status)
	}
	if text, _ := readLog(t, r, api.LogRequest{ID: "done"}); text != "hello\n" {
		t.Errorf("the log is %q", text)
	}
	if w := wait(t, r, "queued"); w.Status.State != api.Succeeded || w.Status.Attempts != 1 {
		t.Errorf("queued: %+v", w.Status)
	}
	awaitState(t, r, "parked", api.Running)
	second := awaitWaiting(t, r, "parked").Status
	if second.Attempts != 2 || !second.StartTime.After(first.StartTime) || second.Usage.Fuel <= first.Usage.Fuel {
		t.Errorf("the second attempt is %+v after %+v", second, first)
	}
	if text, _ := readLog(t, r, api.LogRequest{ID: "parked"}); text != "asleep\nasleep\n" {
		t.Errorf("the log of two attempts is %q", text)
	}
	if second.Usage.LogBytes != 14 {
		t.Errorf("usage of two attempts: %+v", second.Usage)
	}
}

// TestGrace lets what runs finish.
func TestGrace(t *testing.T) {
	dir := t.TempDir()
	r := openIn(t, dir, func(c *Config) { c.GracePeriod = patience })
	push(t, r, "nap")
	submit(t, r, "w", api.Spec{Module: "nap"})
	awaitState(t, r, "w", api.Running)
	shutdown(t, r)
	r = openIn(t, dir)
	if w := wait(t, r, "w"); w.Status.State != api.Succeeded || w.Status.Attempts != 1 {
		t.Errorf("status %+v", w.Status)
	}
}

// TestShutdownInAHurry ends the grace period with the context, and is clean all the same.
func TestShutdownInAHurry(t *testing.T) {
	dir := t.TempDir()
	r := openIn(t, dir, func(c *Config) { c.GracePeriod = time.Hour })
	push(t, r, "sleep")
	submit(t, r, "w", api.Spec{Module: "sleep"})
	awaitState(t, r, "w", api.Running)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	r = openIn(t, dir)
	awaitState(t, r, "w", api.Running)
	if w := awaitWaiting(t, r, "w"); w.Status.Attempts != 2 {
		t.Errorf("status %+v", w.Status)
	}
}

// TestTimeoutSpansAttempts counts a timeout from the first start: one that passed while no reactor
// ran ends the second attempt at once.
func TestTimeoutSpansAttempts(t *testing.T) {
	dir := t.TempDir()
	r := openIn(t, dir)
	push(t, r, "sleep")
	submit(t, r, "w", api.Spec{Module: "sleep", Limits: api.Limits{Timeout: time.Hour}})
	awaitWaiting(t, r, "w")
	shutdown(t, r)
	setBack(t, dir, "w", 2*time.Hour)
	if s := wait(t, openIn(t, dir), "w").Status; s.Reason != api.ReasonDeadline || s.Attempts != 2 {
		t.Errorf("it ended as %+v", s)
	}
}

// setBack has a workload that waits in the store of a folder be first started so much earlier.
func setBack(t *testing.T, dir, id string, by time.Duration) {
	t.Helper()
	s, err := storeIn(dir)(deadline(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := s.Workload(deadline(t), id)
	if err != nil {
		t.Fatal(err)
	}
	status, err := record.DecodeStatus(rec)
	if err != nil || status.FirstStart.IsZero() {
		t.Fatalf("%s first started %v, %v", id, status.FirstStart, err)
	}
	status.FirstStart = status.FirstStart.Add(-by)
	done := make(chan error, 1)
	s.Transition(store.Transition{
		ID: id, From: store.States(store.Pending), To: store.Pending, Attempt: rec.Attempts, Time: rec.Updated, Status: record.EncodeStatus(&status),
	}, func(_ int64, err error) { done <- err })
	if err := errors.Join(<-done, s.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestCrash starts a reactor on the data of one that did not shut down: on a copy of its folder.
func TestCrash(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	r := openIn(t, dir)
	push(t, r, "sleep", "hello")
	submit(t, r, "w", api.Spec{Module: "sleep"})
	awaitState(t, r, "w", api.Running)
	run(t, r, "done", api.Spec{Module: "hello"})
	copyDir(t, dir, copied)
	shutdown(t, r)

	r = openIn(t, copied)
	if w := wait(t, r, "done"); w.Status.State != api.Succeeded {
		t.Errorf("done: %+v", w.Status)
	}
	awaitState(t, r, "w", api.Running)
	if w := awaitWaiting(t, r, "w"); w.Status.Attempts != 2 {
		t.Errorf("w: %+v", w.Status)
	}
}

func TestDrain(t *testing.T) {
	r := open(t)
	push(t, r, "sleep", "hello")
	submit(t, r, "running", api.Spec{Module: "sleep"})
	awaitState(t, r, "running", api.Running)
	if n := r.Drain(false); n != 1 || !r.Node().Draining {
		t.Errorf("Drain = %d, draining %v", n, r.Node().Draining)
	}
	_, _, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{Spec: api.Spec{Module: "hello"}})
	wantClass(t, err, errs.Draining)
	_, _, err = pushBytes(t, r, guest(t, "nap"), "")
	wantClass(t, err, errs.Draining)
	if n := r.Drain(true); n != 1 || r.Node().Draining {
		t.Errorf("Drain(undo) = %d, draining %v", n, r.Node().Draining)
	}
	run(t, r, "w", api.Spec{Module: "hello"})
}

// TestDrainHoldsTheQueue leaves what waits in the queue until the drain is undone.
func TestDrainHoldsTheQueue(t *testing.T) {
	r := open(t, func(c *Config) { c.MaxLive = 1 })
	push(t, r, "sleep", "hello")
	submit(t, r, "blocker", api.Spec{Module: "sleep"})
	awaitState(t, r, "blocker", api.Running)
	for i := range 5 {
		submit(t, r, fmt.Sprint(i), api.Spec{Module: "hello"})
	}
	r.Drain(false)
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"blocker"}}); err != nil {
		t.Fatal(err)
	}
	wait(t, r, "blocker")
	awaitStats(t, r, "five are pending and none is started", func(s api.Stats) bool { return s.Pending == 5 && s.Running+s.Waiting == 0 })
	r.Drain(true)
	for i := range 5 {
		wait(t, r, fmt.Sprint(i))
	}
}

// TestDataDirInUse: a second reactor on a data folder is refused, and told who has it.
func TestDataDirInUse(t *testing.T) {
	dir := t.TempDir()
	openIn(t, dir)
	_, err := New(Config{DataDir: dir, ABIs: []abi.ABI{wasip1.New()}}, storeIn(dir))
	if locked, ok := errors.AsType[*store.LockedError](err); !ok || locked.PID != os.Getpid() {
		t.Errorf("error %v", err)
	}
}
