package integration

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// restarted is a daemon that can be killed and started again at the same address.
type restarted struct {
	ctl
	dir   string
	flags []string
}

func newRestarted(t *testing.T, dir string, flags ...string) *restarted {
	t.Helper()
	r := &restarted{dir: dir, flags: append(flags, "--listen=unix://"+filepath.Join(t.TempDir(), "s"), "--grace-period=none")}
	r.start(t)
	r.env = append(os.Environ(), "REACTORD_ADDR="+r.daemon.Address, "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "ctl.yaml"))
	return r
}

func (r *restarted) start(t *testing.T) {
	t.Helper()
	r.daemon = testkit.StartGuarded(t, r.dir, nil, r.flags...)
}

// follower is a reactorctl that runs.
type follower struct {
	*exec.Cmd
	out, errs text
}

// text collects what a process writes.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *text) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *text) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func (c ctl) follow(t *testing.T, stdin io.Reader, args ...string) *follower {
	t.Helper()
	f := &follower{Cmd: c.command(t, args...)}
	f.Stdin, f.Stdout, f.Stderr = stdin, &f.out, &f.errs
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Process.Kill() })
	return f
}

// ended waits for the end of the process and returns its exit status.
func (f *follower) ended() int {
	_ = f.Wait() // the status tells
	return f.ProcessState.ExitCode()
}

// Whoever follows a workload goes on with it after a restart of the daemon, killed or stopped, and says so.
func TestFollowOverRestart(t *testing.T) {
	t.Parallel() // it waits most of the time
	for name, end := range map[string]func(*testkit.Daemon){
		"killed":  func(d *testkit.Daemon) { d.Kill() },
		"stopped": func(d *testkit.Daemon) { d.Stop() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRestarted(t, testkit.DataDir(t, tool(t)))
			file := toolFile(t)
			run := r.follow(t, nil, "run", "--id", "ticker", file, "ticks", "400", "7")
			until(t, "it ticks", func() bool { return strings.Contains(run.out.String(), "tick 5\n") })
			r.must(t, "run", "--id", "done", file, "hello")
			wait := r.follow(t, nil, "wait", "-o", "json", "done", "ticker")
			const warning = "the daemon at "
			until(t, "wait waits", func() bool { return strings.Contains(wait.out.String(), "done") })
			end(r.daemon)
			until(t, "run notices", func() bool { return strings.Contains(run.errs.String(), warning) })
			until(t, "wait notices", func() bool { return strings.Contains(wait.errs.String(), warning) })
			r.start(t)
			for _, f := range []*follower{run, wait} {
				if status, errs := f.ended(), f.errs.String(); status != 7 || strings.Count(errs, "is gone") != 1 || strings.Count(errs, "is back; workload ticker goes on") != 1 {
					t.Errorf("%q: status %d: %s", f.Args[1:], status, errs)
				}
			}
			first, second, _ := strings.Cut(run.out.String(), "tick 0\n"+"tick 1\n")
			_, second, again := strings.Cut(second, "tick 0\n")
			if first != "" || !again || second != numbered("tick", 1, 400) {
				t.Errorf("run printed %q", run.out.String())
			}
			if errs := run.errs.String(); !strings.Contains(errs, "attempt 2") {
				t.Errorf("run said %s", errs)
			}
		})
	}
}

// A guest whose port the daemon chooses is told where it listens, also when a further attempt has another port.
func TestChosenPort(t *testing.T) {
	t.Parallel()
	r := newRestarted(t, testkit.DataDir(t, serve(t)))
	file := filepath.Join(t.TempDir(), "serve.wasm")
	if err := os.WriteFile(file, serve(t), 0o600); err != nil {
		t.Fatal(err)
	}
	run := r.follow(t, nil, "run", "--id", "server", "--listen", "127.0.0.1:0", file)
	const says = "the guest listens on "
	echo := func() {
		t.Helper()
		listens := func() string { return r.daemon.Status(t, "server").GetListenAddresses()[0] }
		until(t, "it listens", func() bool { return len(r.daemon.Status(t, "server").GetListenAddresses()) > 0 })
		until(t, "run says where", func() bool { return strings.Contains(run.errs.String(), says+listens()+"\n") })
		conn, err := net.Dial("tcp", listens())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		got := make([]byte, 5)
		if _, err := conn.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != "hello" {
			t.Errorf("it echoed %q, %v", got, err)
		}
	}
	until(t, "run says something", func() bool { return strings.Contains(run.errs.String(), says) })
	echo()
	r.daemon.Kill()
	r.start(t)
	echo()
	if err := run.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if status := run.ended(); status != 130 {
		t.Errorf("status %d: %s", status, &run.errs)
	}
}

// numbered returns lines with the numbers from one to before another.
func numbered(word string, from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintln(&b, word, i)
	}
	return b.String()
}

