package engine

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
)

var unary = meter.FuncType{Params: []meter.ValType{meter.I32}, Results: []meter.ValType{meter.I32}}

// userLinking links testdata/group_user.wat with the owner, the host, and nothing else.
var userLinking = Linking{
	{Name: "memory"}, {Name: "table"}, {Name: "base"}, {Name: ""}, {Name: "twice"}, {Name: "through"}, {Name: "trap"},
	{Provider: 1, Name: "call", Host: true},
}

func loadLinked(t testing.TB, e *Engine, name string, linking Linking) *Module {
	t.Helper()
	m, err := e.LoadLinked(t.Context(), name, linking, func() ([]byte, error) { return binaryOf(t, name), nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Release)
	return m
}

// hostCall is a host module with the function call, which calls the guest that is its context.
func hostCall(t testing.TB, e *Engine) *HostModule {
	t.Helper()
	h, err := e.NewHostModule("host", []HostFunction{{Name: "call", Type: unary, Call: api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		g := ctx.(*guest)
		stack[0] = uint64(g.call(g, uint32(stack[0])))
	})}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func newGroup(t testing.TB, e *Engine, g *guest, config InstanceConfig) *Group {
	t.Helper()
	if g.quantum == 0 {
		g.quantum = testQuantum
	}
	config.Host = g
	group, err := e.NewGroup(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(group.Close)
	group.Refill(g.quantum)
	return group
}

// pair is an instance of each of the two modules.
type pair struct {
	group       *Group
	owner, user *CoreInstance
}

func newPair(t testing.TB, e *Engine, g *guest, config InstanceConfig) pair {
	t.Helper()
	owner, user, host := loadLinked(t, e, "group_owner", nil), loadLinked(t, e, "group_user", userLinking), hostCall(t, e)
	group := newGroup(t, e, g, config)
	p := pair{group: group}
	var err error
	if p.owner, err = group.Instantiate(owner); err != nil {
		t.Fatal(err)
	}
	if p.user, err = group.Instantiate(user, p.owner, host); err != nil {
		t.Fatal(err)
	}
	return p
}

// callLinked calls a function with at most one result.
func callLinked(c *CoreInstance, export string, args ...uint64) (uint64, error) {
	stack := slices.Concat(args, []uint64{0})
	err := c.Function(export).Call(stack)
	return stack[0], err
}

func mustCall(t testing.TB, c *CoreInstance, export string, args ...uint64) uint64 {
	t.Helper()
	result, err := callLinked(c, export, args...)
	if err != nil {
		t.Fatalf("%s: %v", export, err)
	}
	return result
}

// TestGroup: instances share functions, memories, tables and globals, whatever these are called.
func TestGroup(t *testing.T) {
	for _, tt := range []struct {
		name     string
		numbered bool
	}{
		{"types are numbered", true},
		{"wazero has changed", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine(t, Config{})
			if !e.types.possible {
				t.Error("the types can't be numbered")
			}
			e.types.possible = tt.numbered
			p := newPair(t, e, &guest{call: func(_ *guest, n uint32) uint32 { return n + 100 }}, InstanceConfig{})
			memory := p.owner.Memory()
			if got, _ := memory.Read(0, 260); string(got[:5]) != "owner" || string(got[256:]) != "user" {
				t.Errorf("the memory begins with %q", got)
			}
			for _, c := range []struct {
				in     *CoreInstance
				export string
				args   []uint64
				want   uint64
			}{
				{p.user, "count", nil, 8}, // the start function has counted
				{p.user, "twice", []uint64{21}, 42},
				{p.user, "add", []uint64{30}, 38},
				{p.user, "call", []uint64{5}, 105},
				{p.owner, "through", []uint64{0, 4}, 8},
				{p.owner, "through", []uint64{1, 4}, 12},
				{p.owner, "through", []uint64{2, 4}, 104}, // the host's
				{p.owner, "through", []uint64{3, 4}, 16},
				{p.user, "grow", []uint64{2}, 1},
				{p.owner, "grow", []uint64{2}, 0xffffffff}, // beyond its maximum
				{p.owner, "grow", []uint64{1}, 3},
			} {
				if got := mustCall(t, c.in, c.export, c.args...); got != c.want {
					t.Errorf("%s%v = %d, want %d", c.export, c.args, got, c.want)
				}
			}
			mustCall(t, p.user, "store", 4<<16-1, 9)
			if got := mustCall(t, p.owner, "byte", 4<<16-1); got != 9 {
				t.Errorf("the owner sees %d in its memory", got)
			}
			if got := p.owner.Global(""); got != 8 {
				t.Errorf("the global is %d", got)
			}
		})
	}
}

// TestGroupMetersCallsBetweenModules: modules that call each other back are preempted, and their stacks end, although none of
// them has a cycle of its own.
func TestGroupMetersCallsBetweenModules(t *testing.T) {
	g := &guest{quantum: 10_000}
	p := newPair(t, newEngine(t, Config{}), g, InstanceConfig{})
	if got := mustCall(t, p.user, "power", 12); got != 1<<12 || g.preempts < 4 {
		t.Errorf("%d calls, %d preemptions", got, g.preempts)
	}
	stop := errors.New("stop")
	g.preempt = func() error {
		if g.preempts > 1000 {
			return stop
		}
		return nil
	}
	if _, err := callLinked(p.user, "power", 60); err != stop {
		t.Errorf("a guest that calls for ever ends with %v", err)
	}
	p = newPair(t, newEngine(t, Config{}), &guest{quantum: 1 << 40}, InstanceConfig{StackBytes: 64 << 10})
	_, err := callLinked(p.user, "power", 1<<20)
	if trap, ok := errors.AsType[*Trap](err); !ok || trap.Code != StackOverflow || p.group.stack.granted > 64<<10 {
		t.Errorf("deep recursion ends with %v and %d bytes of stack", err, p.group.stack.granted)
	}
}

// TestGroupTrap: a trap in one instance ends all, and tells in which modules the frames are.
func TestGroupTrap(t *testing.T) {
	p := newPair(t, newEngine(t, Config{}), &guest{}, InstanceConfig{})
	_, err := callLinked(p.user, "trap")
	trap, ok := errors.AsType[*Trap](err)
	if !ok || trap.Code != Unreachable || len(trap.Frames) != 2 {
		t.Fatalf("%v", err)
	}
	for i, want := range []string{"group_owner", "group_user"} {
		if f := trap.Frames[i]; f.Module != want || f.Function != "trap" || f.Offset == 0 {
			t.Errorf("frame %d is %+v, want one of %s", i, f, want)
		}
	}
	if _, err := callLinked(p.owner, "twice", 1); err != errEnded {
		t.Errorf("a call after the trap: %v", err)
	}
}

// TestGroupTrapOfNestedCall: a trap in a call that a host function makes shows who called the host function.
func TestGroupTrapOfNestedCall(t *testing.T) {
	g := &guest{}
	p := newPair(t, newEngine(t, Config{}), g, InstanceConfig{})
	fails := p.owner.Function("trap")
	g.call = func(*guest, uint32) uint32 {
		if err := fails.Call(nil); err != nil {
			Abort(err)
		}
		return 0
	}
	_, err := callLinked(p.user, "call", 1)
	trap, ok := errors.AsType[*Trap](err)
	if !ok || trap.Code != Unreachable || trap.More {
		t.Fatalf("%v", err)
	}
	var frames []string
	for _, f := range trap.Frames {
		frames = append(frames, f.Module+" "+f.Function)
	}
	if want := []string{"group_owner trap", " host.call", "group_user call"}; !slices.Equal(frames, want) {
		t.Errorf("the frames are %q, want %q", frames, want)
	}
	if _, err := callLinked(p.owner, "twice", 1); err != errEnded {
		t.Errorf("a call after the trap: %v", err)
	}
}

// TestGroupReentrance: a host function calls the guest that calls it, on and on, until the guest's bound of the stack.
func TestGroupReentrance(t *testing.T) {
	g := &guest{}
	p := newPair(t, newEngine(t, Config{}), g, InstanceConfig{})
	call, depth := p.user.Function("call"), uint32(0)
	g.call = func(_ *guest, n uint32) uint32 {
		depth++
		if n == 0 {
			return 1
		}
		stack := []uint64{uint64(n - 1)}
		if err := call.Call(stack); err != nil {
			Abort(err)
		}
		return uint32(stack[0]) + 1
	}
	for range 3 {
		if got := mustCall(t, p.user, "call", 20); got != 21 {
			t.Errorf("%d", got)
		}
	}
	if left := int64(p.user.stackLeft.Get()) + int64(p.owner.stackLeft.Get()); left != p.group.stack.granted {
		t.Errorf("%d of %d bytes of stack are left after the calls", left, p.group.stack.granted)
	}
	depth = 0
	_, err := callLinked(p.user, "call", 1<<30)
	if trap, ok := errors.AsType[*Trap](err); !ok || trap.Code != StackOverflow {
		t.Errorf("endless recursion ends with %v", err)
	}
	if most := uint32(defaultStackBytes / nestedStack); depth > most+1 || depth < most/2 {
		t.Errorf("%d calls deep", depth)
	}
}

// TestGroupIdleHandles: while a guest waits the collector takes the handles of functions, and they can be called again.
func TestGroupIdleHandles(t *testing.T) {
	p := newPair(t, newEngine(t, Config{}), &guest{call: func(_ *guest, n uint32) uint32 { return n + 1 }}, InstanceConfig{})
	all := make([]*Function, 5) // more than are kept between two waits
	for i := range all {
		all[i] = p.user.Function("call")
	}
	for range 3 {
		for i := range 2 * len(all) {
			stack := []uint64{41}
			if err := all[i%len(all)].Call(stack); err != nil || stack[0] != 42 {
				t.Fatalf("%d, %v", stack[0], err)
			}
		}
		p.group.Rest()
		runtime.GC()
		for _, f := range all {
			if len(f.idle) != 1 || f.idle[0].Value() != nil {
				t.Errorf("there are %d idle handles, and the first is still there", len(f.idle))
			}
		}
	}
}

// TestGroupLinkErrors: what cannot be linked is told as such.
func TestGroupLinkErrors(t *testing.T) {
	e := newEngine(t, Config{})
	owner := loadLinked(t, e, "group_owner", nil)
	for name, change := range map[string]func(Linking){
		"an unknown export":        func(l Linking) { l[4].Name = "thrice" },
		"a function of other type": func(l Linking) { l[4].Name = "through" },
		"another kind":             func(l Linking) { l[4].Name = "memory" },
		"a global of other type":   func(l Linking) { l[3].Name = "base" },
		"no such provider":         func(l Linking) { l[4].Provider = 5 },
		"a function of the host":   func(l Linking) { l[7].Name = "unknown" },
	} {
		linking := slices.Clone(userLinking)
		change(linking)
		user := loadLinked(t, e, "group_user", linking)
		group := newGroup(t, e, &guest{}, InstanceConfig{})
		o, err := group.Instantiate(owner)
		if err != nil {
			t.Fatal(err)
		}
		_, err = group.Instantiate(user, o, hostCall(t, e))
		if _, ok := errors.AsType[*LinkError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
		group.Close()
	}
	if used := e.MemoryUsed(); used != 0 {
		t.Errorf("%d bytes are in use", used)
	}
	if _, err := newGroup(t, e, &guest{}, InstanceConfig{}).Instantiate(load(t, e, "guest")); err == nil || !strings.Contains(err.Error(), "link") {
		t.Errorf("a module that was not loaded for a group: %v", err)
	}
}
