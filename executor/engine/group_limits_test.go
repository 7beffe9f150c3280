package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// linkedModule loads a module that a test has made.
func linkedModule(t testing.TB, e *Engine, name string, m *wasm.Module, linking Linking) *Module {
	t.Helper()
	module, err := e.LoadLinked(t.Context(), t.Name()+name, linking, func() ([]byte, error) { return m.Encode(), nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(module.Release)
	return module
}

func mustInstantiate(t testing.TB, g *Group, m *Module, providers ...Provider) *CoreInstance {
	t.Helper()
	c, err := g.Instantiate(m, providers...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestGroupMemory: the memories of all instances count together. An instance that imports one takes no more.
func TestGroupMemory(t *testing.T) {
	e := newEngine(t, Config{})
	own := linkedModule(t, e, "own", growing(wasm.Bounds{Min: 1}), nil)
	importing := growing(wasm.Bounds{})
	importing.Memories = nil
	importing.Imports = []wasm.Import{{Module: "m", Name: "memory", Kind: wasm.MemoryExtern}}
	imports := linkedModule(t, e, "imports", importing, Linking{{Name: "memory"}})
	exporting := growing(wasm.Bounds{Min: 2})
	exporting.Exports = append(exporting.Exports, wasm.Export{Name: "memory", Kind: wasm.MemoryExtern})
	exports := linkedModule(t, e, "exports", exporting, nil)

	var refused []int64
	const limit = 8 * page
	group := newGroup(t, e, &guest{}, InstanceConfig{MemoryBytes: limit, OnGrowRefused: func(bytes int64, why error) {
		if !errors.Is(why, ErrOutOfMemory) {
			t.Errorf("refused for %v", why)
		}
		refused = append(refused, bytes)
	}})
	a, b := mustInstantiate(t, group, own), mustInstantiate(t, group, exports)
	c := mustInstantiate(t, group, imports, b)
	for _, step := range []struct {
		in     *CoreInstance
		by     uint64
		result uint32
	}{{a, 2, 1}, {c, 1, 2}, {b, 1, 3}, {c, 1, 1<<32 - 1}, {a, 1, 1<<32 - 1}} {
		if got := uint32(mustCall(t, step.in, "grow", step.by)); got != step.result {
			t.Errorf("grown by %d from %d pages, want %d", step.by, int32(got), int32(step.result))
		}
	}
	if a, b := mustCall(t, a, "size"), mustCall(t, b, "size"); a != 3 || b != 4 {
		t.Errorf("the memories have %d and %d pages", a, b)
	}
	if want := []int64{5 * page, 4 * page}; !slices.Equal(refused, want) {
		t.Errorf("refused %d, want %d", refused, want)
	}
	if peak := group.PeakMemory(); peak < 7*page || peak > limit {
		t.Errorf("%d bytes at most", peak)
	}
	group.Close()
	group.Close()
	if used := e.MemoryUsed(); used != 0 {
		t.Errorf("%d bytes are in use", used)
	}
	if _, err := newGroup(t, e, &guest{}, InstanceConfig{MemoryBytes: page}).Instantiate(exports); err != ErrOutOfMemory {
		t.Errorf("a memory beyond the limit: %v", err)
	}
}

// TestGroupCountsInstances: any number of instances counts, also if they have nothing.
func TestGroupCountsInstances(t *testing.T) {
	e := newEngine(t, Config{})
	empty := linkedModule(t, e, "", &wasm.Module{}, nil)
	group := newGroup(t, e, &guest{}, InstanceConfig{MemoryBytes: 1 << 20})
	before := heapBytes()
	n := 0
	for ; n < 1000; n++ {
		if _, err := group.Instantiate(empty); err != nil {
			if err != ErrOutOfMemory {
				t.Error(err)
			}
			break
		}
	}
	took := (heapBytes() - before) / int64(n)
	t.Logf("%d instances of %d bytes", n, took)
	if counted := group.PeakMemory() / int64(n); n == 1000 || took > counted*3/2 {
		t.Errorf("%d instances of %d bytes, counted as %d", n, took, counted)
	}
}

// TestGroupIsPreempted: start functions and data are work of the guest.
func TestGroupIsPreempted(t *testing.T) {
	e := newEngine(t, Config{})
	spin := &wasm.Module{
		Types: []wasm.FuncType{{}}, Functions: []uint32{0}, Start: new(uint32),
		Bodies: []wasm.Body{{Code: []byte{0x03, 0x40, 0x0c, 0, 0x0b, 0x0b}}},
	}
	for name, m := range map[string]*wasm.Module{"a start function": spin, "data": withData(8 << 20)} {
		stop := errors.New("stop")
		g := &guest{quantum: 1 << 18, preempt: func() error { return nil }}
		g.preempt = func() error {
			if g.preempts > 10 {
				return stop
			}
			return nil
		}
		group := newGroup(t, e, g, InstanceConfig{})
		if _, err := group.Instantiate(linkedModule(t, e, name, m, nil)); err != stop {
			t.Errorf("%s ended with %v", name, err)
		}
		if _, err := group.Instantiate(linkedModule(t, e, name, m, nil)); err != errEnded {
			t.Errorf("%s: another instance after that: %v", name, err)
		}
	}
}

// TestGroupFuel: a group burns what an instance burns, and never more than its quantum, however the fuel is spread.
func TestGroupFuel(t *testing.T) {
	e := newEngine(t, Config{})
	const quantum = 100_000
	var burnt, most int64
	g := &guest{quantum: quantum}
	p := newPair(t, e, g, InstanceConfig{})
	g.preempt = func() error {
		burnt, most = burnt+p.group.Burnt(), max(most, p.group.Burnt())
		return nil
	}
	g.preempts = 0
	mustCall(t, p.user, "power", 16)
	burnt += p.group.Burnt()
	if most > quantum+10_000 || g.preempts < 10 {
		t.Errorf("%d units burnt of a quantum of %d, %d preemptions", most, int64(quantum), g.preempts)
	}
	other := &guest{quantum: 1 << 40}
	all := newPair(t, e, other, InstanceConfig{})
	before := all.group.Burnt()
	mustCall(t, all.user, "power", 16)
	if at := all.group.Burnt() - before; burnt < at || burnt > at+at/50 {
		t.Errorf("%d units in quanta, %d at once", burnt, at)
	}
	for _, quantum := range []int64{1000, 1, 50_000} { // less than the instances have left, too
		p.group.Refill(quantum)
		if b := p.group.Burnt(); b != 0 || p.group.fuel.left()+p.group.fuel.pool != quantum {
			t.Errorf("%d units burnt after a refill of %d, %d left", b, quantum, p.group.fuel.left()+p.group.fuel.pool)
		}
		mustCall(t, p.owner, "twice", 3)
		if b := p.group.Burnt(); b < callCost && quantum > callCost || b > 2*callCost {
			t.Errorf("a call burns %d", b)
		}
	}
}

// TestGroupOffload: what takes wazero long is made by Offload. If nobody waits for it, the whole group goes with it.
func TestGroupOffload(t *testing.T) {
	e := newEngine(t, Config{})
	globals := &wasm.Module{}
	for range 20_000 {
		globals.Globals = append(globals.Globals, wasm.Global{Type: wasm.GlobalType{Type: wasm.I32}, Init: zeroOffset})
	}
	large, small := linkedModule(t, e, "large", globals, nil), linkedModule(t, e, "small", withData(100), nil)
	for name, before := range map[string]bool{"cancelled before": false, "cancelled in the midst": true} {
		var job, discard func()
		g := &guest{}
		group := newGroup(t, e, g, InstanceConfig{Offload: func(run, drop func()) error {
			job, discard = run, drop
			if before {
				job()
			}
			return io.ErrNoProgress
		}})
		mustInstantiate(t, group, small)
		if _, err := group.Instantiate(large); err != io.ErrNoProgress || g.Fuel() != nil {
			t.Errorf("%s: %v", name, err)
		}
		group.Close()
		if e.MemoryUsed() == 0 {
			t.Errorf("%s: it is not counted any more, though it is there", name)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if !before {
				job()
			}
			discard()
		}()
		<-done
		if used := e.MemoryUsed(); used != 0 {
			t.Errorf("%s: %d bytes are left", name, used)
		}
	}
}

// TestGroupSegmentsOutOfBounds: segments for what is imported trap if there is no room, where the imports say.
func TestGroupSegmentsOutOfBounds(t *testing.T) {
	e := newEngine(t, Config{})
	base := []byte{byte(wasm.OpGlobalGet), 0, byte(wasm.OpEnd)}
	provider := &wasm.Module{
		Memories: []wasm.MemoryType{{Size: wasm.Bounds{Min: 1}}},
		Tables:   []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 10}}},
		Exports:  []wasm.Export{{Name: "memory", Kind: wasm.MemoryExtern}, {Name: "table", Kind: wasm.TableExtern}},
	}
	const end = int32(page)
	values := []int32{0, 8, 9, end - 2, end - 1, -1}
	for i, v := range values {
		var code wasm.Code
		code.I32Const(v)
		code.Op(wasm.OpEnd)
		provider.Globals = append(provider.Globals, wasm.Global{Type: wasm.GlobalType{Type: wasm.I32}, Init: wasm.Expr{Code: code}})
		provider.Exports = append(provider.Exports, wasm.Export{Name: fmt.Sprint(v), Kind: wasm.GlobalExtern, Index: uint32(i)})
	}
	imports := []wasm.Import{
		{Module: "p", Name: "base", Kind: wasm.GlobalExtern, Global: wasm.GlobalType{Type: wasm.I32}},
		{Module: "p", Name: "memory", Kind: wasm.MemoryExtern},
		{Module: "p", Name: "table", Kind: wasm.TableExtern, Table: wasm.TableType{Elem: wasm.FuncRef}},
	}
	data := &wasm.Module{Imports: imports, Data: []wasm.DataSegment{{Offset: wasm.Expr{Code: base}, Bytes: []byte("ab")}}}
	elements := &wasm.Module{
		Types: []wasm.FuncType{{}}, Functions: []uint32{0}, Bodies: []wasm.Body{{Code: []byte{0x0b}}},
		Imports: imports, Elements: []wasm.Element{{Offset: wasm.Expr{Code: base}, Funcs: []uint32{0, 0}}},
	}
	for name, tt := range map[string]struct {
		module *wasm.Module
		fits   int32
		code   TrapCode
	}{
		"data":     {data, end - 2, MemoryOutOfBounds},
		"elements": {elements, 8, InvalidTableAccess},
	} {
		for _, v := range values {
			group := newGroup(t, e, &guest{}, InstanceConfig{})
			p := mustInstantiate(t, group, linkedModule(t, e, "provider", provider, nil))
			m := linkedModule(t, e, name, tt.module, Linking{{Name: fmt.Sprint(v)}, {Name: "memory"}, {Name: "table"}})
			_, err := group.Instantiate(m, p)
			if trap, ok := errors.AsType[*Trap](err); ok != (v > tt.fits || v < 0) || ok && trap.Code != tt.code {
				t.Errorf("%s at %d: %v", name, v, err)
			}
			group.Close()
		}
	}
}

// TestGroupContext: each component instance has its own context slots, which the host reads and sets.
func TestGroupContext(t *testing.T) {
	e := newEngine(t, Config{})
	m := &wasm.Module{
		Types:     []wasm.FuncType{{Results: []wasm.ValType{wasm.I32}}, {Params: []wasm.ValType{wasm.I32}}},
		Imports:   []wasm.Import{{Module: "c", Name: "get"}, {Module: "c", Name: "set", Func: 1}},
		Functions: []uint32{1, 0},
		Exports:   []wasm.Export{{Name: "add", Index: 2}, {Name: "get", Index: 0}, {Name: "through", Index: 3}},
		Tables:    []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 1}}},
		Elements:  []wasm.Element{{Offset: zeroOffset, Funcs: []uint32{0}}},
		Bodies: []wasm.Body{
			{Code: []byte{0x10, 0, 0x20, 0, 0x6a, 0x10, 1, 0x0b}}, // set(get() + argument)
			{Code: []byte{0x41, 0, 0x11, 0, 0, 0x0b}},             // get, through the table
		},
	}
	module := linkedModule(t, e, "", m, Linking{{Provider: 0, Builtin: meter.ContextGet1}, {Provider: 0, Builtin: meter.ContextSet1}})
	for _, numbered := range []bool{true, false} {
		e := e
		if !numbered {
			e = newEngine(t, Config{})
			e.types.possible = false
			module = linkedModule(t, e, "", m, module.linking)
		}
		before := newGroup(t, e, &guest{}, InstanceConfig{})
		for range 2 { // which others get next
			c, err := before.NewContextStorage()
			if err != nil {
				t.Fatal(err)
			}
			c.Set([2]uint32{1, 2})
		}
		before.Close()
		group := newGroup(t, e, &guest{}, InstanceConfig{})
		var contexts [2]*ContextStorage
		var cores [2]*CoreInstance
		for i := range contexts {
			var err error
			if contexts[i], err = group.NewContextStorage(); err != nil {
				t.Fatal(err)
			}
			cores[i] = mustInstantiate(t, group, module, contexts[i])
		}
		contexts[1].Set([2]uint32{7, 100})
		for range 3 {
			mustCall(t, cores[0], "add", 5)
			mustCall(t, cores[1], "add", 10)
		}
		if a, b := contexts[0].Get(), contexts[1].Get(); a != [2]uint32{0, 15} || b != [2]uint32{7, 130} {
			t.Errorf("the slots are %d and %d", a, b)
		}
		if got := mustCall(t, cores[1], "through"); got != 130 {
			t.Errorf("through the table it is %d", got)
		}
	}
}

