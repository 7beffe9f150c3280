package integration

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Five guests in a row pass on every byte in order.
func TestChainOfFive(t *testing.T) {
	c := newCtl(t, tool(t))
	size := int64(100 << 20)
	if testing.Short() {
		size = 8 << 20
	}
	input, err := os.Create(filepath.Join(t.TempDir(), "input"))
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	want, got := sha256.New(), sha256.New()
	if _, err := io.Copy(io.MultiWriter(input, want), io.LimitReader(rand.NewChaCha8([32]byte{1}), size)); err != nil {
		t.Fatal(err)
	}
	if _, err := input.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"run", "-i", "-l", "case=five"}
	for range 4 {
		arguments = append(arguments, "--pipe-to", toolFile(t)+" cat")
	}
	cmd := c.command(t, append(arguments, toolFile(t), "cat")...)
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, got, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, &errs)
	}
	if !bytes.Equal(want.Sum(nil), got.Sum(nil)) {
		t.Error("what came out is not what went in")
	}
	if ended := c.must(t, "list", "-l", "case=five", "--state", "succeeded", "-o", "json"); strings.Count(ended, "WORKLOAD_STATE_SUCCEEDED") != 5 {
		t.Errorf("not all five have succeeded: %s", ended)
	}
}

// The exit status is that of the last that did not succeed, and all of them may write to standard error.
func TestChainStatus(t *testing.T) {
	c := newCtl(t, tool(t))
	file := toolFile(t)
	for _, tt := range []struct {
		name    string
		args    []string
		stdout  string
		stderr  []string
		status  int
		silence bool
	}{
		{"all succeed", []string{"--pipe-to", file + " upper", file, "hello", "x"}, "ARGS [\"X\"]\nENV []\nbye\n", []string{"done\n"}, 0, false},
		{"the first fails", []string{"--pipe-to", file + " upper", file, "exit", "3"}, "bye\n", []string{"stage 1 of 2, workload ", "exited with code 3"}, 3, false},
		{"two fail", []string{"--pipe-to", file + " exit 4", "--pipe-to", file + " upper", file, "exit", "3"}, "bye\n", []string{"stage 1 of 3", "stage 2 of 3"}, 4, false},
		{"the first traps", []string{"--fuel", "100_000_000", "--pipe-to", file + " cat", file, "lines", "1000000000"}, "", []string{"stage 1 of 2", "used up its fuel", "stage 2 of 2", "broke: workload "}, 1, true},
		{"the reader ends early", []string{"--pipe-to", file + " exit 0", file, "lines", "100000"}, "", []string{"stage 1 of 2", "its pipe with workload ", "has ended"}, 1, false},
		{"the reader ends early, and the writer does not look", []string{"--pipe-to", file + " exit 0", file, "yes"}, "", []string{"stage 1 of 2", "its pipe with workload ", "has ended"}, 141, false},
		{"words", []string{"--pipe-to", file + ` hello 'a b' "c"`, file, "exit", "0"}, "args [\"a b\" \"c\"]\nenv []\n", []string{"done\n"}, 0, false},
	} {
		stdout, stderr, status := c.run(t, "", append([]string{"run"}, tt.args...)...)
		if !tt.silence && stdout != tt.stdout || status != tt.status {
			t.Errorf("%s: status %d, want %d, stdout %q, want %q", tt.name, status, tt.status, stdout, tt.stdout)
		}
		for _, words := range tt.stderr {
			if !strings.Contains(stderr, words) {
				t.Errorf("%s: stderr %q does not say %q", tt.name, stderr, words)
			}
		}
	}
}

