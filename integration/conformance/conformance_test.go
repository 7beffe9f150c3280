package conformance

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/network"
	hostnet "github.com/reactord/reactord/hostcalls/network/host"
	"github.com/reactord/reactord/hostcalls/wasi/versions"
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/reactor/grant"
)

const (
	suiteVariable   = "REACTORD_WASI_TESTSUITE"
	adaptedVariable = "REACTORD_WASI_TESTSUITE_ADAPTED"
)

var table = flag.String("table", "", "a file to write the results to, as a Markdown table")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSuite runs the programs as they are, for preview 1.
func TestSuite(t *testing.T) {
	suite := os.Getenv(suiteVariable)
	if suite == "" {
		t.Skipf("%s is not set: it names a copy of github.com/WebAssembly/wasi-testsuite, branch prod/testsuite-base", suiteVariable)
	}
	runSuite(t, suite, newHost(t, wasip1.New()), nil)
}

// TestAdapted runs the programs as commands of WASI 0.2.
func TestAdapted(t *testing.T) {
	suite := os.Getenv(adaptedVariable)
	if suite == "" {
		t.Skipf("%s is not set: it names a folder that adapt.sh made", adaptedVariable)
	}
	a, err := component.New(versions.Config(files.NewAppends()))
	if err != nil {
		t.Fatal(err)
	}
	runSuite(t, suite, newHost(t, a), adapterFaults)
}

// adapterFaults are the programs that fail for the adapter, in Wasmtime too, and why.
var adapterFaults = map[string]string{
	"assemblyscript/args_get-multiple-arguments":    "the adapter traps",
	"assemblyscript/environ_get-multiple-variables": "the adapter traps",
	"assemblyscript/fd_write-to-invalid-fd":         "the adapter has another errno",
	"assemblyscript/proc_exit-failure":              "the adapter exits with 0 or 1 only",
}

// runSuite runs the programs of a suite. Those that are known to fail must do so.
func runSuite(t *testing.T, suite string, h *host, known map[string]string) {
	t.Helper()
	all, err := programs(suite)
	if err != nil {
		t.Fatal(err)
	}
	rows := "| suite | program | result | exact errnos |\n|---|---|---|---|\n"
	for _, p := range all {
		name := p.suite + "/" + p.name
		result, exact := h.check(t, p, name, known[name]), ""
		if p.suite == "rust" {
			p.spec.Env = map[string]string{exactErrnos: "1"}
			exact = h.check(t, p, name+"/exact", "")
		}
		rows += fmt.Sprintf("| %s | %s | %s | %s |\n", p.suite, p.name, result, exact)
	}
	if *table != "" {
		if err := os.WriteFile(*table, []byte(rows), 0o666); err != nil {
			t.Error(err)
		}
	}
}

// exactErrnos is a variable by which the Rust programs accept POSIX's errno alone where they would
// accept other systems' too.
const exactErrnos = "ERRNO_MODE_UNIX"

// check runs a program as a subtest and returns what becomes of it, for the table. If it is known to fail, that is no fault.
func (h *host) check(t *testing.T, p program, name, known string) string {
	t.Helper()
	return verdict(t, name, known, func(t *testing.T) []string { return p.spec.faults(h.run(t, p)) })
}

// verdict is check for what run finds wrong.
func verdict(t *testing.T, name, known string, run func(t *testing.T) []string) string {
	t.Helper()
	result := "pass"
	t.Run(name, func(t *testing.T) {
		faults := run(t)
		if len(faults) > 0 {
			result = "**fail**: " + cmp.Or(known, strings.Join(strings.Fields(strings.Join(faults, "; ")), " "))
		}
		if (len(faults) > 0) != (known != "") {
			t.Errorf("%s; known: %q", result, known)
		}
	})
	return result
}

// host is what programs run on.
type host struct {
	abi      abi.ABI
	engine   *engine.Engine
	executor *executor.Executor
}

func newHost(t *testing.T, a abi.ABI) *host {
	t.Helper()
	e, err := engine.New(t.Context(), engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := e.AddHost(t.Context(), a.Define); err != nil {
		t.Fatal(err)
	}
	x, err := executor.New(executor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &host{a, e, x}
}

// run runs a program to its end, in a copy of its folder.
func (h *host) run(t *testing.T, p program) outcome {
	t.Helper()
	program, err := h.abi.Load(t.Context(), h.engine, abi.Source{
		Digest: p.wasm, Read: func() ([]byte, error) { return os.ReadFile(p.wasm) },
	})
	if err != nil {
		return outcome{err: err}
	}
	defer program.Release()
	var stdout, stderr output
	peer := client{says: p.says, done: make(chan error, 1)}
	if len(p.says) > 0 {
		stdout.onLine = peer.connect
	}
	stdin := hostcalls.NewPipe(len(p.stdin)) // nothing is ever written to it if it is not now, as in the suite's own runner
	if p.stdin != "" {
		if _, err := stdin.Writer().Write([]byte(p.stdin)); err != nil {
			t.Fatal(err)
		}
		stdin.CloseWrite()
	}
	config := abi.Config{
		Driver: h.executor.Driver(),
		Args:   append([]string{filepath.Base(p.wasm)}, p.spec.Args...),
		Env:    p.spec.environ(),
		Stdin:  stdin.Reader(),
		Stdout: &stdout,
		Stderr: &stderr,
	}
	if p.network {
		config.Network = network.Config{Stack: hostnet.New(h.executor.Driver()), Access: everywhere{}}
	}
	if p.spec.Root != "" {
		root := t.TempDir()
		if err := os.CopyFS(root, os.DirFS(filepath.Join(filepath.Dir(p.wasm), p.spec.Root))); err != nil {
			t.Fatal(err)
		}
		config.Grants = []capability.Grant{grant.Directory{HostPath: root, GuestPath: "/"}}
	}
	var exit abi.Exit
	done := make(chan struct{})
	process, err := program.NewProcess(&config)
	if err != nil {
		return outcome{err: err}
	}
	_, spawnErr := h.executor.Spawn(executor.TaskSpec{
		Turn: abi.Turns(process, func(e abi.Exit, failure error) { exit, err = e, failure }),
		Done: func(task *executor.Task) {
			if panicked := task.Panic(); panicked != nil {
				err = panicked
			}
			close(done)
		},
	})
	if spawnErr != nil {
		t.Fatal(spawnErr)
	}
	<-done
	if len(p.says) > 0 && stdout.onLine == nil {
		err = errors.Join(err, <-peer.done)
	}
	return outcome{exitCode: exit.Code, err: err, stdout: stdout.String(), stderr: stderr.String()}
}
