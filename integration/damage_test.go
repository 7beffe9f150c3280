package integration

import (
	"database/sql"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// What a list has to leave out since its record is damaged on disk is told to who asked, by name.
func TestListsTellWhatIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	module := d.Push(t, examples.Sleeper)
	ids := d.SubmitMany(t, &reactorv1.WorkloadSpec{Module: module, Args: []string{"1", "1"}}, 3)
	for _, id := range ids {
		d.WaitFor(t, id)
	}
	d.Stop()
	damage(t, dir, "UPDATE workloads SET name = 'other' WHERE id = ?", ids[1])
	damage(t, dir, "UPDATE modules SET size = size + 1")

	d = testkit.Start(t, dir)
	list, err := d.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.GetWorkloads()) != 2 || !slices.Equal(list.GetUnreadableIds(), ids[1:2]) {
		t.Errorf("%d workloads are listed, and %q told to be left out; want 2, and %q", len(list.GetWorkloads()), list.GetUnreadableIds(), ids[1])
	}
	modules, err := d.Modules.ListModules(t.Context(), &reactorv1.ListModulesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if len(modules.GetModules()) != 0 || !slices.Equal(modules.GetUnreadableDigests(), []string{module}) {
		t.Errorf("modules are listed as %v", modules)
	}
	cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactorctl"), "--addr="+d.Address, "list")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), ids[1]) {
		t.Errorf("reactorctl list says %q, %v", out, err)
	}
}

// damage changes what is in the store of a daemon that does not run.
func damage(t *testing.T, dir, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "store", "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(statement, args...)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
