package wasip3_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/channel"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/network/networktest"
	"github.com/reactord/reactord/hostcalls/wasi/versions"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// steps is a program that carries out its arguments and prints what comes of them; its source says which there are.
const steps = "../../integration/testdata/components/steps.wasm"

const (
	serverAt = "10.0.0.1:80"
	secretAt = "10.0.0.3:22"
	ownAt    = "10.0.0.9:8080"
)

// node runs programs.
type node struct {
	t        *testing.T
	engine   *engine.Engine
	executor *executor.Executor
	program  abi.Program
}

func newNode(t *testing.T) *node {
	t.Helper()
	return newNodeOf(t, steps)
}

// newNodeOf returns a node for a program of a file.
func newNodeOf(t *testing.T, file string) *node {
	t.Helper()
	components, err := component.New(versions.Config(files.NewAppends()))
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(t.Context(), engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := executor.New(executor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	program, err := components.Load(t.Context(), e, abi.Source{Digest: strings.Repeat("0", 64), Read: func() ([]byte, error) { return os.ReadFile(file) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		program.Release()
		if err := errors.Join(x.Close(context.Background()), e.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return &node{t, e, x, program}
}

// rig is what one program runs with: a network in memory, grants by one lease, a budget of descriptors.
type rig struct {
	*node
	stack  *networktest.Stack
	by     *lease.Lease
	budget *hostcalls.Budget
	config abi.Config
}

func (n *node) rig(t *testing.T) *rig {
	t.Helper()
	r := &rig{node: n, stack: networktest.New(), by: lease.New("--dial"), budget: hostcalls.NewBudget(1000)}
	r.t = t
	r.config = abi.Config{
		Driver: n.executor.Driver(), Budget: r.budget, Owner: "w", MemoryBytes: 64 << 20,
		Network: network.Config{Stack: r.stack, Access: access{
			dial: []string{serverAt, ownAt, "10.0.0.5:53"}, listen: []string{ownAt}, names: []string{"example.org"}, by: r.by,
		}},
	}
	return r
}

// access allows what it lists, by a lease.
type access struct {
	dial, listen, names []string
	by                  *lease.Lease
}

func (a access) Dial(_ network.Protocol, to netip.AddrPort, _ []string) (network.Grant, error) {
	return a.grantIf(slices.Contains(a.dial, to.String()))
}

func (a access) Listen(_ network.Protocol, at netip.AddrPort) (network.Grant, error) {
	return a.grantIf(slices.Contains(a.listen, at.String()))
}

func (a access) Resolve(name string) (network.Grant, error) {
	return a.grantIf(slices.Contains(a.names, name))
}

func (a access) grantIf(allowed bool) (network.Grant, error) {
	switch {
	case !allowed:
		return nil, network.ErrNotGranted
	case a.by.Revoked():
		return nil, network.ErrRevoked
	}
	return a.by, nil
}

// run is a program that runs.
type run struct {
	*rig
	process  abi.Process
	task     *executor.Task
	channels *channel.Exchange // of a call
	output   lines
	done     chan struct{}
	exit     abi.Exit
	err      error
}

// start starts a program with steps.
func (r *rig) start(does ...string) *run {
	r.t.Helper()
	config := r.config
	config.Args = append([]string{"steps"}, does...)
	return r.begin(&config)
}

// begin starts a program.
func (r *rig) begin(config *abi.Config) *run {
	r.t.Helper()
	p := &run{rig: r, done: make(chan struct{})}
	p.output.more = make(chan struct{}, 1)
	if config.Stdout == nil {
		config.Stdout = &p.output
	}
	process, err := r.program.NewProcess(config)
	if err != nil {
		r.t.Fatal(err)
	}
	p.process = process
	p.task, err = r.executor.Spawn(executor.TaskSpec{
		Turn: abi.Turns(process, func(e abi.Exit, err error) { p.exit, p.err = e, err }),
		Done: func(*executor.Task) { close(p.done) },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// says waits for the next lines that the program prints.
func (p *run) says(want ...string) {
	p.t.Helper()
	for _, w := range want {
		if got := p.output.next(p.done); got != w {
			p.t.Fatalf("it says %q, want %q (%v)", got, w, p.err)
		}
	}
}

// ends waits for the end of the program, which has said all, and checks that nothing is left of it.
func (p *run) ends() {
	p.t.Helper()
	p.says("")
	<-p.done
	if p.err != nil || p.exit.Code != 0 {
		p.t.Errorf("it ended with %d, %v", p.exit.Code, p.err)
	}
	p.left()
}

// left checks that nothing is left of a program that has ended. Files are closed by the pool.
func (p *run) left() {
	p.t.Helper()
	for patience := time.Now().Add(time.Minute); time.Now().Before(patience); time.Sleep(time.Millisecond) {
		if used, _ := p.budget.Use(); used == 0 && p.by.Open() == 0 {
			return
		}
	}
	used, _ := p.budget.Use()
	p.t.Errorf("%d descriptors are still taken, %d open by the grant", used, p.by.Open())
}

// waits waits until the program has an operation of a kind, and returns its target.
func (p *run) waits(kind hostcalls.OpKind) (target string) {
	p.t.Helper()
	for {
		for _, op := range p.process.AppendOps(nil) {
			if op.Kind == kind {
				return op.Target
			}
		}
		select {
		case <-p.done:
			p.t.Fatalf("it has ended before it waited for %v: %v", kind, p.err)
		case <-time.After(time.Millisecond):
		}
	}
}

// lines is a standard output.
type lines struct {
	hostcalls.Discard
	mu   sync.Mutex
	text []byte
	more chan struct{}
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	select {
	case l.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

// next returns the next line, or nothing if the program has ended.
func (l *lines) next(done <-chan struct{}) string {
	for {
		l.mu.Lock()
		line, rest, whole := bytes.Cut(l.text, []byte("\n"))
		if whole {
			l.text = rest
		}
		l.mu.Unlock()
		if whole {
			return string(line)
		}
		select {
		case <-l.more:
		case <-done:
			l.mu.Lock()
			more := bytes.ContainsRune(l.text, '\n')
			l.mu.Unlock()
			if !more {
				return ""
			}
		}
	}
}
