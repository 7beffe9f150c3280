package integration

import (
	"errors"
	"io"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// A daemon that drains lets what runs run on, and tells its watchers; the next one knows all that
// it knew.
func TestDrainAndRestart(t *testing.T) {
	dir := testkit.DataDir(t, tool(t))
	d := testkit.Start(t, dir, "--grace-period=1h")
	spec := sleeper(t, d.Client, time.Second)
	if _, err := d.Modules.TagModule(t.Context(), &reactorv1.TagModuleRequest{Module: spec.Module, Tag: "sleeper:v1"}); err != nil {
		t.Fatal(err)
	}
	done := d.Submit(t, &reactorv1.WorkloadSpec{Module: spec.Module, Args: []string{"1", "10"}})
	d.WaitFor(t, done)
	w := watch(t, d.Client, "", nil)
	slow := d.Submit(t, &reactorv1.WorkloadSpec{Module: d.Push(t, tool(t)), Args: []string{"cat"}, Interactive: true})
	input := attach(t.Context(), t, d.Client, slow) // it runs until this ends
	until(t, "the slow one waits", func() bool { return d.Status(t, slow).GetState() == waiting })

	d.Signal(syscall.SIGTERM)
	until(t, "the daemon says that it drains", func() bool {
		health, err := d.Health.Check(t.Context(), &healthv1.HealthCheckRequest{})
		return err == nil && health.GetStatus() == healthv1.HealthCheckResponse_NOT_SERVING
	})
	until(t, "new work is refused", func() bool {
		_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: spec})
		return status.Code(err) == codes.Unavailable
	})
	if err := input.stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	w.untilEnded(slow)
	for last := w.next(); !last.GetDraining(); last = w.next() {
	}
	if _, err := w.stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last response: %v, want EOF", err)
	}
	if exit := d.Wait(); exit != 0 {
		t.Errorf("exit status %d, want 0", exit)
	}

	d = testkit.Start(t, dir)
	for _, id := range []string{done, slow} {
		if s := d.Status(t, id); s.GetState() != succeeded || s.GetAttempts() != 1 {
			t.Errorf("%s after the restart: %v", id, s)
		}
	}
	if text, _ := d.Logs(t, &reactorv1.ReadLogsRequest{Id: done}); len(text) != len("slept well, 0123456789abcdef\n") {
		t.Errorf("%s wrote %q", done, text)
	}
	module, err := d.Modules.GetModule(t.Context(), &reactorv1.GetModuleRequest{Module: "sleeper:v1"})
	if err != nil || module.GetModule().GetDigest() != spec.GetModule() {
		t.Errorf("the tag points at %v, %v", module, err)
	}
	if resumed := watch(t, d.Client, w.cursor, nil); resumed.cursor == "" {
		t.Error("the cursor of before the restart is lost")
	}
	d.Stop()
}

// A service does not hold a stop of the daemon up, and serves until nothing else runs.
func TestServicesEndLast(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := testkit.Start(t, dir, "--grace-period=1h")
	s := startService(t, d, &reactorv1.HttpService{}, func(spec *reactorv1.WorkloadSpec) {
		spec.Grants = []*reactorv1.Grant{listenAt(testkit.FreeAddress(t))}
	})
	job := d.Submit(t, &reactorv1.WorkloadSpec{Module: d.Push(t, tool(t)), Args: []string{"cat"}, Interactive: true})
	input := attach(t.Context(), t, d.Client, job) // it runs until this ends
	until(t, "the job waits", func() bool { return d.Status(t, job).GetState() == waiting })

	d.Signal(syscall.SIGTERM)
	until(t, "the daemon drains", func() bool {
		health, err := d.Health.Check(t.Context(), &healthv1.HealthCheckRequest{})
		return err == nil && health.GetStatus() == healthv1.HealthCheckResponse_NOT_SERVING
	})
	if status, _ := s.ask(s.h1, "/"); status != http.StatusOK {
		t.Errorf("while a job runs: %d", status)
	}
	answered := make(chan int)
	go func() {
		defer close(answered)
		resp, err := s.h1.Get(s.url + "/sleep?1500")
		if err != nil {
			t.Error(err)
			return
		}
		_ = resp.Body.Close()
		answered <- resp.StatusCode
	}()
	until(t, "the request is under way", func() bool { return s.counts().GetActive() == 1 })
	if err := input.stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if status := <-answered; status != http.StatusOK {
		t.Errorf("a request under way: %d", status)
	}
	if exit := d.Wait(); exit != 0 {
		t.Errorf("the daemon exits with %d", exit)
	}

	d = testkit.Start(t, dir, "--grace-period=1h")
	if w := d.Status(t, job); w.GetState() != succeeded || w.GetAttempts() != 1 {
		t.Errorf("the job: %v", w)
	}
	s.d, s.url = d, ""
	s.find()
	if status, _ := s.ask(s.h1, "/"); status != http.StatusOK {
		t.Errorf("after the restart: %d", status)
	}
	d.Signal(syscall.SIGTERM)
	if exit := d.Wait(); exit != 0 {
		t.Errorf("with an idle service the daemon exits with %d", exit)
	}
}

