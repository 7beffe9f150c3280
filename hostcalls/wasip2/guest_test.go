package wasip2

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/wit"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// guest calls the functions of the interfaces as a component does, with a memory of its own, in which handles are the numbers
// of objects.
type guest struct {
	t         testing.TB
	store     *component.Store
	functions map[string]hostFunction // by interface#function
	resources map[string]component.Resource
	memory    []byte
	used      uint32
}

type hostFunction struct {
	component.Function
	typ *types.Func
}

// withGuest runs body as a component of a config, on a fiber. The error is that with which it ended.
func withGuest(t testing.TB, config abi.Config, body func(*guest)) error {
	t.Helper()
	wait, _ := startGuest(t, wasi.NewNode(files.NewAppends()), config, body)
	return wait()
}

// startGuest starts what withGuest runs, on a node.
func startGuest(t testing.TB, node *wasi.Node, config abi.Config, body func(*guest)) (wait func() error, task *executor.Task) {
	t.Helper()
	components, err := component.New(component.Config{Interfaces: Interfaces(), NewHost: newHost(node)})
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
	program, err := components.LoadProgram(t.Context(), e, abi.Source{
		Digest: strings.Repeat("0", 64), Read: func() ([]byte, error) { return []byte("\x00asm\x0d\x00\x01\x00"), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	config.Driver = x.Driver()
	if config.MemoryBytes == 0 {
		config.MemoryBytes = 64 << 20
	}
	store, err := program.NewStore(&config)
	if err != nil {
		t.Fatal(err)
	}
	var ended error
	done := make(chan struct{})
	task, err = x.Spawn(executor.TaskSpec{
		Run: func(f *executor.Fiber) {
			defer store.Close()
			if ended = store.Start(f); ended != nil {
				return
			}
			ended = engine.Protect(func() error {
				body(newGuest(t, store))
				return nil
			})
		},
		Done: func(*executor.Task) { close(done) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() error {
		<-done
		program.Release()
		ctx := context.WithoutCancel(t.Context())
		if err := x.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
		return ended
	}, task
}

// testHost is the component.Host of a store of WASI 0.2.
type testHost struct {
	wasi.Host
	state State
}

func (h *testHost) WASIP2() *State { return &h.state }

func (h *testHost) Close() {
	h.state.Close()
	h.Host.Close()
}

func newHost(node *wasi.Node) func(*component.Store, *abi.Config) (component.Host, error) {
	return func(store *component.Store, config *abi.Config) (component.Host, error) {
		h := &testHost{}
		h.Init(node, store, config)
		h.state.Init(&h.Host, store, config.PendingOps, config.HTTP)
		return h, nil
	}
}

func newGuest(t testing.TB, store *component.Store) *guest {
	g := &guest{
		t: t, store: store, memory: make([]byte, 4<<20), used: 16,
		functions: map[string]hostFunction{}, resources: map[string]component.Resource{},
	}
	scope := wit.NewScope(types.NewTable())
	for _, i := range Interfaces() {
		defined, err := scope.Define(i.Name, i.Types)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range i.Functions {
			typ, err := defined.Func(f.Type)
			if err != nil {
				t.Fatal(err)
			}
			g.functions[i.Name+"#"+f.Name] = hostFunction{f, typ}
		}
		for _, r := range i.Resources {
			g.resources[i.Name+"#"+r.Name] = r
		}
	}
	return g
}

// The memory and the handles of a guest, as an abi.Context has them.

func (g *guest) Bytes() []byte { return g.memory }

func (g *guest) Realloc(_, _, align, size uint32) (uint32, error) {
	at := (g.used + align - 1) &^ (align - 1)
	if int(at+size) > len(g.memory) {
		return 0, fmt.Errorf("the test's memory is full")
	}
	g.used = at + size
	return at, nil
}

func (g *guest) Charge(bytes int) error { return g.store.Charge(int64(bytes) >> 3) }

func (*guest) LiftOwn(_ *types.Resource, handle uint32) (uint32, error)    { return handle, nil }
func (*guest) LiftBorrow(_ *types.Resource, handle uint32) (uint32, error) { return handle, nil }
func (*guest) LowerOwn(_ *types.Resource, rep uint32) (uint32, error)      { return rep, nil }
func (*guest) LowerBorrow(_ *types.Resource, rep uint32) (uint32, error)   { return rep, nil }

func (g *guest) context() *cabi.Context {
	return &cabi.Context{Memory: g, Handles: g, Budget: 1 << 20, OnError: engine.Abort}
}

// call calls a function. args writes its arguments, and results reads its result; each may be nil if there is none.
func (g *guest) call(name string, args func(*cabi.Writer), results func(*cabi.Reader)) {
	g.t.Helper()
	f, ok := g.functions[name]
	if !ok {
		g.t.Fatalf("there is no function %s", name)
	}
	g.used = 16
	lift, lower := cabi.Lift(f.typ, types.Sync), cabi.Lower(f.typ, types.Sync)
	stack := make([]uint64, 32)
	params := lift.WriteParams(g.context(), stack)
	if args != nil {
		args(&params)
	}
	if err := params.End(); err != nil {
		g.t.Fatalf("%s: the arguments are wrong: %v", name, err)
	}
	if lower.ResultInMemory {
		at, err := g.Realloc(0, 0, f.typ.Result.Align, f.typ.Result.Size)
		if err != nil {
			g.t.Fatal(err)
		}
		stack[len(lower.Core.Params)-1] = uint64(at)
		defer func() { _ = at }()
		g.invoke(name, f, lower, stack)
		stack[0] = uint64(at)
	} else {
		g.invoke(name, f, lower, stack)
	}
	if results != nil {
		result := lift.ReadResult(g.context(), stack)
		results(&result)
	}
}

func (g *guest) invoke(name string, f hostFunction, lower *cabi.Plan, stack []uint64) {
	g.t.Helper()
	c := g.context()
	call := component.NewCall(g.store, lower.ReadParams(c, stack), lower.WriteResult(c, stack))
	f.Call(call)
	if err := call.Results.End(); err != nil {
		g.t.Errorf("%s: the result is wrong: %v", name, err)
	}
}

// drop drops an object of a resource.
func (g *guest) drop(resource string, rep uint32) {
	g.t.Helper()
	r, ok := g.resources[resource]
	if !ok {
		g.t.Fatalf("there is no resource %s", resource)
	}
	r.Drop(component.NewCall(g.store, cabi.Reader{}, cabi.Writer{}), rep)
}

// traps calls body, which has to end the guest with a message.
func (g *guest) traps(message string, body func()) {
	g.t.Helper()
	err := engine.Protect(func() error {
		body()
		return nil
	})
	if trap, ok := errors.AsType[*engine.Trap](err); !ok || !strings.Contains(trap.Message, message) {
		g.t.Errorf("it ended with %v, want a trap that says %q", err, message)
	}
}

// borrowed writes a handle, and nothing else.
func borrowed(rep uint32) func(*cabi.Writer) { return func(w *cabi.Writer) { w.Borrow(rep) } }

// own calls a function that takes handles and returns one.
func (g *guest) own(name string, handles ...uint32) (rep uint32) {
	g.t.Helper()
	g.call(name, func(w *cabi.Writer) {
		for _, h := range handles {
			w.Borrow(h)
		}
	}, func(r *cabi.Reader) { rep = r.Own() })
	return rep
}
