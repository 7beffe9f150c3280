package reactor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/runner"
)

func TestDelayReasons(t *testing.T) {
	last, beyond := api.DelayReason(retry.NodeMemory), api.DelayReason(retry.NodeMemory+1)
	if last.String() != "NODE_MEMORY" || beyond.String() != "UNSPECIFIED" {
		t.Errorf("the delay reasons are not the troubles of package retry: %v, then %v", last, beyond)
	}
}

// starve takes all descriptors that guests may have, and returns what gives them back.
func starve(t *testing.T, r *Reactor) (feed func()) {
	t.Helper()
	owners := map[string]int64{}
	for i := 0; r.descriptors.Take(fmt.Sprint(i), 1); i++ {
		owners[fmt.Sprint(i)]++
	}
	return func() {
		for owner, n := range owners {
			r.descriptors.Give(owner, n)
		}
	}
}

func withFolder(t *testing.T, spec api.Spec) api.Spec {
	t.Helper()
	spec.Grants = []grant.Grant{grant.Directory{HostPath: t.TempDir(), GuestPath: "/"}}
	return spec
}

// A workload that the host has no descriptors for waits, lets others pass, and then runs.
func TestPassingShortage(t *testing.T) {
	r := open(t)
	push(t, r, "hello")
	feed := starve(t, r)
	submit(t, r, "short", withFolder(t, api.Spec{Module: "hello"}))
	w := awaitDelay(t, r, "short")
	if d := w.Status.Delay; w.Status.State != api.Pending || d.Reason.String() != "DESCRIPTORS" || d.Failures == 0 ||
		d.Until.IsZero() || !strings.Contains(d.Message, "descriptors") {
		t.Errorf("delayed: %+v, %+v", w.Status, d)
	}
	if w := run(t, r, "other", api.Spec{Module: "hello"}); w.Status.State != api.Succeeded {
		t.Errorf("another one meanwhile: %+v", w.Status)
	}
	awaitStats(t, r, "the other one is pending between its tries", func(s api.Stats) bool { return s.Pending == 1 })
	feed()
	if w := wait(t, r, "short"); w.Status.State != api.Succeeded || w.Status.Attempts < 2 || w.Status.Delay != nil {
		t.Errorf("in the end: %+v", w.Status)
	}
}

// A module that is damaged on disk waits to be pushed again; it is not the workload's end.
func TestDamagedModuleWaits(t *testing.T) {
	dir := t.TempDir()
	r := openIn(t, dir)
	push(t, r, "hello")
	shutdown(t, r)
	blob := findBlob(t, dir, digestOf(guest(t, "hello")))
	sound, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte(nil), sound...)
	damaged[len(damaged)/2] ^= 1
	if err := os.WriteFile(blob, damaged, 0o600); err != nil {
		t.Fatal(err)
	}

	r = openIn(t, dir)
	submit(t, r, "early", api.Spec{Module: "hello"})
	w := awaitDelay(t, r, "early")
	if w.Status.Delay.Reason.String() != "MODULE_DAMAGED" || w.Status.Attempts != 0 {
		t.Errorf("delayed: %+v", w.Status)
	}
	want := "it waits for the module to be pushed again: " + digestOf(guest(t, "hello")) + " is damaged on disk"
	if w.Status.Delay.Message != want {
		t.Errorf("it is told %q, want %q", w.Status.Delay.Message, want)
	}
	_, _, err = r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: "late", Spec: api.Spec{Module: "hello"}})
	wantClass(t, err, errs.ModuleNotFound)
	if _, created, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{ID: "early", Spec: api.Spec{Module: "hello"}}); err != nil || created {
		t.Errorf("the same request again: created %v, %v", created, err)
	}
	if err := os.WriteFile(blob, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	if w := wait(t, r, "early"); w.Status.State != api.Succeeded || w.Status.Attempts != 1 {
		t.Errorf("in the end: %+v", w.Status)
	}
	if w := run(t, r, "late", api.Spec{Module: "hello"}); w.Status.State != api.Succeeded {
		t.Errorf("once it was loaded: %+v", w.Status)
	}
}

// findBlob finds the file of a module below a data folder.
func findBlob(t *testing.T, dir, digest string) (found string) {
	t.Helper()
	name := strings.TrimPrefix(digest, "sha256:")
	err := filepath.WalkDir(filepath.Join(dir, "store"), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.Contains(e.Name(), name[2:]) {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		t.Fatalf("there is no file of %s: %v", digest, err)
	}
	return found
}

// What waits can be cancelled, and its timeout counts.
func TestDelayedCancelAndDeadline(t *testing.T) {
	r := open(t)
	push(t, r, "hello")
	defer starve(t, r)()
	submit(t, r, "cancelled", withFolder(t, api.Spec{Module: "hello"}))
	awaitDelay(t, r, "cancelled")
	if answer, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"cancelled"}}); err != nil || !answer.Results[0].Cancelled {
		t.Errorf("cancel: %+v, %v", answer.Results, err)
	}
	late := expire(t, "file descriptors", func(timeout time.Duration) *api.Workload {
		return run(t, r, fmt.Sprint("late-", timeout), withFolder(t, api.Spec{Module: "hello", Limits: api.Limits{Timeout: timeout}}))
	})
	if late.Status.StartTime.IsZero() {
		t.Errorf("late: %+v", late.Status)
	}
	if s := r.runner.Stats(); s.Delayed != (runner.Delayed{}) || s.Oldest != 0 {
		t.Errorf("%v wait, the oldest for %v", s.Delayed, s.Oldest)
	}
}

// A trouble that many meet is logged once when it begins, and once when it is over.
func TestTroubleIsLoggedOnce(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	r := open(t, func(c *Config) { c.Logger = zap.New(core) })
	push(t, r, "hello")
	feed := starve(t, r)
	for i := range 20 {
		submit(t, r, fmt.Sprint("w", i), withFolder(t, api.Spec{Module: "hello"}))
	}
	for i := range 20 {
		awaitDelay(t, r, fmt.Sprint("w", i))
	}
	feed()
	for i := range 20 {
		if w := wait(t, r, fmt.Sprint("w", i)); w.Status.State != api.Succeeded {
			t.Errorf("%s: %+v", w.ID, w.Status)
		}
	}
	ends := func() int { return logs.FilterMessageSnippet("waited for is there").Len() }
	await(t, "its end is logged", func() bool { return ends() > 0 })
	if begins := logs.FilterMessageSnippet("workloads wait,").Len(); begins != 1 || ends() != 1 {
		t.Errorf("%d lines when it began, %d when it was over: %v", begins, ends(), logs.All())
	}
}

// What waits when the reactor shuts down is taken up by the next.
func TestDelayedOutlivesRestart(t *testing.T) {
	dir := t.TempDir()
	r := openIn(t, dir)
	push(t, r, "hello")
	starve(t, r)
	submit(t, r, "short", withFolder(t, api.Spec{Module: "hello"}))
	awaitDelay(t, r, "short")
	shutdown(t, r)
	if w := wait(t, openIn(t, dir), "short"); w.Status.State != api.Succeeded {
		t.Errorf("after the restart: %+v", w.Status)
	}
}
