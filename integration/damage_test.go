package integration

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
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

// damageModule changes a byte of a module on the disk of a daemon that does not run.
func damageModule(t *testing.T, dir, digest string) {
	t.Helper()
	name := strings.TrimPrefix(digest, "sha256:")
	damaged := 0
	err := filepath.WalkDir(filepath.Join(dir, "store"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.Contains(e.Name(), name[2:]) {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 1
		damaged++
		return os.WriteFile(path, b, 0o600)
	})
	if err != nil || damaged != 1 {
		t.Fatalf("%d files of %s are damaged, %v", damaged, digest, err)
	}
}

// TestCtlDamagedModule: what was accepted before the damage was known waits, and says in plain words for what; what is
// submitted afterwards is refused at once; and a push helps both.
func TestCtlDamagedModule(t *testing.T) {
	for name, damageIt := range map[string]func(t *testing.T, dir, digest string){
		"bytes":  damageModule,
		"record": func(t *testing.T, dir, _ string) { damage(t, dir, "UPDATE modules SET size = size + 1") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := testkit.Start(t, dir)
			digest := newCtlOf(t, d).must(t, "module", "push", "--tag", "sleeper", sleeperModule)
			d.Stop()
			damageIt(t, dir, digest)
			c := newCtlOf(t, testkit.Start(t, dir))
			refusal := "reactorctl: module " + digest + " is damaged on disk: push it again\n" +
				"  push it with `reactorctl module push FILE`, or see `reactorctl module list`\n"

			var first *testkit.Terminal
			if name == "bytes" { // which nobody has read yet
				first = c.onTerminal(t, 200, 24, "run", "--id", "first", "sleeper", "1", "1")
				screen := first.Until("run tells what it waits for", func(screen string) bool { return strings.Contains(screen, "is damaged on disk") })
				if strings.Contains(screen, "corrupt") || strings.Contains(screen, "record of") {
					t.Errorf("it tells internals:\n%s", screen)
				}
			}
			for _, ref := range []string{"sleeper", digest} {
				for _, command := range []string{"run", "submit"} {
					if _, errs, status := c.run(t, "", command, ref, "1", "1"); status != 125 || errs != refusal {
						t.Errorf("%s %s: status %d\n%s", command, ref, status, errs)
					}
				}
			}
			if name == "bytes" {
				short := strings.TrimPrefix(digest, "sha256:")[:12]
				if list := c.must(t, "module", "list"); !strings.Contains(list, short+" (damaged)  sleeper") {
					t.Errorf("the list does not mark it:\n%s", list)
				}
				if about := c.must(t, "module", "inspect", digest); !strings.Contains(about, "damaged    on disk: push it again\n") {
					t.Errorf("inspect does not say it:\n%s", about)
				}
			}
			c.must(t, "run", sleeperModule, "1", "1") // which pushes it
			if list := c.must(t, "module", "list"); strings.Contains(list, "damaged") {
				t.Errorf("it has been pushed again:\n%s", list)
			}
			c.must(t, "run", "sleeper", "1", "1")
			if first != nil {
				if status, raw := first.Wait(); status != 0 {
					t.Errorf("the first one: status %d\n%s", status, raw)
				}
			}
		})
	}
}
