package reactor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
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
	looked := make(chan struct{})
	trial := make(chan []string, 1)
	r := openIn(t, dir, func(c *Config) {
		c.Hooks.OnLoaded = func(e hooks.Event) { // which holds up whatever is to be started
			<-looked
			if e.ID == "s2" {
				j, _ := crash.NewFile(dir).Read()
				trial <- j.Trial
			}
		}
	})
	w, err := r.GetWorkload(deadline(t), "s2")
	close(looked)
	if err != nil || w.Status.Delay == nil || w.Status.Delay.Reason.String() != "DAEMON_DIED" {
		t.Errorf("the last one: %+v, %v", w, err)
	}
	awaitWaiting(t, r, "s0")
	awaitWaiting(t, r, "s1")
	if j, died := crash.NewFile(dir).Read(); !died || j.Deaths != 1 {
		t.Errorf("the journal: %+v, %v", j, died)
	}
	if w := awaitWaiting(t, r, "s2"); w.Status.Delay != nil {
		t.Errorf("on trial: %+v", w.Status)
	}
	if got := <-trial; !slices.Equal(got, []string{"s2"}) {
		t.Errorf("in the journal %q are on trial", got)
	}
	shutdown(t, r)
	if _, died := crash.NewFile(dir).Read(); died {
		t.Error("an end in order counts as a death")
	}
}

// While the one suspect is tried alone for the second time, nothing else is started; what a client
// does with it meanwhile works.
func TestGate(t *testing.T) {
	const trials = 10 * time.Second // of this plan: then the gate opens by itself
	dir := died(t, 2, crash.Journal{Deaths: 1, Trial: []string{"s0"}})
	begin := time.Now()
	r := openIn(t, dir)
	submit(t, r, "new", api.Spec{Module: "hello"})
	if answer, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"s0"}}); err != nil || !answer.Results[0].Cancelled {
		t.Errorf("cancel: %+v, %v", answer.Results, err)
	}
	var states []api.State
	for _, id := range []string{"s1", "new"} {
		w, err := r.GetWorkload(deadline(t), id)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, w.Status.State)
	}
	started := slices.ContainsFunc(states, func(s api.State) bool { return s != api.Pending })
	if took := time.Since(begin); started && took < trials {
		t.Errorf("after %v, before the trial is over, the others are %v", took, states)
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
	awaitWaiting(t, openIn(t, dir), "s0")
}
