package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// storeCommand runs `reactord store` and returns its output and exit status.
func storeCommand(t *testing.T, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), append([]string{"store"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// The bytes of modules are a part of the store: check, salvage and backup name those that are missing or damaged, with what
// needs them, and the rest of a store can be copied all the same. A push repairs them.
func TestStoreNamesFaultyModules(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	c := newCtlOf(t, d)
	push := func(tag, file string) (digest, path string) {
		digest = c.must(t, "module", "push", "--tag", tag, file)
		return digest, filepath.Join(dir, "store", "modules", "blobs", strings.TrimPrefix(digest, "sha256:"))
	}
	damaged, _ := push("old", "../examples/c-hog/hog.wasm")
	missing, path := push("sleeper", sleeperModule)
	push("sound", "../reactor/testdata/hello.wasm")
	c.must(t, "submit", "--id", "w", "--count", "5", "sleeper", "1", "3600000")
	d.Stop()
	if out, status := storeCommand(t, "check", "--data-dir", dir); status != 0 || !strings.Contains(out, "5 workloads and 3 modules are readable, 0 records are damaged") {
		t.Fatalf("a sound store: status %d\n%s", status, out)
	}
	damageModule(t, dir, damaged)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}

	named := []string{
		"module " + damaged + " (old) is damaged on disk\n",
		"module " + missing + " (sleeper) is missing on disk; unfinished workloads need it: w-0, w-1, w-2 and 2 more\n",
		"2 modules are missing or damaged on disk: start the daemon and push what is needed again, with `reactorctl module push FILE`",
	}
	backup := filepath.Join(t.TempDir(), "backup")
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		want   []string
	}{
		{"check", []string{"check", "--data-dir", dir}, 1, append(named, "5 workloads and 1 modules are readable")},
		{"salvage", []string{"salvage", "--data-dir", dir}, 1, []string{"the database of the store in " + dir + " is not damaged", "2 of its modules are missing or damaged"}},
		{"backup", []string{"backup", backup, "--data-dir", dir}, 1, append(named, "5 workloads and 1 modules were copied to ")},
		{"check of the backup", []string{"check", "--data-dir", backup}, 1, []string{damaged + " (old) is missing", missing + " (sleeper) is missing", "5 workloads and 1 modules"}},
	} {
		out, status := storeCommand(t, tt.args...)
		if status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, status, tt.status)
		}
		checkText(t, out, tt.want)
		if strings.Contains(out, "deleted meanwhile") {
			t.Errorf("%s: nothing was deleted:\n%s", tt.name, out)
		}
	}

	restored := testkit.Start(t, backup)
	c = newCtlOf(t, restored)
	c.must(t, "run", "sound")
	c.must(t, "module", "push", sleeperModule)
	c.must(t, "module", "rm", damaged)
	restored.Stop()
	if out, status := storeCommand(t, "check", "--data-dir", backup); status != 0 {
		t.Errorf("after the repair: status %d\n%s", status, out)
	}
}

// A backup that fails leaves nothing behind, and says what to do.
func TestBackupOfADamagedDatabase(t *testing.T) {
	dir := t.TempDir()
	testkit.Start(t, dir).Stop()
	if err := os.WriteFile(filepath.Join(dir, "store", "store.db"), []byte(strings.Repeat("garbage ", 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	out, status := storeCommand(t, "backup", backup, "--data-dir", dir)
	if status != 1 || !strings.Contains(out, "reactord store salvage") {
		t.Errorf("status %d\n%s", status, out)
	}
	if _, err := os.Stat(backup); err == nil {
		t.Error("a folder is left")
	}
}

// A restore puts the store of a backup in its place, and never over another.
func TestRestore(t *testing.T) {
	dir, backup := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	d := testkit.Start(t, dir)
	newCtlOf(t, d).must(t, "module", "push", "--tag", "hello", "../reactor/testdata/hello.wasm")
	d.Stop()
	if out, status := storeCommand(t, "backup", backup, "--data-dir", dir); status != 0 {
		t.Fatalf("status %d\n%s", status, out)
	}
	if out, status := storeCommand(t, "restore", backup, "--data-dir", dir); status != 1 || !strings.Contains(out, "move it away first") {
		t.Errorf("over another store: status %d\n%s", status, out)
	}
	if out, status := storeCommand(t, "restore", dir+"/none", "--data-dir", t.TempDir()); status != 1 || !strings.Contains(out, "there is no backup in ") {
		t.Errorf("of nothing: status %d\n%s", status, out)
	}
	for _, from := range []string{backup, filepath.Join(backup, "store")} {
		restored := filepath.Join(t.TempDir(), "data")
		if out, status := storeCommand(t, "restore", from, "--data-dir", restored); status != 0 || !strings.HasPrefix(out, "0 workloads and 1 modules were copied to "+filepath.Join(restored, "store")) {
			t.Errorf("status %d\n%s", status, out)
		}
		d := testkit.Start(t, restored)
		if out := newCtlOf(t, d).must(t, "run", "hello"); out != "hello" {
			t.Errorf("the guest prints %q", out)
		}
		d.Stop()
	}
}