// What does not end in its grace period starts again with the next daemon.
func TestUnfinishedWorkStartsAgain(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir, "--grace-period=none")
	id := d.Submit(t, sleeper(t, d.Client, time.Hour))
	until(t, "it waits", func() bool { return d.Status(t, id).GetState() == waiting })
	d.Stop()

	d = testkit.Start(t, dir)
	until(t, "it waits again", func() bool { return d.Status(t, id).GetState() == waiting })
	if s := d.Status(t, id); s.GetAttempts() != 2 {
		t.Errorf("after the restart: %v", s)
	}
	d.Cancel(t, id)
	d.Stop()
}

// An acknowledged submission outlives a daemon that is killed.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	ids := d.SubmitMany(t, sleeper(t, d.Client, 200*time.Millisecond), 100)
	d.Kill()

	d = testkit.Start(t, dir)
	for _, id := range ids {
		if s := d.WaitFor(t, id); s.GetState() != succeeded {
			t.Errorf("%s: %v", id, s)
		}
	}
	d.Stop()
}

// Whoever insists on it ends the daemon at once.
func TestInsistentSignals(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--grace-period=1h")
	id := d.Submit(t, sleeper(t, d.Client, time.Hour))
	until(t, "it waits", func() bool { return d.Status(t, id).GetState() == waiting })
	d.Signal(os.Interrupt)
	until(t, "the daemon drains", func() bool {
		health, err := d.Health.Check(t.Context(), &healthv1.HealthCheckRequest{})
		return err == nil && health.GetStatus() == healthv1.HealthCheckResponse_NOT_SERVING
	})
	if exit := d.Insist(os.Interrupt); exit != 1 {
		t.Errorf("exit status %d, want 1", exit)
	}
}

// A drain over the API takes no new work and can be undone.
func TestDrainOverAPI(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	spec := sleeper(t, d.Client, 10*time.Millisecond)
	health := func() healthv1.HealthCheckResponse_ServingStatus {
		resp, err := d.Health.Check(t.Context(), &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetStatus()
	}
	for _, undo := range []bool{false, true} {
		if _, err := d.Node.Drain(t.Context(), &reactorv1.DrainRequest{Undo: undo}); err != nil {
			t.Fatal(err)
		}
		_, err := d.Workloads.SubmitWorkload(t.Context(), &reactorv1.SubmitWorkloadRequest{Spec: spec})
		serving := health() == healthv1.HealthCheckResponse_SERVING
		if accepted := err == nil; accepted != undo || serving != undo {
			t.Errorf("undo %t: submitting: %v, serving %t", undo, err, serving)
		}
		node, err := d.Node.GetNode(t.Context(), &reactorv1.GetNodeRequest{})
		if err != nil || node.GetNode().GetDraining() == undo {
			t.Errorf("undo %t: the node is %v, %v", undo, node, err)
		}
	}
}

// Guests that only wait for connections don't hold up the stop of the daemon. They start again with the next one.
func TestListenersEndLast(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := testkit.Start(t, dir, "--grace-period=1h")
	c := newCtlOf(t, d)
	c.must(t, "submit", "--id", "server", "--listen", "127.0.0.1:0", socketsFile(t), "poll 3 r", "accept 3")
	c.waitsFor(t, "server", reactorv1.OpKind_OP_KIND_ACCEPT)
	c.must(t, "submit", "--id", "job", toolFile(t), "sleep", "2s")
	d.Signal(syscall.SIGTERM)
	if exit := d.Wait(); exit != 0 {
		t.Errorf("the daemon exits with %d", exit)
	}
	d = testkit.Start(t, dir)
	c = newCtlOf(t, d)
	if w := d.Status(t, "job"); w.GetState() != succeeded || w.GetAttempts() != 1 {
		t.Errorf("the job: %v", w)
	}
	c.waitsFor(t, "server", reactorv1.OpKind_OP_KIND_ACCEPT)
}
