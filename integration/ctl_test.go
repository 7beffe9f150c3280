package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// ctl is reactorctl with a daemon to talk to.
type ctl struct {
	daemon *testkit.Daemon
	env    []string
}

// newCtl has a daemon of its own, which was given modules before.
func newCtl(t *testing.T, modules ...[]byte) ctl {
	t.Helper()
	return newCtlOf(t, testkit.Start(t, testkit.DataDir(t, modules...)))
}

func newCtlOf(t *testing.T, d *testkit.Daemon) ctl {
	t.Helper()
	return ctl{daemon: d, env: append(os.Environ(),
		"REACTORD_ADDR="+d.Address, "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "ctl.yaml"))}
}

func (c ctl) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(testkit.Binary(t, "reactorctl"), args...)
	cmd.Env = c.env
	return cmd
}

// run runs a command line to its end.
func (c ctl) run(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := c.command(t, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			t.Fatal(err)
		}
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// must runs a command line that has to succeed, and returns what it prints.
func (c ctl) must(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, status := c.run(t, "", args...)
	if status != 0 {
		t.Fatalf("reactorctl %q: status %d\n%s", args, status, errs)
	}
	return strings.TrimSuffix(out, "\n")
}

func TestCtlRunsGoPackage(t *testing.T) {
	c := newCtl(t)
	out, errs, status := c.run(t, "", "run", "--env", "A=1", "../examples/hello", "Ada", "Grace")
	if status != 0 || out != "Hello, Ada and Grace!\n" || !strings.Contains(errs, "with 1 environment variables") {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, errs)
	}
}

func TestCtlExitStatus(t *testing.T) {
	c := newCtl(t, tool(t))
	file, component := toolFile(t), filepath.Join(t.TempDir(), "component.wasm")
	if err := os.WriteFile(component, []byte("\x00asm\x0d\x00\x01\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		args   []string
		status int
		stderr string
	}{
		{"success", []string{file, "hello"}, 0, ""},
		{"the guest's code", []string{file, "exit", "7"}, 7, "exit 7"},
		{"a deadline", []string{"--timeout", "200ms", file, "sleep", "1h"}, 124, "deadline"},
		{"a trap", []string{"testdata/wat/trap.wasm"}, 134, "trap"},
		{"no fuel", []string{"--fuel", "1000000", "../examples/c-hog/hog.wasm"}, 134, "out of fuel"},
		{"no such module", []string{"no-such-tag"}, 125, "reactorctl module push"},
		{"a component that exports nothing", []string{component}, 125, "it exports neither wasi:cli/run, as a program does, nor a function to call"},
		{"no such folder", []string{"--dir", "/no/such/folder:/x", file}, 125, "/no/such/folder"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, errs, status := c.run(t, "", append([]string{"run"}, test.args...)...)
			if status != test.status || !strings.Contains(errs, test.stderr) {
				t.Errorf("status %d, want %d; stderr %q, want %q", status, test.status, errs, test.stderr)
			}
		})
	}
}

func TestCtlInterruptCancels(t *testing.T) {
	c := newCtl(t)
	cmd := c.command(t, "run", "--id", "sleeper", "../examples/c-sleeper/sleeper.wasm", "1", "1000000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the sleeper waits", func() bool {
		w, err := c.daemon.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: "sleeper"})
		return err == nil && w.GetWorkload().GetStatus().GetState() == waiting
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the status tells
	if status := cmd.ProcessState.ExitCode(); status != 130 {
		t.Errorf("status %d", status)
	}
	if s := c.daemon.WaitFor(t, "sleeper"); s.GetState() != cancelled {
		t.Errorf("%v", s)
	}
}

// TestCtlDay goes through a day's commands, each of which sees what those before it did.
func TestCtlDay(t *testing.T) {
	t.Parallel()
	c := newCtl(t, tool(t))
	file := toolFile(t)
	digest := c.must(t, "module", "push", file, "--tag", "team/tool:v1")
	if want := testkit.Digest(tool(t)); digest != want {
		t.Fatalf("pushed %q, want %q", digest, want)
	}
	contains := func(text string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in\n%s", want, text)
			}
		}
	}
	short := strings.TrimPrefix(digest, "sha256:")[:12]
	contains(c.must(t, "module", "list"), short, "tool", "team/tool:v1")
	contains(c.must(t, "module", "list", "-o", "wide"), digest, "wasi command")
	contains(c.must(t, "module", "inspect", "team/tool:v1"), "wasi_snapshot_preview1.poll_oneoff", "_start")
	contains(c.must(t, "module", "tag", digest, "stable"), "stable is module "+short)

	if id := c.must(t, "submit", "--id", "nap", "--label", "app=nap", "team/tool:v1", "sleep", "1h"); id != "nap" {
		t.Errorf("submitted %q", id)
	}
	_, errs, status := c.run(t, "", "submit", "--id", "nap", "--label", "app=nap", "team/tool:v1", "sleep", "1h")
	if status != 0 || !strings.Contains(errs, "exists already") {
		t.Errorf("the same again: status %d, %s", status, errs)
	}
	if _, errs, status = c.run(t, "", "submit", "--id", "nap", "stable", "sleep", "2h"); status != 125 {
		t.Errorf("another spec under the id: status %d, %s", status, errs)
	}
	until(t, "the nap waits", func() bool { return c.daemon.Status(t, "nap").GetState() == waiting })
	// A Go program wakes up now and then for what its runtime does in the background.
	eventually := func(wants []string, args ...string) {
		t.Helper()
		until(t, fmt.Sprintf("reactorctl %q prints %q", args, wants), func() bool {
			text := c.must(t, args...)
			return !slices.ContainsFunc(wants, func(want string) bool { return !strings.Contains(text, want) })
		})
	}
	eventually([]string{"nap", "waiting", "app=nap", "timer"}, "list", "-o", "wide", "--state", "waiting", "-l", "app=nap")
	eventually([]string{"KIND", "timer"}, "ops", "nap")
	eventually([]string{"nap", "timer"}, "ops", "-l", "app in (nap, web)")
	if out := c.must(t, "ops", "-l", "app!=nap", "-o", "name"); out != "" {
		t.Errorf("ops of others: %s", out)
	}
	c.must(t, "submit", "--count", "3", "--label", "app=naps", "stable", "sleep", "1h")
	eventually([]string{"stable-", "timer"}, "ops", "--label", "app=naps")
	until(t, "one of three is listed", func() bool {
		out, errs, status := c.run(t, "", "ops", "-l", "app=naps", "--limit", "2")
		return status == 0 && strings.Count(out, "timer") == 2 && errs == "there are more; --limit 0 lists all\n"
	})
	if _, errs, status := c.run(t, "", "ops", "-l", "=="); status != 125 || !strings.HasPrefix(errs, "reactorctl: --label: ") {
		t.Errorf("a faulty selector: status %d, %s", status, errs)
	}
	if _, errs, status := c.run(t, "", "ops", "-l", "app", "nap"); status != 125 || !strings.Contains(errs, "give either an id or --label") {
		t.Errorf("an id and a selector: status %d, %s", status, errs)
	}
	c.must(t, "cancel", "--label", "app=naps")
	eventually([]string{"waiting", strings.TrimPrefix(digest, "sha256:"), "app=nap"}, "status", "nap")
	eventually([]string{"1 waiting"}, "status")
	contains(c.must(t, "node"), "serving", "workers", "guest memory limit")
	contains(c.must(t, "version"), "reactorctl", "reactord")
	if _, errs, status := c.run(t, "", "module", "rm", digest); status != 125 || !strings.Contains(errs, "list --module "+digest) {
		t.Errorf("removing a module in use: status %d, %s", status, errs)
	}
	contains(c.must(t, "cancel", "--label", "app=nap"), "nap cancelled")
	if _, _, status := c.run(t, "", "wait", "nap"); status != 130 {
		t.Errorf("waiting for a cancelled workload: status %d", status)
	}

	var w reactorv1.Workload
	c.must(t, "submit", "--id", "hi", "--wait", "stable", "hello", "x")
	if err := protojson.Unmarshal([]byte(c.must(t, "status", "hi", "-o", "json")), &w); err != nil || w.GetStatus().GetState() != succeeded {
		t.Errorf("%v, %v", err, &w)
	}
	contains(c.must(t, "logs", "hi", "--tail", "3"), `args ["x"]`)
	contains(c.must(t, "status", "hi", "-o", "yaml"), "state: WORKLOAD_STATE_SUCCEEDED")
	contains(c.must(t, "run", "--count", "20", "--label", "app=many", "stable", "hello"), "20 succeeded")
	if lines := strings.Split(c.must(t, "list", "-l", "app=many", "--limit", "0"), "\n"); len(lines) != 21 {
		t.Errorf("%d lines for 20 workloads", len(lines))
	}
	contains(c.must(t, "module", "rm", digest), "removed")
	if text := c.must(t, "module", "list"); strings.Contains(text, short) {
		t.Errorf("still there:\n%s", text)
	}
	eventually([]string{"draining: 0"}, "drain")
	if _, errs, status := c.run(t, "", "run", file); status != 125 || !strings.Contains(errs, "drain --undo") {
		t.Errorf("submitting to a drained daemon: status %d, %s", status, errs)
	}
	c.must(t, "drain", "--undo")
	contains(c.must(t, "run", file, "hello"), "args")
}

