package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// library returns the library in C.
func library(t *testing.T) []byte {
	t.Helper()
	binary, err := os.ReadFile("testdata/guests/library/library.wasm")
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// TestSnapshotOfC: what a library in C has initialized is there in each call of its snapshot, and is not done again.
func TestSnapshotOfC(t *testing.T) {
	c := newCtl(t)
	const file = "./testdata/guests/library/library.wasm"
	digest := c.must(t, "module", "snapshot", file, "--tag", "primes")
	if again := c.must(t, "module", "snapshot", file); again != digest {
		t.Errorf("the same snapshot again is %s, not %s", again, digest)
	}
	for _, call := range []struct{ invoke, arg, want string }{
		{"prime", "19999", "224737"}, {"made", "", "1"}, {"calls", "", "1"}, {"calls", "", "1"},
		{"greet", "", "20000 primes"}, {"nap", "10", "1"},
	} {
		args := []string{"run", "--invoke", call.invoke, "primes"}
		if call.arg != "" {
			args = append(args, call.arg)
		}
		if got := c.must(t, args...); got != call.want {
			t.Errorf("%s gives %q, want %q", call.invoke, got, call.want)
		}
	}
	inspected := c.must(t, "module", "inspect", "primes")
	if strings.Contains(inspected, "_initialize") || !strings.Contains(inspected, "prime") {
		t.Errorf("the snapshot exports\n%s", inspected)
	}

	out, errs, code := c.run(t, "", "module", "snapshot", "--invoke", "more", "-o", "json", file)
	if code != 0 || errs != "more\n" || !strings.Contains(out, `"output": "bW9yZQo="`) {
		t.Errorf("status %d, stdout %s, stderr %q", code, out, errs)
	}
	further := c.must(t, "module", "snapshot", "--invoke", "more", "primes") // a snapshot of a snapshot
	if got := c.must(t, "run", "--invoke", "calls", further); got != "101" {
		t.Errorf("after a further initialization calls is %q", got)
	}
	if inspected := c.must(t, "module", "inspect", further); strings.Contains(inspected, "more (func") {
		t.Errorf("the snapshot exports\n%s", inspected)
	}
}

// TestSnapshotOfGo: a library in Go is called without its runtime's start.
func TestSnapshotOfGo(t *testing.T) {
	t.Parallel()
	c := newCtl(t)
	digest := c.daemon.Push(t, testkit.GoLibrary(t, "testdata/guests/golibrary"))
	made, errs, code := c.run(t, "", "module", "snapshot", "--allow-clock", "--allow-random", "./testdata/guests/golibrary")
	if made = strings.TrimSpace(made); code != 0 || !strings.HasSuffix(errs, "initialized\n") { // a busy machine also says what is waited for
		t.Fatalf("status %d, stderr %q", code, errs)
	}
	for range 2 {
		if got := c.must(t, "run", "--invoke", "find", made, "12345"); got != "made 1, call 1, 20000 words\n12345" {
			t.Errorf("find gives %q", got)
		}
	}
	of := func(module string) uint64 {
		s := c.daemon.Run(t, &reactorv1.WorkloadSpec{Module: module, Invoke: "find", Args: []string{"1"}})
		if s.GetState() != succeeded {
			t.Fatalf("%v", s)
		}
		return s.GetUsage().GetFuel()
	}
	if original, snapshot := of(digest), of(made); snapshot > original/10 {
		t.Errorf("a call takes %d units of fuel from the snapshot, and %d from the module", snapshot, original)
	}
	w := c.daemon.Submit(t, &reactorv1.WorkloadSpec{Module: made, Invoke: "hold"})
	until(t, "the snapshot waits", func() bool { return c.daemon.Status(t, w).GetState() == waiting })
	c.daemon.Cancel(t, w)
}

// TestSnapshotElsewhere runs snapshots in other runtimes, as far as they are installed.
func TestSnapshotElsewhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	digest := d.Push(t, library(t))
	golang := d.Push(t, testkit.GoLibrary(t, "testdata/guests/golibrary"))
	files := map[string]string{}
	for name, req := range map[string]*reactorv1.SnapshotModuleRequest{
		"primes.wasm": {Module: digest}, "words.wasm": {Module: golang, AllowClock: true, AllowRandom: true},
	} {
		response, err := d.Modules.SnapshotModule(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(files[name], testkit.StoredModule(t, dir, response.GetModule().GetDigest()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, runtime := range []struct {
		name    string
		command []string
	}{
		{"Node", []string{"node", "--no-warnings", "testdata/snapshot/run.mjs"}},
		{"Wasmtime", []string{pythonWithWasmtime(), "testdata/snapshot/run.py"}},
	} {
		t.Run(runtime.name, func(t *testing.T) {
			check := exec.Command(runtime.command[0], append(runtime.command[1:], "--check")...)
			if out, err := check.CombinedOutput(); err != nil {
				t.Skipf("%s is not installed: %v\n%s", runtime.name, err, out)
			}
			for _, call := range []struct{ file, export, arg, want string }{
				{"primes.wasm", "prime", "19999", "224737"}, {"primes.wasm", "made", "", "1"},
				{"words.wasm", "find", "12345", "made 1, call 1, 20000 words\n12345"},
			} {
				args := append(slices.Clone(runtime.command[1:]), files[call.file], call.export)
				if call.arg != "" {
					args = append(args, call.arg)
				}
				out, err := exec.Command(runtime.command[0], args...).CombinedOutput()
				if got := strings.TrimSpace(string(out)); err != nil || got != call.want {
					t.Errorf("%s of %s: %v\n%s", call.export, call.file, err, got)
				}
			}
		})
	}
}

// pythonWithWasmtime is a Python that may have the package wasmtime.
func pythonWithWasmtime() string {
	if python := os.Getenv("WASMTIME_PYTHON"); python != "" {
		return python
	}
	return "python3"
}

// TestSnapshotRefusals: what a snapshot can't keep is refused by its name, and what a hostile initialization does is
// bounded. Nothing is left of any of them: the next snapshot works.
func TestSnapshotRefusals(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir(), "--default-timeout=5s", "--default-memory=32MiB")
	digest := d.Push(t, library(t))
	for _, tt := range []struct {
		invoke      string
		clock, seed bool
		want        []string // texts of the message; none: it works
	}{
		{"asks_time", false, true, []string{"it called clock_time_get", "--allow-clock"}},
		{"asks_time", true, false, nil},
		{"waits", false, true, []string{"it called poll_oneoff", "--allow-clock"}},
		{"waits", true, false, nil},
		{"asks_random", true, false, []string{"it called random_get", "--allow-random"}},
		{"asks_random", false, true, nil},
		{"opens", true, true, []string{"it called path_open", "cannot be carried over"}},
		{"connects", true, true, []string{"it called sock_shutdown", "cannot be carried over"}},
		{"closes", true, true, []string{"it called fd_close", "cannot be carried over"}},
		{"exits", true, true, []string{"it exited with status 3"}},
		{"crashes", true, true, []string{"unreachable", "it printed:\nabout to crash"}},
		{"loops", true, true, []string{"it had not returned after 5s"}},
		{"fills", true, true, []string{"memory.grow to", "32 MiB", "--default-memory"}},
	} {
		response, err := d.Modules.SnapshotModule(t.Context(), &reactorv1.SnapshotModuleRequest{
			Module: digest, Invoke: tt.invoke, AllowClock: tt.clock, AllowRandom: tt.seed, Tag: "made",
		})
		if tt.want == nil {
			if err != nil || response.GetModule().GetDigest() == "" {
				t.Errorf("%s: %v", tt.invoke, err)
			}
			continue
		}
		if status.Code(err) != codes.FailedPrecondition || testkit.ReasonOf(err) != "SNAPSHOT_FAILED" {
			t.Errorf("%s: %v", tt.invoke, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(status.Convert(err).Message(), want) {
				t.Errorf("%s: %v, want %q", tt.invoke, err, want)
			}
		}
	}
	response, err := d.Modules.SnapshotModule(t.Context(), &reactorv1.SnapshotModuleRequest{Module: digest, Invoke: "prints"})
	if err != nil {
		t.Fatal(err)
	}
	const line = len("a line that is printed again and again\n")
	if n, dropped := len(response.GetOutput()), response.GetOutputDroppedBytes(); n != 64<<10 || n+int(dropped) != 20000*line {
		t.Errorf("%d bytes of output were kept and %d dropped", n, dropped)
	}
}

// TestSnapshotGivenUp: a client that gives up ends the initialization.
func TestSnapshotGivenUp(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	digest := d.Push(t, library(t))
	if _, err := d.Modules.SnapshotModule(t.Context(), &reactorv1.SnapshotModuleRequest{Module: digest}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := d.Modules.SnapshotModule(ctx, &reactorv1.SnapshotModuleRequest{Module: digest, Invoke: "loops"})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("the call ended with %v", err)
	}
	if _, err := d.Modules.SnapshotModule(t.Context(), &reactorv1.SnapshotModuleRequest{Module: digest, Invoke: "more"}); err != nil {
		t.Errorf("the next snapshot: %v", err)
	}
}

// TestSnapshotInvoke: what cannot initialize a module is refused before anything runs.
func TestSnapshotInvoke(t *testing.T) {
	t.Parallel()
	d := testkit.Start(t, t.TempDir())
	c, program := d.Push(t, library(t)), d.Push(t, tool(t))
	for _, tt := range []struct{ module, invoke, want string }{
		{c, "nonesuch", `exports no function "nonesuch"`},
		{c, "with_argument", `"with_argument" takes arguments`},
		{c, "memory", `exports no function "memory"`},
		{program, "", "build a library (in Go with -buildmode=c-shared, in C with -mexec-model=reactor)"},
		{program, "_start", `"_start" runs the program to its end`},
	} {
		_, err := d.Modules.SnapshotModule(t.Context(), &reactorv1.SnapshotModuleRequest{Module: tt.module, Invoke: tt.invoke})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(status.Convert(err).Message(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.invoke, err, tt.want)
		}
	}
}
