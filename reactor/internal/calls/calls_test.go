package calls

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/equip"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/stdio"
	"github.com/reactord/reactord/reactor/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeModules has one module.
type fakeModules struct {
	held, loads atomic.Int64
	program     abi.Program
	load        func(ctx context.Context) error
}

func (m *fakeModules) LookUp(context.Context, string) (store.Digest, *abi.Description, error) {
	return store.Digest{1}, &abi.Description{Kind: abi.Component}, nil
}
func (m *fakeModules) Hold(store.Digest)    { m.held.Add(1) }
func (m *fakeModules) Release(store.Digest) { m.held.Add(-1) }
func (m *fakeModules) CheckSpec(*errs.Faults, *abi.Description, *api.Spec, api.Limits, bool) error {
	return nil
}
func (m *fakeModules) LoadForClient(ctx context.Context, _ store.Digest) (abi.Program, error) {
	m.loads.Add(1)
	if m.load != nil {
		if err := m.load(ctx); err != nil {
			return nil, err
		}
	}
	return m.program, nil
}

// fakeProgram makes processes whose Run is a function.
type fakeProgram struct {
	run      func(f *executor.Fiber, config *abi.Config) (abi.Exit, error)
	released atomic.Int64
}

func (p *fakeProgram) Description() *abi.Description { return &abi.Description{Kind: abi.Component} }
func (p *fakeProgram) StartBytes() int64             { return 0 }
func (p *fakeProgram) Release()                      { p.released.Add(1) }
func (p *fakeProgram) NewProcess(config *abi.Config) (abi.Process, error) {
	return &fakeProcess{program: p, config: config}, nil
}

type fakeProcess struct {
	program *fakeProgram
	config  *abi.Config
	exit    abi.Exit
	err     error
}

func (p *fakeProcess) Turn(f *executor.Fiber) (executor.Next, bool) {
	p.config.OnStart()
	p.exit, p.err = p.program.run(f, p.config)
	return executor.End(), true
}

func (p *fakeProcess) Result() (abi.Exit, error)                               { return p.exit, p.err }
func (p *fakeProcess) AppendOps(ops []hostcalls.Op) []hostcalls.Op             { return ops }
func (p *fakeProcess) LastCall() string                                        { return "" }
func (p *fakeProcess) Waits() (past []hostcalls.WaitUsage, _ hostcalls.OpKind) { return nil, 0 }
func (p *fakeProcess) PeakMemory() int64                                       { return 7 }
func (p *fakeProcess) Refusal() *abi.Refusal                                   { return nil }
func (p *fakeProcess) ListenAddresses() []string                               { return nil }

var errForbidden = errors.New("forbidden")

// authorize allows all connections but one.
func authorize(_ context.Context, grants []grant.Grant) error {
	if slices.Contains(grants, grant.Grant(grant.Connection{Address: "10.0.0.1:80"})) {
		return errForbidden
	}
	return nil
}

func newCaller(t *testing.T, modules *fakeModules, memory int64) *Caller {
	t.Helper()
	e, err := executor.New(executor.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	c := New(Config{Modules: modules, Executor: e, Authorize: authorize, Memory: memory, Limits: func() (intake.Bounds, api.Limits) {
		return intake.Bounds{StdinBytes: 1000, Grants: 10, Limits: api.Limits{MemoryBytes: 1 << 30, StackBytes: 1 << 30, LogBytes: 1 << 30, Descriptors: 100, PendingOps: 100, Connections: 100}},
			api.Limits{MemoryBytes: 1 << 20, StackBytes: 1 << 20, LogBytes: 1, Descriptors: 10, PendingOps: 10, Connections: 10}
	}})
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if n := len(c.programs.all); n != 0 {
			t.Errorf("%d programs are left", n)
		}
		if n := modules.held.Load(); n != 0 {
			t.Errorf("%d holds of the module are left", n)
		}
		if n := c.memory.used; n != 0 {
			t.Errorf("%d bytes of memory are left", n)
		}
	})
	return c
}

var spec = &api.Spec{Module: "m", Call: &api.FunctionCall{Export: "f"}}