func TestCtlInteractive(t *testing.T) {
	c := newCtl(t)
	out, errs, status := c.run(t, "one\ntwo\n", "run", "-i", "../examples/rust-upper/upper.wasm")
	if status != 0 || out != "ONE\nTWO\n" {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, errs)
	}
	if out, errs, status = c.run(t, "abc", "run", "--stdin", "-", "../examples/rust-upper/upper.wasm"); status != 0 || out != "ABC\n" {
		t.Errorf("submitted input: status %d, stdout %q, stderr %q", status, out, errs)
	}
}

func TestCtlGrantsFolder(t *testing.T) {
	c := newCtl(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f.txt"), []byte("a b\nc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := c.must(t, "run", "--dir", dir+":/data:ro", "../examples/c-wordcount/wordcount.wasm", "/data/f.txt")
	if strings.Join(strings.Fields(out), " ") != "2 3 6 /data/f.txt" {
		t.Errorf("%q", out)
	}
	if _, errs, status := c.run(t, "", "run", "--dir", dir+":/data:ro", "../examples/c-wordcount/wordcount.wasm", "/etc/passwd"); status != 1 {
		t.Errorf("beyond the folder: status %d, %s", status, errs)
	}
}

func TestCtlInvoke(t *testing.T) {
	c := newCtl(t)
	if out := c.must(t, "run", "--invoke", "add", "testdata/wat/adder.wasm", "40", "2"); out != "1042" {
		t.Errorf("run printed %q", out)
	}
	id := c.must(t, "submit", "--invoke", "add", "testdata/wat/adder.wasm", "--", "40", "2")
	if out := c.must(t, "wait", id); !strings.Contains(out, "1042") {
		t.Errorf("wait printed %q", out)
	}
}
