package integration

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// unfinished returns the ids of the workloads with a label that have not ended.
func (c ctl) unfinished(t *testing.T, label string) (ids []string) {
	t.Helper()
	filter := &reactorv1.WorkloadFilter{LabelSelector: label, States: []reactorv1.WorkloadState{pending, running, waiting}}
	response, err := c.daemon.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{Filter: filter})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range response.GetWorkloads() {
		ids = append(ids, w.GetId())
	}
	return ids
}

// A signal at any instant of the life of a run, the building, pushing and submitting included, leaves no workload, and
// no file of a build.
func TestRunInterruptedAnywhere(t *testing.T) {
	t.Parallel() // it waits most of the time
	c := newCtl(t)
	temp := t.TempDir()
	c.env = append(c.env, "TMPDIR="+temp)
	dir := t.TempDir()
	guest := filepath.Join(dir, "guest")
	if err := os.Mkdir(guest, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(guest, "go.mod"), []byte("module guest\n\ngo 1.24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	module := filepath.Join(dir, "sleeper.wasm")
	sleeper, err := os.ReadFile("../examples/c-sleeper/sleeper.wasm")
	if err != nil {
		t.Fatal(err)
	}
	signals := endings()
	tries := 60
	if testing.Short() {
		tries = 10
	}
	longest := 400 * time.Millisecond
	for i := range tries {
		// Each module is new, so that each is pushed and compiled: a section that says nothing is added.
		arguments := []string{"run", "-l", "case=anywhere", "--count", fmt.Sprint(1 + 2000*(i%2)), module, "1", "1000000000"}
		text := fmt.Sprintf("try %d", i)
		custom := append([]byte{0, byte(len(text) + 1), 0}, text...)
		if err := os.WriteFile(module, append(slices.Clone(sleeper), custom...), 0o600); err != nil {
			t.Fatal(err)
		}
		if i%5 == 0 { // a package that has to be built
			source := fmt.Sprintf("package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(%d * time.Hour) }\n", i+1)
			if err := os.WriteFile(filepath.Join(guest, "main.go"), []byte(source), 0o600); err != nil {
				t.Fatal(err)
			}
			arguments = []string{"run", "-l", "case=anywhere", guest}
		}
		if i%5 == 1 { // a chain
			sleeps := module + " 1 1000000000"
			arguments = []string{"run", "-l", "case=anywhere", "--pipe-to", sleeps, "--pipe-to", sleeps, module, "1", "1000000000"}
		}
		cmd := c.command(t, arguments...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(longest)) // the instant is what is tried
		signal := signals[i%len(signals)]
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the status tells
		status := shellStatus(cmd)
		if want := 128 + int(signal); status != want {
			t.Errorf("try %d: %v: status %d, want %d: %s", i, signal, status, want, &errs)
		}
		if left := c.unfinished(t, "case=anywhere"); len(left) > 0 {
			t.Errorf("try %d: %v left %d workloads, such as %q: %s", i, signal, len(left), left[0], &errs)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left in the folder for temporary files: %v, %v", left, err)
	}
}

// endings are the signals that ask a command to end. A hangup is none under nohup(1), nor is an interrupt in a script's
// background, which the commands inherit.
func endings() []syscall.Signal {
	return slices.DeleteFunc([]syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP},
		func(s syscall.Signal) bool { return signal.Ignored(s) })
}

// leaveUnread reads a little of what a command writes to a pipe, as head(1) does, and closes the pipe.
func leaveUnread(t *testing.T, read, write *os.File) {
	t.Helper()
	if err := write.Close(); err != nil { // this process's own end
		t.Fatal(err)
	}
	if _, err := read.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
}

// Nobody reads the output any more, or it finds no room: the workload is cancelled.
func TestRunUnread(t *testing.T) {
	c := newCtl(t, tool(t))
	file := toolFile(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for name, test := range map[string]struct {
		out    *os.File
		status int
		stderr string
	}{
		"a closed pipe": {write, 141, ""},
		"a full disk":   {full, 125, "no space left"},
	} {
		cmd := c.command(t, "run", "-l", "case=unread", file, "lines", "1000000000")
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = test.out, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if test.out == write {
			leaveUnread(t, read, write)
		}
		_ = cmd.Wait() // the status tells
		if status := cmd.ProcessState.ExitCode(); status != test.status || !strings.Contains(errs.String(), test.stderr) || test.stderr == "" && errs.Len() > 0 {
			t.Errorf("%s: status %d, want %d: %q", name, status, test.status, errs.String())
		}
		if left := c.unfinished(t, "case=unread"); len(left) > 0 {
			t.Errorf("%s: left %q", name, left)
		}
	}
}

// A pipe that is full blocks reactorctl in a write; an interrupt ends it nevertheless.
func TestRunInterruptedInWrite(t *testing.T) {
	c := newCtl(t, tool(t))
	file := toolFile(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := c.command(t, "run", "-l", "case=blocked", file, "lines", "1000000000")
	cmd.Stdout = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(read, make([]byte, 1000)); err != nil { // it writes; from here on nobody reads
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the status tells
	if status := cmd.ProcessState.ExitCode(); status != 130 {
		t.Errorf("status %d", status)
	}
	if left := c.unfinished(t, "case=blocked"); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// Ctrl-\ ends a run as Ctrl-C does.
func TestRunQuit(t *testing.T) {
	c := newCtl(t)
	cmd := c.command(t, "run", "--id", "quit", "../examples/c-sleeper/sleeper.wasm", "1", "1000000000")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "it runs", func() bool {
		w, err := c.daemon.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: "quit"})
		return err == nil && w.GetWorkload().GetStatus().GetState() == waiting
	})
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the status tells
	if status := shellStatus(cmd); status != 131 || strings.Contains(errs.String(), "goroutine") {
		t.Errorf("status %d: %s", status, &errs)
	}
	if left := c.unfinished(t, ""); len(left) > 0 {
		t.Errorf("left %q: %s", left, &errs)
	}
}

// What blocks before anything is submitted can be interrupted.
func TestInterruptedBeforeSubmission(t *testing.T) {
	c := newCtl(t)
	sleeper := "../examples/c-sleeper/sleeper.wasm"
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, arguments := range map[string][]string{
		"reading the input":                {"run", "--stdin", "-", sleeper},
		"opening the input":                {"submit", "--stdin", fifo, sleeper},
		"reading the module":               {"run", "-"},
		"opening the module":               {"run", fifo},
		"pushing a module, in module push": {"module", "push", fifo},
	} {
		cmd := c.command(t, arguments...)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, name+": it sleeps", func() bool { return sleeps(t, cmd) })
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the status tells
		_ = stdin.Close()
		if status := shellStatus(cmd); status != 143 {
			t.Errorf("%s: status %d", name, status)
		}
	}
	response, err := c.daemon.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{})
	if err != nil || len(response.GetWorkloads()) > 0 {
		t.Errorf("%v, %v", response, err)
	}
}

// shellStatus returns the status that a shell gives to a process that has ended. One that had not begun to watch for
// signals has been killed by its signal.
func shellStatus(cmd *exec.Cmd) int {
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

// sleeps reports whether a process has watched for signals for some time and now waits.
func sleeps(t *testing.T, cmd *exec.Cmd) bool {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		t.Skip(err)
	}
	return bytes.Contains(status, []byte("State:\tS")) && catches(status, syscall.SIGTERM)
}

// catches reports whether a process, whose status is given, has a handler for a signal.
func catches(status []byte, signal syscall.Signal) bool {
	for line := range strings.Lines(string(status)) {
		if mask, ok := strings.CutPrefix(line, "SigCgt:"); ok {
			var bits uint64
			_, err := fmt.Sscanf(strings.TrimSpace(mask), "%x", &bits)
			return err == nil && bits&(1<<(signal-1)) != 0
		}
	}
	return false
}

// A second interrupt ends run at once, and says what may be left.
func TestSecondInterrupt(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	c := ctl{daemon: d, env: append(os.Environ(), "REACTORD_ADDR="+d.Address, "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "ctl.yaml"))}
	cmd := c.command(t, "run", "--id", "left", "../examples/c-sleeper/sleeper.wasm", "1", "1000000000")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "it waits", func() bool {
		w, err := d.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: "left"})
		return err == nil && w.GetWorkload().GetStatus().GetState() == waiting
	})
	d.Signal(syscall.SIGSTOP) // so that it cannot confirm the cancel
	defer d.Signal(syscall.SIGCONT)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // the status tells
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		case <-tick.C:
			_ = cmd.Process.Signal(syscall.SIGINT)
		}
	}
	if status := cmd.ProcessState.ExitCode(); status != 130 || !strings.Contains(errs.String(), "left may be left") {
		t.Errorf("status %d: %s", status, &errs)
	}
}
