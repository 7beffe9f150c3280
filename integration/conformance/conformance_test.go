package conformance

import (
	"bytes"
	"context"
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
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/reactor/grant"
)

const suiteVariable = "REACTORD_WASI_TESTSUITE"

var table = flag.String("table", "", "a file to write the results to, as a Markdown table")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSuite(t *testing.T) {
	suite := os.Getenv(suiteVariable)
	if suite == "" {
		t.Skipf("%s is not set: it names a copy of github.com/WebAssembly/wasi-testsuite, branch prod/testsuite-base", suiteVariable)
	}
	all, err := programs(suite)
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t)
	rows := "| suite | program | result | exact errnos |\n|---|---|---|---|\n"
	for _, p := range all {
		result, exact := h.check(t, p, p.suite+"/"+p.name), ""
		if p.suite == "rust" {
			p.spec.Env = map[string]string{exactErrnos: "1"}
			exact = h.check(t, p, p.suite+"/"+p.name+"/exact")
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

// check runs a program as a subtest and returns what becomes of it, for the table.
func (h *host) check(t *testing.T, p program, name string) string {
	result := "pass"
	t.Run(name, func(t *testing.T) {
		if faults := p.spec.faults(h.run(t, p)); len(faults) > 0 {
			result = "**fail**: " + strings.Join(strings.Fields(strings.Join(faults, "; ")), " ")
			t.Error(result)
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

func newHost(t *testing.T) *host {
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
	a := wasip1.New()
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
	config := abi.Config{
		Driver: h.executor.Driver(),
		Args:   append([]string{filepath.Base(p.wasm)}, p.spec.Args...),
		Env:    p.spec.environ(),
		Stdin:  hostcalls.NewPipe(0).Reader(), // to which nothing is ever written, as in the suite's own runner
		Stdout: &stdout,
		Stderr: &stderr,
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
	_, spawnErr := h.executor.Spawn(executor.TaskSpec{
		Run: func(f *executor.Fiber) {
			var process abi.Process
			if process, err = program.NewProcess(&config); err == nil {
				exit, err = process.Run(f)
			}
		},
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
	return outcome{exitCode: exit.Code, err: err, stdout: stdout.String(), stderr: stderr.String()}
}

// output is a Sink that keeps what it is given. It is written to on the fiber, and read after.
type output struct {
	hostcalls.Discard
	bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) { return o.Buffer.Write(b) }
