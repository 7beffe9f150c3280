package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
)

// The image that deploy/Dockerfile describes works, as far as that can be tried without a container: its binaries, in an
// empty root folder, as its user, with its environment. The daemon serves those within and grants nothing.
func TestImage(t *testing.T) {
	image := testkit.NewImage(t, shortDir(t), "../deploy/Dockerfile")
	if err := os.WriteFile(filepath.Join(image.Root, "tmp/guest.wasm"), examples.Sleeper, 0o644); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) *exec.Cmd { return image.Command(t.Context(), args[0], args[1:]...) }
	daemon := command("reactord")
	var log bytes.Buffer
	daemon.Stderr = &log
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	var failure error
	go func() { failure = daemon.Wait(); close(ended) }()
	defer func() {
		_ = daemon.Process.Kill()
		<-ended
	}()
	healthy := func() bool { return command("reactorctl", "health").Run() == nil }
	until(t, "the daemon is healthy", func() bool {
		select {
		case <-ended:
			t.Fatalf("the daemon ended with %v\n%s", failure, log.String())
		default:
		}
		return healthy()
	})
	if out, err := command("reactorctl", "run", "/tmp/guest.wasm", "1", "1").CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "slept well") {
		t.Errorf("a guest: %v\n%s", err, out)
	}
	if out, err := command("reactorctl", "run", "--dir", "/tmp:/", "/tmp/guest.wasm").CombinedOutput(); err == nil || !strings.Contains(string(out), "--allow-dir") {
		t.Errorf("a folder was granted: %v\n%s", err, out)
	}
	if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ended
	if failure != nil {
		t.Errorf("the daemon ended with %v\n%s", failure, log.String())
	}
	if healthy() {
		t.Error("the probe succeeds without a daemon")
	}
}

// What make builds says which commit it is, in the words of git.
func TestMadeVersion(t *testing.T) {
	shell := func(line string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
		cmd.Dir = ".."
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	if out, err := shell("make --version && git rev-parse HEAD"); err != nil {
		t.Skipf("there is no make, or this is no clone: %v\n%s", err, out)
	}
	described, err := shell("git describe --tags --always --dirty")
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := shell("make --no-print-directory --dry-run build")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	build := strings.Replace(recipe, " -o bin/ ", " -o "+dir+"/ ", 1)
	if build == recipe {
		t.Fatalf("make does not build into bin: %s", recipe)
	}
	if out, err := shell(build + " 2>&1"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"reactord", "reactorctl"} {
		if out, err := shell(filepath.Join(dir, name) + " --version"); err != nil || !strings.HasPrefix(out, name+" "+described+" (") {
			t.Errorf("%s --version says %q, %v; git says %s", name, out, err, described)
		}
	}
}

// The settings that packages install are valid, and have the socket that the unit opens.
func TestInstalledSettings(t *testing.T) {
	const file = "../deploy/reactord.yaml"
	cmd := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), "check-config", "--quiet", "--config", file)
	cmd.Env = environment(t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
	settings, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	unit, err := os.ReadFile("../deploy/reactord.socket")
	if err != nil {
		t.Fatal(err)
	}
	path := regexp.MustCompile(`(?m)^ListenStream=(\S+)$`).FindStringSubmatch(string(unit))
	if path == nil || !strings.Contains(string(settings), "listen: unix://"+path[1]+"\n") {
		t.Errorf("the unit opens %q, and the settings name another socket", path)
	}
}

// systemd understands the units.
func TestUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not there")
	}
	dir := t.TempDir()
	var paths []string
	for _, name := range []string{"reactord.service", "reactord.socket"} {
		text, err := os.ReadFile("../deploy/" + name)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("/usr/bin/reactord"), []byte(testkit.Binary(t, "reactord")))
		text = bytes.ReplaceAll(text, []byte("man:reactord(1) "), nil) // the page is not installed here
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, append([]string{"verify"}, paths...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// A backup of a running daemon's store passes the check, and a daemon that is given it knows what the first one knew.
func TestBackup(t *testing.T) {
	dir, backup := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	d := testkit.Start(t, dir)
	spec := sleeper(t, d.Client, time.Millisecond)
	ids := d.SubmitMany(t, spec, 100)
	for _, id := range ids {
		d.WaitFor(t, id)
	}
	unfinished := d.Submit(t, sleeper(t, d.Client, time.Hour))
	store := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), testkit.Binary(t, "reactord"), append([]string{"store"}, args...)...).CombinedOutput()
		return string(out), err
	}
	if out, err := store("backup", backup, "--data-dir="+dir); err != nil || !strings.HasPrefix(out, "101 workloads and 1 modules were copied") {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := store("backup", backup, "--data-dir="+dir); err == nil || !strings.Contains(out, backup+" has a store already") {
		t.Errorf("a second backup to the same folder: %v, %s", err, out)
	}
	if out, err := store("backup", backup+"2", "--data-dir="+backup+"3"); err == nil {
		t.Errorf("a backup of nothing: %s", out)
	}
	d.Kill()
	if out, err := store("check", "--data-dir="+backup); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	restored := testkit.Start(t, backup)
	for _, id := range ids {
		if restored.Status(t, id).GetState() != succeeded {
			t.Errorf("%s is %v", id, restored.Status(t, id))
		}
	}
	until(t, "what was unfinished waits again", func() bool { return restored.Status(t, unfinished).GetState() == waiting })
	restored.Cancel(t, unfinished)
	if restored.Run(t, spec).GetState() != succeeded {
		t.Error("the module does not run")
	}
	restored.Stop()
}

// Whoever stops the daemon waits for the grace period and for what hangs.
func TestStopTimes(t *testing.T) {
	const hangs = 45 * time.Second
	find := func(file, pattern, unit string) time.Duration {
		t.Helper()
		text, err := os.ReadFile("../deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		match := regexp.MustCompile(pattern).FindStringSubmatch(string(text))
		if match == nil {
			t.Fatalf("%s does not say %s", file, pattern)
		}
		d, err := time.ParseDuration(match[1] + unit)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tt := range []struct{ grace, wait time.Duration }{
		{find("reactord.yaml", `(?m)^grace-period: (\S+)$`, ""), find("reactord.service", `(?m)^TimeoutStopSec=(\S+)$`, "")},
	} {
		if tt.wait < tt.grace+hangs {
			t.Errorf("with a grace period of %v somebody waits %v, want at least %v", tt.grace, tt.wait, tt.grace+hangs)
		}
	}
}