// TestGroupsShareModules: a module that is linked alike is compiled once, whatever it is part of, and found on disk by another
// engine.
func TestGroupsShareModules(t *testing.T) {
	config := Config{CacheDir: t.TempDir()}
	for round := range 2 {
		e := openEngine(t, config)
		if round == 1 {
			if code := e.CodeModules(); len(code) != 2 || e.CodeBytes(userLinking.Digest("group_user")) == 0 {
				t.Errorf("there is code of %q", code)
			}
		}
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			a, b := newPair(t, e, &guest{}, InstanceConfig{}), newPair(t, e, &guest{}, InstanceConfig{})
			if n := len(e.modules.byDigest); a.user.module != b.user.module || n != 2 {
				t.Errorf("%d modules are compiled", n)
			}
			if got := mustCall(t, a.user, "add", 1) + mustCall(t, b.user, "add", 1); got != 18 {
				t.Errorf("got %d", got)
			}
		})
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// TestGroupCallsAtOnce: a call waits in a host function while others of the group are called, and the memory moves.
func TestGroupCallsAtOnce(t *testing.T) {
	waiting, wake, done := make(chan struct{}), make(chan struct{}), make(chan uint64)
	g := &guest{call: func(_ *guest, n uint32) uint32 {
		if n == 1 {
			waiting <- struct{}{}
			<-wake
		}
		return n * 10
	}}
	p := newPair(t, newEngine(t, Config{}), g, InstanceConfig{})
	mustCall(t, p.user, "store", 500, 77)
	call := p.user.Function("call")
	go func() {
		stack := []uint64{1}
		if err := call.Call(stack); err != nil {
			t.Error(err)
		}
		done <- stack[0]
	}()
	<-waiting
	stack := []uint64{2}
	if err := call.Call(stack); err != nil || stack[0] != 20 {
		t.Errorf("%d, %v", stack[0], err)
	}
	mustCall(t, p.user, "grow", 3)
	wake <- struct{}{}
	if got := <-done; got != 10 {
		t.Errorf("the call that waited returned %d", got)
	}
	if got := mustCall(t, p.owner, "byte", 500); got != 77 {
		t.Errorf("memory has %d", got)
	}
}

