package reactor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/crash"
)

// died returns the data folder of a reactor that died while sleepers were running: a copy of the folder
// of one that runs, with a journal in which so much has happened before.
func died(t *testing.T, sleepers int, j crash.Journal) (dir string) {
	t.Helper()
	live, dir := t.TempDir(), t.TempDir()
	r := openIn(t, live)
	push(t, r, "sleep", "hello")
	for i := range sleepers {
		submit(t, r, fmt.Sprint("s", i), api.Spec{Module: "sleep"})
		awaitState(t, r, fmt.Sprint("s", i), api.Running)
	}
	copyDir(t, live, dir)
	shutdown(t, r)
	if err := crash.NewFile(dir).Write(j); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What was alone on trial when the daemon died for the third time is set apart; the rest goes on.
func TestGuiltyIsSetApart(t *testing.T) {
	dir := died(t, 3, crash.Journal{Deaths: 2, Trial: []string{"s1"}, Alone: 1})
	r := openIn(t, dir)
	w := wait(t, r, "s1")
	if w.Status.State != api.Failed || w.Status.Reason != api.ReasonDaemonDied || w.Status.Attempts != 1 ||
		!strings.Contains(w.Status.Message, "died 3 times") || !strings.Contains(w.Status.Message, "another id") {
		t.Errorf("the guilty one: %+v", w.Status)
	}
	for _, id := range []string{"s0", "s2"} {
		if w := awaitWaiting(t, r, id); w.Status.Attempts != 2 {
			t.Errorf("%s: %+v", id, w.Status)
		}
	}
	if w := run(t, r, "new", api.Spec{Module: "hello"}); w.Status.State != api.Succeeded {
		t.Errorf("a new one: %+v", w.Status)
	}
}

// After a first death everything starts at once but for the last, which is on trial in the journal
// before it starts.
func TestYoungestIsTriedAlone(t *testing.T) {
	dir := died(t, 3, crash.Journal{})
	r := openIn(t, dir)
	if w, err := r.GetWorkload(deadline(t), "s2"); err != nil || w.Status.Delay == nil || w.Status.Delay.Reason.String() != "DAEMON_DIED" {
		t.Errorf("the last one: %+v, %v", w.Status.Delay, err)
	}
	awaitWaiting(t, r, "s0")
	awaitWaiting(t, r, "s1")
	if j, died := crash.NewFile(dir).Read(); !died || j.Deaths != 1 {
		t.Errorf("the journal: %+v, %v", j, died)
	}
	if w := awaitWaiting(t, r, "s2"); w.Status.Delay != nil {
		t.Errorf("on trial: %+v", w.Status)
	}
	if j, _ := crash.NewFile(dir).Read(); len(j.Trial) != 1 || j.Trial[0] != "s2" {
		t.Errorf("the journal: %+v", j)
	}
	shutdown(t, r)
	if _, died := crash.NewFile(dir).Read(); died {
		t.Error("an end in order counts as a death")
	}
}

// While the one suspect is tried alone for the second time, nothing else is started; what a client
// does with it meanwhile works.
func TestGate(t *testing.T) {
	dir := died(t, 2, crash.Journal{Deaths: 1, Trial: []string{"s0"}})
	r := openIn(t, dir)
	submit(t, r, "new", api.Spec{Module: "hello"})
	if answer, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"s0"}}); err != nil || !answer.Results[0].Cancelled {
		t.Errorf("cancel: %+v, %v", answer.Results, err)
	}
	for _, id := range []string{"s1", "new"} {
		if w, err := r.GetWorkload(deadline(t), id); err != nil || w.Status.State != api.Pending {
			t.Errorf("%s before the trial: %+v, %v", id, w.Status, err)
		}
	}
	if got := r.Stats().Pending; got != 2 {
		t.Errorf("%d are pending, want 2", got)
	}
	r.runner.OpenGate()
	wait(t, r, "new")
	awaitWaiting(t, r, "s1")
}

// A journal that can't be read or written keeps nothing from being started.
func TestJournalIsOptional(t *testing.T) {
	dir := died(t, 1, crash.Journal{})
	path := filepath.Join(dir, "running.json")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	awaitWaiting(t, openIn(t, dir), "s0")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
