package integration

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// devSession is a running `reactorctl dev`.
type devSession struct {
	t   *testing.T
	cmd *exec.Cmd

	mu     sync.Mutex
	output bytes.Buffer // both streams
	seen   int          // how much of it until has passed
}

func (s *devSession) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.Write(p)
}

func (s *devSession) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

// startDev starts `reactorctl dev` in a folder, with its temporary files in one of its own.
func (c ctl) startDev(t *testing.T, dir, temp string, args ...string) *devSession {
	t.Helper()
	s := &devSession{t: t, cmd: c.command(t, append([]string{"dev"}, args...)...)}
	s.cmd.Dir, s.cmd.Env = dir, append(slices.Clone(c.env), "TMPDIR="+temp)
	s.cmd.Stdout, s.cmd.Stderr = s, s
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // a test that succeeds has ended it
		_ = s.cmd.Wait()
		if t.Failed() {
			t.Logf("reactorctl dev:\n%s", s.text())
		}
	})
	return s
}

// until waits until the session prints text, after what the last call has waited for.
func (s *devSession) until(text string) {
	s.t.Helper()
	until(s.t, fmt.Sprintf("dev prints %q", text), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		at := strings.Index(s.output.String()[s.seen:], text)
		if at < 0 {
			return false
		}
		s.seen += at + len(text)
		return true
	})
}

// end sends a signal, and checks the status and that nothing is left.
func (s *devSession) end(c ctl, signal syscall.Signal, temp string) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	_ = s.cmd.Wait() // the status tells
	if status := s.cmd.ProcessState.ExitCode(); status != 128+int(signal) {
		s.t.Errorf("%v: status %d", signal, status)
	}
	c.nothingLeft(s.t, temp)
}

// nothingLeft fails the test if there is a workload or a module, or a file in temp.
func (c ctl) nothingLeft(t *testing.T, temp string) {
	t.Helper()
	workloads, err := c.daemon.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{})
	if err != nil || len(workloads.GetWorkloads()) > 0 {
		t.Errorf("workloads: %v, %v", workloads.GetWorkloads(), err)
	}
	modules, err := c.daemon.Modules.ListModules(t.Context(), &reactorv1.ListModulesRequest{})
	if err != nil || len(modules.GetModules()) > 0 {
		t.Errorf("modules: %v, %v", modules.GetModules(), err)
	}
	if files, err := os.ReadDir(temp); err != nil || len(files) > 0 {
		t.Errorf("temporary files: %v, %v", files, err)
	}
}

// devGuest is a Go package in a module of its own, with another package, whose text it serves on descriptor 3.
func devGuest(t *testing.T) (dir string, edit func(name, from, to string)) {
	t.Helper()
	dir = t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		// As many editors do: a new file in place of the old one.
		if err := os.WriteFile(path+"~", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+"~", path); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.org/dev\n\ngo 1.24\n")
	write("text/text.go", "package text\n\nconst Text = \"one\"\n")
	write("guest/main.go", `package main

import (
	"fmt"
	"net"
	"os"

	"example.org/dev/text"
)

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	fmt.Println("serving", text.Text, os.Args[1:])
	for {
		conn, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		fmt.Fprint(conn, text.Text)
		conn.Close()
	}
}
`)
	return dir, func(name, from, to string) {
		t.Helper()
		old, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(old), from) {
			t.Fatalf("%s has no %q: %v", name, from, err)
		}
		write(name, strings.Replace(string(old), from, to, 1))
	}
}

func TestDev(t *testing.T) {
	t.Parallel()
	c := newCtl(t)
	temp, address := t.TempDir(), testkit.FreeAddress(t)
	dir, edit := devGuest(t)
	serves := func(want string) {
		t.Helper()
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got, err := io.ReadAll(conn); err != nil || string(got) != want {
			t.Fatalf("the guest serves %q, %v; want %q", got, err, want)
		}
	}
	s := c.startDev(t, dir, temp, "--listen", address, "./guest", "-v", "x")
	s.until("reactorctl: building ./guest\n")
	s.until("reactorctl: running as guest-")
	s.until("serving one [-v x]\n")
	serves("one")

	edit("text/text.go", "one", "two") // in another folder; the port is taken over
	s.until("reactorctl: text/text.go changed: building\n")
	s.until("reactorctl: restarting\n")
	s.until("serving two [-v x]\n")
	serves("two")

	edit("guest/main.go", "func main() {", "func main( {")
	s.until("syntax error")
	s.until("reactorctl: the guest that was built before runs on\n")
	serves("two")

	edit("guest/main.go", "func main( {", "func main() {\n\tif len(os.Args) > 1 {\n\t\tos.Exit(7)\n\t}")
	s.until("(exit 7)")
	s.until("reactorctl: waiting for a change\n")
	edit("guest/main.go", "> 1", "> 100")
	s.until("serving two")
	serves("two")

	modules, err := c.daemon.Modules.ListModules(t.Context(), &reactorv1.ListModulesRequest{})
	if err != nil || len(modules.GetModules()) > 2 { // the one before may be being removed
		t.Errorf("%d modules, %v", len(modules.GetModules()), err)
	}
	s.end(c, syscall.SIGINT, temp)
}