// TestGroupIsBound: a host has one instance or group at a time.
func TestGroupIsBound(t *testing.T) {
	e := newEngine(t, Config{})
	g := &guest{}
	group := newGroup(t, e, g, InstanceConfig{})
	if _, err := e.NewGroup(InstanceConfig{Host: g}); err != errBound {
		t.Errorf("a second group: %v", err)
	}
	if _, err := load(t, e, "guest").Instantiate(InstanceConfig{Host: g}); err != errBound || g.Instance() != nil {
		t.Errorf("an instance besides: %v", err)
	}
	group.Close()
	if g.Fuel() != nil {
		t.Error("it is bound after Close")
	}
}

// TestTypesAreNumbered: the numbers of types are taken back with the modules.
func TestTypesAreNumbered(t *testing.T) {
	e := newEngine(t, Config{IdleModules: 1})
	for n := range 20 {
		m := &wasm.Module{Functions: []uint32{0}, Bodies: []wasm.Body{{Code: []byte{0x0b}}}}
		m.Types = []wasm.FuncType{{Params: slices.Repeat([]wasm.ValType{wasm.I32}, n)}}
		module, err := e.LoadLinked(t.Context(), fmt.Sprint(n), nil, func() ([]byte, error) { return m.Encode(), nil })
		if err != nil {
			t.Fatal(err)
		}
		module.Release()
	}
	if n := len(e.types.byType); n > 6 || e.types.most > 8 {
		t.Errorf("%d types have numbers up to %d", n, e.types.most)
	}
}
