package component

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is what a daemon has to run components.
type node struct {
	testing.TB
	abi      *ABI
	engine   *engine.Engine
	executor *executor.Executor
}

func newNode(t testing.TB, config Config) *node {
	t.Helper()
	return newNodeOf(t, config, 1)
}

// newNodeOf makes a node with so many workers.
func newNodeOf(t testing.TB, config Config, workers int) *node {
	t.Helper()
	a, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(t.Context(), engine.Config{IdleModules: 100})
	if err != nil {
		t.Fatal(err)
	}
	x, err := executor.New(executor.Config{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := x.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return &node{t, a, e, x}
}

// source returns the bytes of a component: of testdata here, or of those that all tests share.
func source(t testing.TB, name string) abi.Source {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".wasm"))
	if os.IsNotExist(err) {
		b, err = os.ReadFile(filepath.Join("../../integration/testdata/components", name+".wasm"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return sourceOf(b)
}

func sourceOf(b []byte) abi.Source {
	sum := sha256.Sum256(b)
	return abi.Source{Digest: hex.EncodeToString(sum[:]), Read: func() ([]byte, error) { return b, nil }}
}

func (n *node) load(name string) *Program {
	n.Helper()
	p, err := n.abi.Load(n.Context(), n.engine, source(n, name))
	if err != nil {
		n.Fatal(err)
	}
	n.Cleanup(p.Release)
	return p.(*Program)
}

// onFiber calls body on a fiber, and waits.
func (n *node) onFiber(spec executor.TaskSpec, body func(f *executor.Fiber)) {
	n.Helper()
	spec.Run = body
	n.await(spec)
}

// await runs a task to its end.
func (n *node) await(spec executor.TaskSpec) {
	n.Helper()
	done := make(chan struct{})
	spec.Done = func(*executor.Task) { close(done) }
	if _, err := n.executor.Spawn(spec); err != nil {
		n.Fatal(err)
	}
	<-done
}

// run runs a process to its end.
func (n *node) run(p *Program, config *abi.Config) (exit abi.Exit, err error) {
	n.Helper()
	config.Driver = n.executor.Driver()
	process, err := p.NewProcess(config)
	if err != nil {
		return abi.Exit{}, err
	}
	n.await(executor.TaskSpec{Turn: abi.Turns(process, func(e abi.Exit, failure error) { exit, err = e, failure })})
	return exit, err
}

// inStore starts a store, calls body with it on its fiber, and closes it.
func (n *node) inStore(p *Program, body func(s *Store)) {
	n.Helper()
	n.inStoreOf(executor.TaskSpec{}, p, body)
}

// inStoreOf is inStore on a task as spec says.
func (n *node) inStoreOf(spec executor.TaskSpec, p *Program, body func(s *Store)) {
	n.Helper()
	s, err := p.NewStore(&abi.Config{Driver: n.executor.Driver()})
	if err != nil {
		n.Fatal(err)
	}
	n.onFiber(spec, func(f *executor.Fiber) {
		defer s.Close()
		if err := s.Start(f); err != nil {
			n.Error(err)
			return
		}
		body(s)
	})
}

// u32s are values of numbers.
func u32s(numbers ...uint32) (values []value.Value) {
	for _, n := range numbers {
		values = append(values, value.Value{Bits: uint64(n)})
	}
	return values
}
