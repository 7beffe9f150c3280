package integration

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// A restore that is killed leaves no store that looks whole: a daemon does not start beside its remains, and the next restore
// begins anew.
func TestKilledRestore(t *testing.T) {
	dir, backup, data := t.TempDir(), filepath.Join(t.TempDir(), "backup"), t.TempDir()
	d := testkit.Start(t, dir)
	digest := newCtlOf(t, d).must(t, "module", "push", "--tag", "hello", "../reactor/testdata/hello.wasm")
	d.Stop()
	if out, status := storeCommand(t, "backup", backup, "--data-dir", dir); status != 0 {
		t.Fatalf("status %d\n%s", status, out)
	}
	// Reading the module lasts until somebody writes to it.
	module := filepath.Join(backup, "store", "modules", "blobs", strings.TrimPrefix(digest, "sha256:"))
	if err := os.Rename(module, module+".away"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(module, 0o600); err != nil {
		t.Fatal(err)
	}
	restore := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), "store", "restore", backup, "--data-dir", data)
	if err := restore.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the restore has come to the modules", func() bool {
		_, err := os.Stat(filepath.Join(data, "store.partial", "modules", "blobs"))
		return err == nil
	})
	if out, status := storeCommand(t, "restore", backup, "--data-dir", data); status != 1 || !strings.Contains(out, "another process is copying a store to "+data) {
		t.Errorf("a second one beside it: status %d\n%s", status, out)
	}
	checkNoStore(t, data)
	if err := restore.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = restore.Wait() // it was killed
	checkNoStore(t, data)

	if err := os.Rename(module+".away", module); err != nil {
		t.Fatal(err)
	}
	if out, status := storeCommand(t, "restore", backup, "--data-dir", data); status != 0 || !strings.HasPrefix(out, "0 workloads and 1 modules were copied") {
		t.Fatalf("the next one: status %d\n%s", status, out)
	}
	if _, err := os.Stat(filepath.Join(data, "store.partial")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the remains: %v", err)
	}
	if out := newCtlOf(t, testkit.Start(t, data)).must(t, "run", "hello"); out != "hello" {
		t.Errorf("the guest prints %q", out)
	}
}

// checkNoStore checks that there is no store in a data folder with a copy that is not complete, and that a daemon makes none.
func checkNoStore(t *testing.T, data string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), "--data-dir", data, "--listen", "unix:"+filepath.Join(t.TempDir(), "s"))
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "a restore is not complete") {
		t.Errorf("a daemon: %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(data, "store")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the store: %v", err)
	}
}