// A guest that starts anew gets its input from the beginning, if that can be had again; otherwise it is cancelled.
func TestInputOverRestart(t *testing.T) {
	r := newRestarted(t, testkit.DataDir(t, tool(t)))
	upper := "../examples/rust-upper/upper.wasm"
	dir := t.TempDir()

	file := filepath.Join(dir, "input")
	if err := os.WriteFile(file, []byte("a\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	input, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	guest := filepath.Join(dir, "tool.wasm")
	if err := os.WriteFile(guest, tool(t), 0o600); err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	piped := r.follow(t, read, "run", "-i", "--id", "piped", guest, "upper")
	filed := r.follow(t, input, "run", "-i", "--dir", dir+":/d", "--id", "filed", guest, "await", "/d/go on")
	if _, err := write.WriteString("one\n"); err != nil {
		t.Fatal(err)
	}
	until(t, "both have got input", func() bool {
		return strings.Contains(piped.out.String(), "ONE\n") && strings.Contains(filed.out.String(), "B\n")
	})
	r.daemon.Kill()
	if err := os.WriteFile(filepath.Join(dir, "go on"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.start(t)
	if status, errs := piped.ended(), piped.errs.String(); status != 125 || !strings.Contains(errs, "pipe that cannot be read again") || !strings.Contains(errs, "cancelled piped") {
		t.Errorf("a pipe: status %d: %s", status, errs)
	}
	if s := r.daemon.WaitFor(t, "piped"); s.GetState() != cancelled {
		t.Errorf("a pipe: %v", s)
	}
	if status, out := filed.ended(), filed.out.String(); status != 0 || out != "A\nB\nA\nB\nbye\n" {
		t.Errorf("a file: status %d, stdout %q: %s", status, out, &filed.errs.b)
	}
	if out, errs, status := r.run(t, "x\n", "run", "-i", upper); status != 0 || out != "X\n" {
		t.Errorf("afterwards: status %d, %q, %s", status, out, errs)
	}
}

// An interrupt while the daemon is gone ends run, which says what is left.
func TestInterruptWithoutDaemon(t *testing.T) {
	t.Parallel() // it waits most of the time
	r := newRestarted(t, t.TempDir())
	f := r.follow(t, nil, "run", "--id", "lost", "../examples/c-sleeper/sleeper.wasm", "1", "1000000000")
	until(t, "it waits", func() bool {
		w, err := r.daemon.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: "lost"})
		return err == nil && w.GetWorkload().GetStatus().GetState() == waiting
	})
	r.daemon.Kill()
	until(t, "run notices", func() bool { return strings.Contains(f.errs.String(), "is gone") })
	if err := f.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if status, errs := f.ended(), f.errs.String(); status != 130 || !strings.Contains(errs, "lost may be left") || !strings.Contains(errs, "reactorctl cancel lost") {
		t.Errorf("status %d: %s", status, errs)
	}
}

// What does not wait says that the daemon is gone.
func TestNoPatience(t *testing.T) {
	r := newRestarted(t, t.TempDir())
	f := r.follow(t, nil, "run", "--reconnect", "0", "--id", "lost", "../examples/c-sleeper/sleeper.wasm", "1", "1000000000")
	until(t, "it waits", func() bool {
		w, err := r.daemon.Workloads.GetWorkload(t.Context(), &reactorv1.GetWorkloadRequest{Id: "lost"})
		return err == nil && w.GetWorkload().GetStatus().GetState() == waiting
	})
	r.daemon.Kill()
	if status, errs := f.ended(), f.errs.String(); status != 125 || !strings.Contains(errs, "is gone; lost goes on when it is back") {
		t.Errorf("status %d: %s", status, errs)
	}
}

// However much a guest writes, run prints all of it; -i as well.
func TestRunPrintsEverything(t *testing.T) {
	c := newCtl(t, tool(t))
	file := toolFile(t)
	const lines = 100_000 // about 6 MB, six times what a log keeps
	var want strings.Builder
	for i := range lines {
		fmt.Fprintf(&want, "line %d of the output, which is as long as lines are\n", i)
	}
	for _, args := range [][]string{{"run"}, {"run", "-i"}, {"run", "-o", "json"}} {
		out, errs, status := c.run(t, "", append(args, file, "lines", fmt.Sprint(lines))...)
		if status != 0 || out != want.String() {
			t.Errorf("%q: status %d, %d of %d bytes: %.1000s", args, status, len(out), want.Len(), errs)
		}
	}
}

// A quick guest has ended before anybody can attach to it; its output and its status are there every time.
func TestQuickGuests(t *testing.T) {
	c := newCtl(t)
	for _, args := range [][]string{{"run", "-i"}, {"run"}} {
		for range 20 {
			out, errs, status := c.run(t, "", append(args, "../examples/c-sleeper/sleeper.wasm", "1", "1")...)
			if status != 0 || errs != "" || !strings.HasPrefix(out, "slept well") {
				t.Fatalf("%q: status %d, %q: %s", args, status, out, errs)
			}
		}
	}
}
