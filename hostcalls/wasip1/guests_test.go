package wasip1

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
)

// guest is a program that runs, with pipes for its standard streams.
type guest struct {
	t      testing.TB
	stdin  *hostcalls.Pipe
	stdout *hostcalls.Pipe
	stderr output
	opened chan abi.Process // once its grants are open
	task   *executor.Task
	done   chan struct{}
	exit   abi.Exit
	err    error
	finish func()
}

// load compiles a program, which is released when the test ends. A program for a synctest bubble must be loaded in it.
// Machine code is kept in the folder cache, if one is named.
func load(t *testing.T, cache string, binary []byte) abi.Program {
	t.Helper()
	ctx := context.Background()
	e, err := engine.New(ctx, engine.Config{CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	a := New()
	if err := e.AddHost(ctx, a.Define); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(binary)
	program, err := a.Load(ctx, e, abi.Source{
		Digest: hex.EncodeToString(digest[:]), Read: func() ([]byte, error) { return binary, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(program.Release)
	return program
}

// startGuest runs a program. Its grants and arguments are config's.
func startGuest(t testing.TB, program abi.Program, config abi.Config, invoke string) *guest {
	t.Helper()
	x, err := executor.New(executor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{
		t: t, stdin: hostcalls.NewPipe(4096), stdout: hostcalls.NewPipe(4096),
		opened: make(chan abi.Process, 1), done: make(chan struct{}),
	}
	g.finish = func() {
		if err := x.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	config.Stdin, config.Stdout, config.Stderr = g.stdin.Reader(), g.stdout.Writer(), &g.stderr
	config.Invoke, config.Driver = invoke, x.Driver()
	g.task, err = x.Spawn(executor.TaskSpec{
		Run: func(f *executor.Fiber) {
			defer g.stdout.CloseWrite()
			var p abi.Process
			config.OnStart = func() { g.opened <- p }
			if p, g.err = program.NewProcess(&config); g.err == nil {
				g.exit, g.err = p.(*Process).Run(f)
			}
		},
		Done: func(*executor.Task) { close(g.done) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// wait waits for the guest's end and checks that it went well.
func (g *guest) wait() (abi.Exit, error) {
	g.t.Helper()
	<-g.done
	if p := g.task.Panic(); p != nil {
		g.t.Error(p)
	}
	g.finish()
	if text := g.stderr.String(); text != "" {
		g.t.Errorf("stderr: %s", text)
	}
	return g.exit, g.err
}

// output reads what the guest prints, to its end, and checks how it ended.
func (g *guest) output(code uint32) string {
	g.t.Helper()
	var text strings.Builder
	_, err := io.Copy(&text, blockingReader{g.stdout})
	if err != nil {
		g.t.Error(err)
	}
	if exit, err := g.wait(); err != nil || exit.Code != code {
		g.t.Errorf("exit %d, %v; want exit %d", exit.Code, err, code)
	}
	return text.String()
}

// blockingReader is a reader of a pipe that blocks.
type blockingReader struct{ pipe *hostcalls.Pipe }

func (b blockingReader) Read(p []byte) (int, error) {
	return hostcalls.ReadContext(context.Background(), b.pipe.Reader(), p)
}

func (g *guest) enter(text string) {
	g.t.Helper()
	if _, err := hostcalls.WriteContext(context.Background(), g.stdin.Writer(), []byte(text)); err != nil {
		g.t.Error(err)
	}
}

func TestGoGuests(t *testing.T) {
	binary, err := buildGo(t, "./testdata/guests/go")
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	t.Run("sleep", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := startGuest(t, load(t, cache, binary), abi.Config{Args: []string{"guest", "sleep"}}, "")
			want := "4 1h0m0s\n3 2h0m0s\n2 3h0m0s\n1 4h0m0s\n0 5h0m0s\n"
			if diff := cmp.Diff(want, g.output(0)); diff != "" {
				t.Error(diff)
			}
		})
	})
	mod := load(t, cache, binary)
	start := func(t *testing.T, config abi.Config, args ...string) *guest {
		config.Args = append([]string{"guest"}, args...)
		return startGuest(t, mod, config, "")
	}
	t.Run("upper", func(t *testing.T) {
		g := start(t, abi.Config{}, "upper")
		lines := bufio.NewReader(blockingReader{g.stdout})
		for i := range 20 {
			g.enter(fmt.Sprintf("line %d\n", i))
			if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("LINE %d\n", i) {
				t.Fatalf("got %q, %v", line, err)
			}
		}
		g.stdin.CloseWrite()
		if rest := g.output(0); rest != "" {
			t.Errorf("more output: %q", rest)
		}
	})
	t.Run("serve", func(t *testing.T) {
		g := start(t, abi.Config{Grants: []capability.Grant{listenerGrant("127.0.0.1:0")}}, "serve")
		address := (<-g.opened).ListenAddresses()[0]
		var conns []net.Conn
		for range 10 {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conns = append(conns, c)
		}
		for round := range 3 {
			for i, c := range conns {
				fmt.Fprintf(c, "%d of %d\n", round, i)
			}
			for i, c := range conns {
				want := fmt.Sprintf("echo %d of %d\n", round, i)
				got := make([]byte, len(want))
				if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
					t.Fatalf("got %q, %v; want %q", got, err, want)
				}
			}
		}
		for _, c := range conns[1:] {
			_ = c.Close()
		}
		fmt.Fprintln(conns[0], "quit")
		if text := g.output(0); text != "" {
			t.Errorf("output: %q", text)
		}
	})
	t.Run("talk", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		g := start(t, abi.Config{Grants: []capability.Grant{connectionGrant(l.Addr().String())}}, "talk")
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || line != "hello from the guest\n" {
			t.Errorf("the guest said %q, %v", line, err)
		}
		fmt.Fprint(c, "and good bye")
		_ = c.Close()
		if text := g.output(0); text != "and good bye" {
			t.Errorf("output: %q", text)
		}
	})
	t.Run("fill", func(t *testing.T) {
		g := start(t, abi.Config{}, "fill")
		if n := len(g.output(0)); n != 8<<20 {
			t.Errorf("got %d bytes, want 8 MiB", n)
		}
	})
	t.Run("spin", func(t *testing.T) {
		g := start(t, abi.Config{}, "spin")
		if line, err := bufio.NewReader(blockingReader{g.stdout}).ReadString('\n'); err != nil {
			t.Errorf("got %q, %v", line, err)
		}
		g.task.Cancel(errStop)
		if _, err := g.wait(); !errors.Is(err, errStop) {
			t.Errorf("the guest ended with %v, want the cause", err)
		}
	})
	t.Run("environment", func(t *testing.T) {
		g := start(t, abi.Config{Env: []string{"NAME=value"}}, "environment", "a", "b c")
		if text := g.output(7); text != "[a b c] value true\n" {
			t.Errorf("output: %q", text)
		}
	})
}

// The binaries are made, each in its folder, by:
//
//	zig cc --target=wasm32-wasi -Os -s -o guest.wasm guest.c
//	zig cc --target=wasm32-wasi -mexec-model=reactor -Os -s -o reactor.wasm reactor.c
//
// with zig 0.17.
func readGuest(t *testing.T, path string) []byte {
	t.Helper()
	binary, err := os.ReadFile("testdata/guests/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func TestCGuests(t *testing.T) {
	binary := readGuest(t, "c/guest.wasm")
	for _, tt := range []struct {
		arg    string
		code   uint32
		output string
	}{
		{"sleep", 0, "slept 7200 s\n"},
		{"nonblocking", 0, "-1 Resource temporarily unavailable; terminal: 0\n"},
		{"million", 0, "errno 28\n"},
		{"yield", 0, ""},
		{"raise", 128 + 15, ""},
	} {
		t.Run(tt.arg, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := startGuest(t, load(t, "", binary), abi.Config{Args: []string{"guest", tt.arg}}, "")
				if text := g.output(tt.code); text != tt.output {
					t.Errorf("output: %q, want %q", text, tt.output)
				}
			})
		})
	}
	t.Run("poll", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := startGuest(t, load(t, "", binary), abi.Config{Args: []string{"guest", "poll"}}, "")
			time.AfterFunc(2500*time.Millisecond, func() { g.enter("abc") })
			time.AfterFunc(3*time.Second, func() { g.enter("def") })
			time.AfterFunc(4500*time.Millisecond, g.stdin.CloseWrite)
			const want = "timeout\ntimeout\nread abc\nread def\ntimeout\nend 0\n"
			if diff := cmp.Diff(want, g.output(0)); diff != "" {
				t.Error(diff)
			}
		})
	})
	t.Run("abort", func(t *testing.T) {
		g := startGuest(t, load(t, "", binary), abi.Config{Args: []string{"guest", "abort"}}, "")
		_, err := g.wait()
		if trap, ok := errors.AsType[*engine.Trap](err); !ok || trap.Code != engine.Unreachable {
			t.Errorf("the guest ended with %v, want an unreachable trap", err)
		}
	})
	t.Run("no such mode", func(t *testing.T) {
		startGuest(t, load(t, "", binary), abi.Config{Args: []string{"guest"}}, "").output(2)
	})
}

func TestReactor(t *testing.T) {
	binary := readGuest(t, "reactor/reactor.wasm")
	run := func(t *testing.T, invoke string, args ...string) (abi.Exit, string, error) {
		g := startGuest(t, load(t, "", binary), abi.Config{Args: append([]string{"reactor"}, args...)}, invoke)
		text, err := io.ReadAll(blockingReader{g.stdout})
		if err != nil {
			t.Error(err)
		}
		exit, err := g.wait()
		return exit, string(text), err
	}
	for _, tt := range []struct {
		invoke string
		args   []string
		result string
		output string
		err    string
	}{
		{"add", []string{"30", "-50"}, "980", "", ""},
		{"half", []string{"-5"}, "-2.5", "", ""},
		{"nap", []string{"3600000000000"}, "", "rested\n", ""},
		{"_initialize", nil, "", "", ""},
		{"add", []string{"30"}, "", "", `export "add": it takes 2 arguments (i32 i32), not 1`},
		{"", nil, "", "", `export "_start": the module has no such export`},
		{"memory", nil, "", "", `export "memory": it is a memory, not a function`},
	} {
		t.Run(tt.invoke, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				exit, text, err := run(t, tt.invoke, tt.args...)
				if got := strings.Join(exit.Results, " "); got != tt.result || text != tt.output {
					t.Errorf("results %q, output %q; want %q and %q", got, text, tt.result, tt.output)
				}
				if tt.err == "" && err != nil {
					t.Error(err)
				}
				if _, ok := errors.AsType[*abi.EntryError](err); tt.err != "" && (!ok || err.Error() != tt.err) {
					t.Errorf("error %v, want %s", err, tt.err)
				}
			})
		})
	}
}