// A stage has its own grants, not those of the first.
func TestChainGrants(t *testing.T) {
	c := newCtl(t, tool(t))
	file, dir := toolFile(t), t.TempDir()
	_, stderr, status := c.run(t, "", "run", "--dir", dir+":/d", "--pipe-to", file+" write /d/x y", file, "exit", "0")
	if status == 0 {
		t.Errorf("the second has the grants of the first: %s", stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("the file was written")
	}
	if out := c.must(t, "run", "--pipe-to", fmt.Sprintf("--dir %s:/d %s write /d/x y", dir, file), file, "exit", "0"); out != "y" {
		t.Errorf("%q", out)
	}
}

// A guest that writes waits for one that does not read, and no more than a pipe is in memory.
func TestChainBackpressure(t *testing.T) {
	c := newCtl(t, tool(t))
	if out := c.must(t, "submit", "-q", "--id", "slow", "--pipe-to", toolFile(t)+" sleep 1h", toolFile(t), "lines", "1000000"); out != "slow-0\nslow-1" {
		t.Errorf("%q", out)
	}
	var op *reactorv1.Op
	until(t, "the first waits for the second", func() bool {
		for _, op = range c.daemon.Status(t, "slow-0").GetWaitingFor() {
			if op.GetTarget() == "workload slow-1" && op.GetTransferred() > 0 {
				return true
			}
		}
		return false
	})
	if op.GetKind() != reactorv1.OpKind_OP_KIND_WRITE || op.GetTransferred() > 64<<10 {
		t.Errorf("%v", op)
	}
	c.must(t, "cancel", "slow-1")
	if w := c.daemon.WaitFor(t, "slow-0"); !strings.Contains(w.GetMessage(), "its pipe with workload slow-1 broke: workload slow-1 did not end by itself") {
		t.Errorf("%v", w)
	}
}

// A chain of which a part is refused is not submitted.
func TestChainRefused(t *testing.T) {
	c := newCtl(t, tool(t))
	for _, command := range []string{"run", "submit"} {
		_, stderr, status := c.run(t, "", command, "-l", "case=refused", "--pipe-to", "unknown:tag", toolFile(t), "sleep", "1h")
		if status != 125 || !strings.Contains(stderr, "unknown:tag") {
			t.Errorf("%s: status %d: %s", command, status, stderr)
		}
		if left := c.unfinished(t, "case=refused"); len(left) > 0 {
			t.Errorf("%s: left %q", command, left)
		}
	}
}

// The daemon is killed amid a chain: all of it starts anew, and the output is complete.
func TestChainOverKill(t *testing.T) {
	t.Parallel()
	r := newRestarted(t, testkit.DataDir(t, tool(t)))
	file := toolFile(t)
	f := r.follow(t, nil, "run", "-l", "case=killed", "--pipe-to", file+" upper", "--pipe-to", file+" cat", file, "ticks", "100", "0")
	until(t, "output has come", func() bool { return strings.Contains(f.out.String(), "TICK 5") })
	r.daemon.Insist(syscall.SIGKILL)
	r.start(t)
	status := f.ended()
	whole := ""
	for i := range 100 {
		whole += fmt.Sprintf("TICK %d\n", i)
	}
	if out := f.out.String(); status != 0 || !strings.HasSuffix(out, whole+"bye\n") {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, f.errs.String())
	}
	if left := r.unfinished(t, "case=killed"); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// A chain is told by a label, and commands that get its id say so.
func TestChainLabel(t *testing.T) {
	c := newCtl(t, tool(t))
	file := toolFile(t)
	if out, want := c.must(t, "run", "-d", "--id", "five", "--pipe-to", file+" cat", "--pipe-to", file+" cat", file, "sleep", "1h"), "five-0 ... five-2: 3 workloads with the label chain=five"; out != want {
		t.Errorf("%q, want %q", out, want)
	}
	if got := column(c.must(t, "list", "--order", "oldest", "-l", "chain=five")); !slices.Equal(got, []string{"five-0", "five-1", "five-2"}) {
		t.Errorf("the label selects %q", got)
	}
	for _, want := range []string{"stdin +reads from workload five-0", "stdout +writes to workload five-2"} {
		if text := c.must(t, "status", "five-1"); !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("status does not say %q:\n%s", want, text)
		}
	}
	for command, advice := range map[string]string{
		"status five": "reactorctl list --label chain=five", "logs five": "reactorctl logs --label chain=five", "wait five": "reactorctl wait --label chain=five",
		"cancel five": "reactorctl cancel --label chain=five", "rm five": "reactorctl rm --label chain=five", "rm five other": "reactorctl rm --label chain=five",
	} {
		_, stderr, status := c.run(t, "", strings.Fields(command)...)
		if status != 125 || !strings.Contains(stderr, `there is no workload "five"`) || !strings.Contains(stderr, "five is a chain; all of its workloads: `"+advice+"`") {
			t.Errorf("%s: status %d: %s", command, status, stderr)
		}
	}
	if _, stderr, _ := c.run(t, "", "status", "six"); strings.Contains(stderr, "chain") {
		t.Errorf("what is no chain: %s", stderr)
	}
	c.must(t, "cancel", "-l", "chain=five")
	for i := range 3 {
		c.daemon.WaitFor(t, fmt.Sprintf("five-%d", i))
	}
	c.must(t, "logs", "-l", "chain=five")
	c.must(t, "rm", "-l", "chain=five")

	// A label of the same name that was given stays as it is, and an id that is no label is refused.
	c.must(t, "run", "-d", "--id", "own", "-l", "chain=mine", "--pipe-to", file+" cat", file, "exit", "0")
	if got := column(c.must(t, "list", "--order", "oldest", "-l", "chain=mine")); !slices.Equal(got, []string{"own-0", "own-1"}) {
		t.Errorf("the label selects %q", got)
	}
	if _, stderr, status := c.run(t, "", "submit", "--id", strings.Repeat("x", 64), "--pipe-to", file+" cat", file); status != 125 || !strings.Contains(stderr, "63 bytes") {
		t.Errorf("status %d: %s", status, stderr)
	}
}