// TestDevOvertaken: a change ends the build in progress, with what it has started.
func TestDevOvertaken(t *testing.T) {
	c := newCtl(t)
	dir, temp := t.TempDir(), t.TempDir()
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("sleeper", examples.Sleeper)
	write("how", []byte("slow"))
	build := `sh -c 'case $(cat how) in slow) echo slow; sleep 1000000;; esac; cp sleeper app.wasm'`
	s := c.startDev(t, dir, temp, "--build", build, "--watch", ".", "./app.wasm", "1", "1000000000")
	s.until("slow\n")
	write("how", []byte("fast"))
	s.until("how changed: building again")
	s.until("running as app-")
	s.end(c, syscall.SIGTERM, temp)
}

// TestDevInterruptedAnywhere: a signal at any instant leaves nothing.
func TestDevInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	c := newCtl(t)
	dir, temp := t.TempDir(), t.TempDir()
	module := filepath.Join(dir, "sleeper.wasm")
	signals := endings()
	tries := 30
	if testing.Short() {
		tries = 6
	}
	write := func(text string) { // a section that says nothing makes a new module
		custom := append([]byte{0, byte(len(text) + 1), 0}, text...)
		if err := os.WriteFile(module, append(slices.Clone(examples.Sleeper), custom...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range tries {
		write(fmt.Sprintf("try %d", i))
		s := c.startDev(t, dir, temp, "./sleeper.wasm", "1", "1000000000")
		s.until("building") // it has begun to watch for signals
		if i%2 == 0 {
			write(fmt.Sprintf("again %d", i))
		}
		time.Sleep(rand.N(300 * time.Millisecond)) // the instant is what is tried
		s.end(c, signals[i%len(signals)], temp)
		if t.Failed() {
			return
		}
	}
}

// TestDevUnread: nobody reads the output any more.
func TestDevUnread(t *testing.T) {
	c := newCtl(t)
	dir, temp := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tool.wasm"), tool(t), 0o600); err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := c.command(t, "dev", "./tool.wasm", "lines", "1000000000")
	cmd.Dir, cmd.Env, cmd.Stdout = dir, append(slices.Clone(c.env), "TMPDIR="+temp), write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	leaveUnread(t, read, write)
	_ = cmd.Wait() // the status tells
	if status := cmd.ProcessState.ExitCode(); status != 141 {
		t.Errorf("status %d", status)
	}
	c.nothingLeft(t, temp)
}

// TestDevSurvivesRestart: the daemon is started again while a guest runs, which then runs again under its id; and a
// change is taken up as before.
func TestDevSurvivesRestart(t *testing.T) {
	data, dir, temp := t.TempDir(), t.TempDir(), t.TempDir()
	address := testkit.FreeAddress(t)
	d := testkit.Start(t, data, "--listen="+address)
	c := ctl{daemon: d, env: append(os.Environ(), "REACTORD_ADDR="+address, "REACTORCTL_CONFIG="+filepath.Join(t.TempDir(), "ctl.yaml"))}
	module := filepath.Join(dir, "sleeper.wasm")
	if err := os.WriteFile(module, examples.Sleeper, 0o600); err != nil {
		t.Fatal(err)
	}
	s := c.startDev(t, dir, temp, "./sleeper.wasm", "1", "1000000000")
	s.until("running as ")
	d.Kill()
	s.until("is gone")
	c.daemon = testkit.Start(t, data, "--listen="+address)
	s.until("is back")
	if err := os.WriteFile(module, append(slices.Clone(examples.Sleeper), 0, 2, 1, 'x'), 0o600); err != nil {
		t.Fatal(err)
	}
	s.until("restarting")
	s.until("running as ")
	s.end(c, syscall.SIGINT, temp)
}

func TestDevUsage(t *testing.T) {
	c := newCtl(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"some-tag"}, "./some-tag"},
		{[]string{"./nothing.wasm"}, "module ./nothing.wasm: no such file or directory"},
		{[]string{"--build", "make", "./app.wasm"}, "--build needs --watch"},
		{[]string{"--build", "make && true", "--watch", ".", "./app.wasm"}, "sh -c"},
		{[]string{"--build", "make", "--watch", "nowhere", "./app.wasm"}, "--watch nowhere: no such file or directory"},
		{[]string{"--build", "make", "--watch", ".", "../examples"}, "name the .wasm file"},
		{[]string{"--stdin", "-", "../examples/hello"}, "give a file"},
	} {
		if _, errs, status := c.run(t, "", append([]string{"dev"}, test.args...)...); status != 125 || !strings.Contains(errs, test.want) {
			t.Errorf("%q: status %d, %s", test.args, status, errs)
		}
	}
}

// TestDevInTerminal: Ctrl-C ends it, though builds run in process groups of their own.
func TestDevInTerminal(t *testing.T) {
	c := newCtl(t)
	for _, columns := range []int{80, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			dir, temp := t.TempDir(), t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "sleeper"), examples.Sleeper, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := c.command(t, "dev", "--build", "cp sleeper app.wasm", "--watch", "sleeper", "./app.wasm", "1", "1000000000")
			cmd.Dir, cmd.Env = dir, append(slices.Clone(c.env), "TMPDIR="+temp)
			term := testkit.StartInTerminal(t, cmd, columns, 24)
			screen := term.Until("the guest runs", func(screen string) bool { return strings.Contains(screen, "running as app-") })
			if !strings.HasPrefix(screen, "reactorctl: building ./app.wasm") {
				t.Errorf("the screen:\n%s", screen)
			}
			term.Type("\x03")
			if status, _ := term.Wait(); status != 130 {
				t.Errorf("status %d", status)
			}
			c.nothingLeft(t, temp)
		})
	}
}