func TestCall(t *testing.T) {
	program := &fakeProgram{run: func(_ *executor.Fiber, config *abi.Config) (abi.Exit, error) {
		_, _ = config.Stdout.Write(make([]byte, stdio.MaxBeginning+5))
		return abi.Exit{}, nil
	}}
	modules := &fakeModules{program: program}
	c := newCaller(t, modules, 1)
	for range 3 {
		result, err := c.Call(t.Context(), spec, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s := result.Status; s.State != api.Succeeded || s.Usage.PeakMemoryBytes != 7 || len(result.Output) != stdio.MaxBeginning || result.OutputDropped != 5 {
			t.Errorf("%+v, %d bytes of output and %d more", s, len(result.Output), result.OutputDropped)
		}
	}
	if loads, released := modules.loads.Load(), program.released.Load(); loads != 3 || released != 3 {
		t.Errorf("the program was loaded %d times and released %d times: the engine is to keep it, not the caller", loads, released)
	}
}

// Calls at the same time share a program, which is released with the last.
func TestShared(t *testing.T) {
	program := &fakeProgram{}
	modules := &fakeModules{program: program}
	c := newCaller(t, modules, 1)
	var first atomic.Pointer[executor.Task]
	program.run = func(f *executor.Fiber, _ *abi.Config) (abi.Exit, error) {
		if !first.CompareAndSwap(nil, f.Task()) {
			first.Load().Wake()
			return abi.Exit{}, nil
		}
		return abi.Exit{}, f.Park() // until the other call
	}
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if _, err := c.Call(t.Context(), spec, nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if loads, released := modules.loads.Load(), program.released.Load(); loads != 1 || released != 1 {
		t.Errorf("the program was loaded %d times and released %d times", loads, released)
	}
}

// Call returns when the guest has been unwound.
func TestClientGoes(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	var unwound atomic.Bool
	program := &fakeProgram{run: func(f *executor.Fiber, _ *abi.Config) (abi.Exit, error) {
		cancel(gone)
		err := f.Park()
		for err == nil {
			err = f.Park()
		}
		unwound.Store(true)
		return abi.Exit{}, err
	}}
	c := newCaller(t, &fakeModules{program: program}, 1)
	if _, err := c.Call(ctx, spec, nil); !errors.Is(err, gone) || !unwound.Load() {
		t.Errorf("error %v, unwound %t", err, unwound.Load())
	}
}

// What guests hold together has a bound, and is given back.
func TestMemory(t *testing.T) {
	const memory = 4 << 20
	program := &fakeProgram{run: func(_ *executor.Fiber, config *abi.Config) (abi.Exit, error) {
		if config.Memory.Allowance() == nil {
			return abi.Exit{}, errors.New("no allowance")
		}
		for _, bytes := range []int64{10, piece, 2*piece + 1, memory} {
			if wait, err := config.Memory.Ask(bytes); wait || err != nil {
				return abi.Exit{}, fmt.Errorf("%d bytes: %t, %w", bytes, wait, err)
			}
		}
		_, err := config.Memory.Ask(memory + 1)
		return abi.Exit{}, err
	}}
	c := newCaller(t, &fakeModules{program: program}, memory)
	for range 2 {
		result, err := c.Call(t.Context(), spec, nil)
		if err != nil || result.Status.Reason != api.ReasonNodeMemory {
			t.Errorf("%+v, %v", result, err)
		}
	}
}

// A guest that could have the memory if others did not is refused, with when to try again.
func TestMemoryOfOthers(t *testing.T) {
	const memory = 4 << 20
	var c *Caller
	program := &fakeProgram{run: func(_ *executor.Fiber, config *abi.Config) (abi.Exit, error) {
		c.memory.take(1)
		defer c.memory.give(1)
		_, err := config.Memory.Ask(memory)
		return abi.Exit{}, err
	}}
	c = newCaller(t, &fakeModules{program: program}, memory)
	_, err := c.Call(t.Context(), spec, nil)
	if refused, ok := errors.AsType[*errs.Error](err); !ok || refused.Class != errs.QueueFull || refused.Retry == 0 {
		t.Errorf("%v", err)
	}
}

// If the client whose call loads a program goes, another one loads it.
func TestLoaderGoes(t *testing.T) {
	program := &fakeProgram{run: func(*executor.Fiber, *abi.Config) (abi.Exit, error) { return abi.Exit{}, nil }}
	ctx, cancel := context.WithCancel(t.Context())
	loading := make(chan struct{})
	var first sync.Once
	modules := &fakeModules{program: program}
	modules.load = func(ctx context.Context) (err error) {
		first.Do(func() {
			close(loading)
			<-ctx.Done()
			err = ctx.Err()
		})
		return err
	}
	c := newCaller(t, modules, 1)
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := c.Call(ctx, spec, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("the client that has gone gets %v", err)
		}
	})
	<-loading
	group.Go(func() {
		if _, err := c.Call(t.Context(), spec, nil); err != nil {
			t.Errorf("the other client gets %v", err)
		}
	})
	cancel()
	group.Wait()
}

// What only workloads have is refused, all of it at once.
func TestRefused(t *testing.T) {
	c := newCaller(t, &fakeModules{}, 1)
	_, err := c.Call(t.Context(), &api.Spec{
		Module: "m", Interactive: true, StdinFrom: "a", StdoutTo: "b",
		Grants: []grant.Grant{grant.Connection{Address: "10.0.0.2:80"}, grant.Dial{Pattern: "10.0.0.2:80"}, grant.Link{Interface: "a:b/c", Workload: "w"}},
	}, nil)
	refused, ok := errors.AsType[*errs.Error](err)
	if !ok || len(refused.Fields) != 5 || refused.Fields[4].Path != "spec.grants[1]" {
		t.Errorf("%v", err)
	}
}

// A call has the connections that it is granted, each by a lease, and no way to others. What the operator does not allow is refused.
func TestConnections(t *testing.T) {
	program := &fakeProgram{run: func(_ *executor.Fiber, config *abi.Config) (abi.Exit, error) {
		if len(config.Grants) != 1 || len(config.Leases) != 1 || config.Leases[0].String() != "--connect db=10.0.0.2:80" || config.Network.Sockets != 10 {
			t.Errorf("grants %v, leases %v, %d sockets", config.Grants, config.Leases, config.Network.Sockets)
		}
		if _, err := config.Network.Access.Dial(network.OverTCP, netip.MustParseAddrPort("10.0.0.2:80"), nil); !errors.Is(err, network.ErrNotGranted) {
			t.Errorf("dialling: %v", err)
		}
		return abi.Exit{}, nil
	}}
	c := newCaller(t, &fakeModules{program: program}, 1)
	c.Host.Permit = permits{}
	for address, want := range map[string]error{"10.0.0.2:80": nil, "10.0.0.1:80": errForbidden} {
		connected := *spec
		connected.Grants = []grant.Grant{grant.Connection{Address: address}}
		if want == nil {
			connected.Grants = []grant.Grant{grant.Connection{Name: "db", Address: address}}
		}
		if _, err := c.Call(t.Context(), &connected, nil); !errors.Is(err, want) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// permits permits all.
type permits struct{ equip.Permit }

func (permits) Connect(string, netip.AddrPort) error { return nil }
