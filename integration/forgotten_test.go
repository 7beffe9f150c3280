package integration

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// A daemon that is killed before it has stored a start starts the same attempt again. Its output is another one, however
// much of the first a client has seen, and it gets the whole input.
func TestStartForgotten(t *testing.T) {
	r := newRestarted(t, testkit.DataDir(t, tool(t)), "--max-live=1")
	dir := t.TempDir()
	for name, content := range map[string]string{"input": "a\nb\n", "tool.wasm": string(tool(t))} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	input, err := os.Open(filepath.Join(dir, "input"))
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()

	// It is submitted while another one runs, and a drain keeps it from starting until the store takes nothing.
	other := r.daemon.Submit(t, &reactorv1.WorkloadSpec{Module: r.daemon.Push(t, examples.Sleeper), Args: []string{"1", "1000000000"}})
	until(t, "the other one waits", func() bool { return r.daemon.Status(t, other).GetState() == waiting })
	run := r.follow(t, input, "run", "-i", "--dir", dir+":/d", "--id", "again", filepath.Join(dir, "tool.wasm"), "await", "/d/go on")
	until(t, "it is submitted", func() bool {
		_, err := r.daemon.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: "again"})
		return err == nil
	})
	logs := r.follow(t, nil, "logs", "-f", "again")
	drain := func(undo bool) {
		t.Helper()
		if _, err := r.daemon.Node.Drain(t.Context(), &reactorv1.DrainRequest{Undo: undo}); err != nil {
			t.Fatal(err)
		}
	}
	drain(false)
	r.daemon.Cancel(t, other)
	r.daemon.WaitFor(t, other)
	unlock := lockStore(t, r.dir)
	drain(true)
	const first = "A\nB\n"
	until(t, "both have got output", func() bool { return run.out.String() == first && logs.out.String() == first })
	r.daemon.Kill()
	unlock()
	if err := os.WriteFile(filepath.Join(dir, "go on"), nil, 0o600); err != nil {
		t.Fatal(err)
	}

	r.start(t)
	if status, out := run.ended(), run.out.String(); status != 0 || out != first+first+"bye\n" {
		t.Errorf("run: status %d, stdout %q", status, out)
	}
	if status, out := logs.ended(), logs.out.String(); status != 0 || out != first+first+"bye\n" {
		t.Errorf("logs: status %d, stdout %q", status, out)
	}
	for f, want := range map[*follower]string{run: "attempt 1 of again was started again", logs: "--- attempt 1, started again ---"} {
		if errs := f.errs.String(); strings.Count(errs, want) != 1 {
			t.Errorf("it does not say %q once: %s", want, errs)
		}
	}
	if s := r.daemon.Status(t, "again"); s.GetAttempts() != 1 {
		t.Errorf("the start was not forgotten: %v", s)
	}
}

// lockStore keeps a daemon from writing to its store until unlock is called: what it does then is only in its memory.
func lockStore(t *testing.T, dir string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "store", "store.db")+"?_txlock=immediate&_pragma=busy_timeout(60000)")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(errors.Join(err, db.Close()))
	}
	return func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Error(err)
		}
	}
}
