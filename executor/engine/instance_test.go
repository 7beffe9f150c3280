package engine

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor/engine/memory"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

const page = memory.PageBytes

func TestHostIsTheContext(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	for _, want := range []uint32{3, 4} {
		g := &guest{call: func(_ *guest, arg uint32) uint32 { return arg * want }}
		i := start(t, m, g, InstanceConfig{})
		if g.Instance() != i {
			t.Error("the host is not bound to its instance")
		}
		if got := call(t, i, "call", 10); got != uint64(10*want) {
			t.Errorf("got %d, want %d", got, 10*want)
		}
		if _, err := m.Instantiate(InstanceConfig{Host: g}); err != errBound {
			t.Errorf("a second instance for one host: %v", err)
		}
		i.Close()
		i.Close()
		if g.Instance() != nil {
			t.Error("the host is still bound after Close")
		}
		if _, err := i.Call("call", 1); err == nil {
			t.Error("a closed instance could be called")
		}
	}
}

func TestInstancesAreSeparate(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	a, b := start(t, m, &guest{}, InstanceConfig{}), start(t, m, &guest{}, InstanceConfig{})
	call(t, a, "store", 8, 1)
	call(t, a, "next")
	if got := call(t, a, "next"); got != 2 {
		t.Errorf("second call counts %d", got)
	}
	if got := call(t, b, "next"); got != 1 {
		t.Errorf("another instance counts %d", got)
	}
	if got := call(t, b, "load", 8); got != 0x61746164 { // "data"
		t.Errorf("another instance reads %#x", got)
	}
}

func TestTraps(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "traps")
	for _, tt := range []struct {
		export string
		code   TrapCode
	}{
		{"unreachable", Unreachable},
		{"memory", MemoryOutOfBounds},
		{"memory_fill", MemoryOutOfBounds},
		{"table_index", InvalidTableAccess},
		{"table_null", InvalidTableAccess},
		{"table_get", InvalidTableAccess},
		{"indirect_type", IndirectCallMismatch},
		{"divide", IntegerDivideByZero},
		{"remainder", IntegerDivideByZero},
		{"overflow", IntegerOverflow},
		{"convert_range", IntegerOverflow},
		{"convert_nan", InvalidConversion},
		{"deep", StackOverflow},
	} {
		t.Run(tt.export, func(t *testing.T) {
			i := start(t, m, &guest{}, InstanceConfig{})
			_, err := i.Call(tt.export)
			trap, ok := errors.AsType[*Trap](err)
			if !ok {
				t.Fatalf("error %T %v, want a trap", err, err)
			}
			if trap.Code != tt.code || trap.Message != tt.code.String() {
				t.Errorf("code %v, message %q, want %v", trap.Code, trap.Message, tt.code)
			}
			if len(trap.Frames) == 0 {
				t.Error("no frames")
			}
			if _, err := i.Call("unreachable"); err != errEnded {
				t.Errorf("a call after the trap: %v", err)
			}
		})
	}
}

func TestTrapTellsTheStack(t *testing.T) {
	e := newEngine(t, Config{})
	i := start(t, load(t, e, "traps"), &guest{}, InstanceConfig{})
	_, err := i.Call("unreachable")
	trap, ok := errors.AsType[*Trap](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	var names []string
	for _, f := range trap.Frames {
		names = append(names, f.Function)
	}
	// The last has no name, but is exported by one.
	if want := []string{"inner", "outer", "unreachable"}; !slices.Equal(names, want) {
		t.Errorf("frames %q, want %q", names, want)
	}
	if want := "unreachable\n    at inner\n    at outer\n    at unreachable"; err.Error() != want {
		t.Errorf("text %q, want %q", err.Error(), want)
	}
}

func TestDeepTraceIsCut(t *testing.T) {
	e := newEngine(t, Config{})
	i := start(t, load(t, e, "traps"), &guest{}, InstanceConfig{})
	_, err := i.Call("deep")
	trap, ok := errors.AsType[*Trap](err)
	if !ok || !trap.More || len(trap.Frames) == 0 || trap.Frames[0].Function != "deep" {
		t.Errorf("error %v", err)
	}
}

func TestAbort(t *testing.T) {
	e := newEngine(t, Config{})
	i := start(t, load(t, e, "guest"), &guest{call: func(*guest, uint32) uint32 {
		Abort(io.ErrShortWrite)
		return 0
	}}, InstanceConfig{})
	if _, err := i.Call("call", 1); err != io.ErrShortWrite {
		t.Errorf("error %v", err)
	}
}

func TestHostPanicsEndTheGuestOnly(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	cause := errors.New("the cause")
	for name, fault := range map[string]func(*guest, uint32) uint32{
		"runtime error": func(_ *guest, arg uint32) uint32 { return []uint32{}[arg] },
		"nil pointer":   func(*guest, uint32) uint32 { var none *uint32; return *none }, //nolint:govet // the fault to provoke
		"error":         func(*guest, uint32) uint32 { panic(cause) },
		"value":         func(*guest, uint32) uint32 { panic("whoops") },
	} {
		t.Run(name, func(t *testing.T) {
			bystander := start(t, m, &guest{}, InstanceConfig{})
			i := start(t, m, &guest{call: fault}, InstanceConfig{})
			_, err := i.Call("call", 1)
			internal, ok := errors.AsType[*InternalError](err)
			if !ok {
				t.Fatalf("error %T %v", err, err)
			}
			if name == "error" && !errors.Is(err, cause) {
				t.Errorf("the cause is not in %v", err)
			}
			if name == "runtime error" && !strings.Contains(internal.Err.Error(), "instance_test.go") {
				t.Errorf("no Go stack in %v", internal.Err)
			}
			if len(internal.Frames) != 2 || internal.Frames[1].Function != "call" {
				t.Errorf("frames %v", internal.Frames)
			}
			if got := call(t, bystander, "next"); got != 1 {
				t.Errorf("a bystander counts %d", got)
			}
		})
	}
}

func TestFuel(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	g := &guest{quantum: 10_000}
	i := start(t, m, g, InstanceConfig{})
	const rounds = 100_000
	if got := call(t, i, "count", rounds); got != rounds {
		t.Errorf("counted %d", got)
	}
	// A round is some six instructions.
	if burnt := int64(g.preempts)*g.quantum + i.Burnt(); burnt < 4*rounds || burnt > 12*rounds {
		t.Errorf("%d units burnt in %d rounds", burnt, rounds)
	}
	i.Refill(500)
	if i.Burnt() != 0 {
		t.Errorf("%d burnt right after Refill", i.Burnt())
	}
}

func TestPreemptEndsASpinningGuest(t *testing.T) {
	e := newEngine(t, Config{})
	g := &guest{}
	g.preempt = func() error {
		if g.preempts > 3 {
			return io.ErrNoProgress
		}
		return nil
	}
	i := start(t, load(t, e, "guest"), g, InstanceConfig{})
	if _, err := i.Call("spin"); err != io.ErrNoProgress {
		t.Errorf("error %v", err)
	}
	if g.preempts != 4 {
		t.Errorf("preempted %d times, want 4", g.preempts)
	}
}

func TestStart(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "start")
	var seen *Instance
	g := &guest{quantum: 1000, call: func(g *guest, arg uint32) uint32 {
		seen = g.Instance()
		return arg + 1
	}}
	i := start(t, m, g, InstanceConfig{})
	if g.preempts < 10 {
		t.Errorf("preempted %d times in the start function, want 10 or more", g.preempts)
	}
	if seen != i {
		t.Error("the start function's host call did not see the instance")
	}
	if got := call(t, i, "kept"); got != 10_001 {
		t.Errorf("kept %d", got)
	}
}

func TestStartThatEnds(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "start")
	started := func(m *Module, g *guest) error {
		t.Helper()
		i, err := m.Instantiate(InstanceConfig{Host: g})
		if err != nil {
			t.Fatal(err)
		}
		defer i.Close()
		return i.Start()
	}
	err := started(m, &guest{quantum: 1000, preempt: func() error { return io.EOF }})
	if err != io.EOF {
		t.Errorf("preempted: %v", err)
	}
	err = started(m, &guest{quantum: testQuantum, call: func(*guest, uint32) uint32 {
		Abort(io.ErrClosedPipe)
		return 0
	}})
	if err != io.ErrClosedPipe {
		t.Errorf("aborted: %v", err)
	}
	err = started(load(t, e, "start_trap"), &guest{})
	if trap, ok := errors.AsType[*Trap](err); !ok || trap.Code != Unreachable || len(trap.Frames) != 1 {
		t.Errorf("trapped: %v", err)
	}
	if used := e.MemoryUsed(); used != 0 {
		t.Errorf("%d bytes still used", used)
	}
}

func TestModulesWithoutMuch(t *testing.T) {
	e := newEngine(t, Config{})
	i := start(t, load(t, e, "empty"), &guest{}, InstanceConfig{})
	if _, err := i.Call("run"); err == nil {
		t.Error("a function that isn't there was called")
	}
	i = start(t, load(t, e, "no_memory"), &guest{}, InstanceConfig{MemoryBytes: 1})
	if got := call(t, i, "run"); got != 7 {
		t.Errorf("got %d", got)
	}
	if i.Memory() != nil {
		t.Error("it has a memory")
	}
}

func TestMemoryLimits(t *testing.T) {
	const refused = 0xffff_ffff
	e := newEngine(t, Config{MemoryBytes: 8 * page})
	m := load(t, e, "guest")
	i := start(t, m, &guest{}, InstanceConfig{MemoryBytes: 4 * page})
	if got := call(t, i, "grow", 2); got != 1 {
		t.Errorf("grow by 2: %d", int32(got))
	}
	if got := call(t, i, "grow", 2); got != refused {
		t.Errorf("grow beyond the limit: %d", int32(got))
	}
	if got := call(t, i, "load", 8); got != 0x61746164 {
		t.Errorf("after growing it reads %#x", got)
	}
	if call(t, i, "size") != 3 || i.PeakMemory() != 3*page || e.MemoryUsed() != 3*page {
		t.Errorf("peak %d, node %d", i.PeakMemory(), e.MemoryUsed())
	}
	other := start(t, m, &guest{}, InstanceConfig{MemoryBytes: 100 * page})
	if got := call(t, other, "grow", 5); got != refused {
		t.Errorf("grow beyond the node's limit: %d", int32(got))
	}
	if got := call(t, other, "grow", 4); got != 1 {
		t.Errorf("grow to the node's limit: %d", int32(got))
	}
	if _, err := m.Instantiate(InstanceConfig{Host: &guest{}}); !errors.Is(err, ErrNodeMemory) {
		t.Errorf("an instance with the node full: %v", err)
	}
	i.Close()
	if e.MemoryUsed() != 5*page || i.PeakMemory() != 3*page {
		t.Errorf("after Close: node %d, peak %d", e.MemoryUsed(), i.PeakMemory())
	}
	if _, err := m.Instantiate(InstanceConfig{Host: &guest{}, MemoryBytes: page - 1}); !errors.Is(err, ErrOutOfMemory) {
		t.Errorf("an instance with less than its first page: %v", err)
	}
	if _, err := m.Instantiate(InstanceConfig{Host: &guest{}, MemoryBytes: 2 * page, HeldBytes: page + 1}); !errors.Is(err, ErrOutOfMemory) {
		t.Errorf("an instance for which too much is held: %v", err)
	}
}

// A guest that is refused more than it is allowed does not learn of it by memory.grow: it ends with why. Within its own
// limit it is asked for, beyond it is not.
func TestGrowAsks(t *testing.T) {
	const refused = 0xffffffff
	e := newEngine(t, Config{MemoryBytes: 50 * page})
	m := load(t, e, "guest")
	no := errors.New("no")
	allowed := new(Allowance)
	allowed.Grant(page)
	allowed.Ask = func(bytes int64) error {
		if bytes > 4*page {
			return no
		}
		allowed.Grant(bytes)
		return nil
	}
	i := start(t, m, &guest{}, InstanceConfig{MemoryBytes: 10 * page, Allowance: allowed})
	if got := call(t, i, "grow", 2); got != 1 {
		t.Errorf("grow by 2: %d", int32(got))
	}
	if got := call(t, i, "grow", 100); got != refused {
		t.Errorf("grow beyond its own limit: %d", int32(got))
	}
	if _, err := i.Call("grow", 3); !errors.Is(err, no) {
		t.Errorf("grow beyond what it may have: %v", err)
	}
	if _, err := m.Instantiate(InstanceConfig{Host: &guest{}, HeldBytes: 5 * page, Allowance: allowed}); !errors.Is(err, no) {
		t.Errorf("an instance that may not have what it starts with: %v", err)
	}
	i.Close()
	if e.MemoryUsed() != 0 {
		t.Errorf("%d bytes are left", e.MemoryUsed())
	}
}

func TestTablesCount(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "table")
	if _, err := m.Instantiate(InstanceConfig{Host: &guest{}, MemoryBytes: 7999}); !errors.Is(err, ErrOutOfMemory) {
		t.Errorf("a table of 8000 bytes in 7999: %v", err)
	}
	i := start(t, m, &guest{}, InstanceConfig{MemoryBytes: 8000})
	if i.PeakMemory() != 8000 {
		t.Errorf("peak %d", i.PeakMemory())
	}
}

func TestStackLimits(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	answer := func(*guest, uint32) uint32 { return 0 }

	i := start(t, m, &guest{call: answer}, InstanceConfig{})
	if call(t, i, "recurse", 3); i.PeakMemory() != page {
		t.Errorf("a shallow stack was charged %d bytes", i.PeakMemory()-page)
	}
	if got := call(t, i, "recurse", 2000); got != 2000 {
		t.Errorf("depth %d", got)
	}
	charged := i.PeakMemory() - page
	if charged < 32<<10 {
		t.Errorf("a stack 2000 deep was charged %d bytes", charged)
	}
	if call(t, i, "recurse", 2000); i.PeakMemory() != page+charged {
		t.Error("the same stack was charged again")
	}

	g := &guest{call: answer, quantum: 1 << 20}
	if got := call(t, start(t, m, g, InstanceConfig{StackBytes: 16 << 20}), "recurse", 50_000); got != 50_000 || g.preempts < 2 {
		t.Errorf("depth %d, preempted %d times while the stack grew", got, g.preempts)
	}

	overflows := func(config InstanceConfig) {
		t.Helper()
		i := start(t, m, &guest{call: answer}, config)
		_, err := i.Call("recurse", 1_000_000)
		if trap, ok := errors.AsType[*Trap](err); !ok || trap.Code != StackOverflow || trap.Frames[0].Function != "recurse" {
			t.Errorf("%+v: error %v", config, err)
		}
		if most := page + stackMemory(max(config.StackBytes, defaultStackBytes)); i.PeakMemory() > most {
			t.Errorf("%+v: peak %d, want at most %d", config, i.PeakMemory(), most)
		}
		i.Close()
	}
	overflows(InstanceConfig{})
	overflows(InstanceConfig{StackBytes: 20_000})
}

// A stack that can't grow within its limit for want of memory is no overflow: what its owner has to
// change is another limit, or nothing.
func TestStackRefused(t *testing.T) {
	const deep = 1 << 30
	e := newEngine(t, Config{MemoryBytes: 8 * page})
	m := load(t, e, "guest")
	answer := func(*guest, uint32) uint32 { return 0 }
	for _, tt := range []struct {
		name   string
		config InstanceConfig
		want   error
	}{
		{"its own limit", InstanceConfig{StackBytes: deep, MemoryBytes: 4 * page}, ErrOutOfMemory},
		{"the limit of all", InstanceConfig{StackBytes: deep}, ErrNodeMemory},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := start(t, m, &guest{call: answer}, tt.config)
			defer i.Close()
			_, err := i.Call("recurse", 1_000_000)
			if refused, ok := errors.AsType[*StackRefusedError](err); !ok || refused.Bytes <= 0 || !errors.Is(err, tt.want) {
				t.Errorf("error %v, want a refusal with %v", err, tt.want)
			}
		})
	}
}

func TestStackBudget(t *testing.T) {
	const first = int64(firstStack)
	if stackMemory(first) != 0 {
		t.Errorf("the first grant costs %d", stackMemory(first))
	}
	pool := memory.NewPool(memory.Config{})
	for _, tt := range []struct {
		name          string
		limit, memory int64
		missing       []int64
		granted       []int64 // by each; 0: overflow
	}{
		{"doubles", 1 << 20, 0, []int64{1, 1, 1}, []int64{first + 2, 2*first + 4, 4*first + 8}},
		{"a huge frame", 1 << 20, 0, []int64{100_000}, []int64{first + 200_000}},
		{"up to the limit", first + 1000, 0, []int64{600, 1}, []int64{1000, 0}},
		{"exactly the limit", first + 1000, 0, []int64{1000}, []int64{1000}},
		{"one too many", first + 1000, 0, []int64{1001}, []int64{0}},
		{"a limit below the first grant", 100, 0, []int64{1}, []int64{0}},
		{"no memory for twice as much", 1 << 20, stackMemory(first + 100), []int64{100, 1}, []int64{100, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			account := pool.NewAccount(tt.memory, nil)
			defer account.Close()
			s := newStackBudget(tt.limit)
			var got []int64
			for _, missing := range tt.missing {
				more, err := s.grow(missing, account)
				if (more == 0) != (err != nil) {
					t.Errorf("granted %d with error %v", more, err)
				}
				got = append(got, more)
			}
			if diff := cmp.Diff(tt.granted, got); diff != "" {
				t.Errorf("granted (-want +got):\n%s", diff)
			}
			if account.Used() != stackMemory(s.granted) {
				t.Errorf("%d bytes reserved for a grant of %d, want %d", account.Used(), s.granted, stackMemory(s.granted))
			}
		})
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}

// What an instance may come to have on the host's heap is counted from the start.
func TestHostHeapIsCounted(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "host_heap")
	const tables, segment, usual = (1<<18 + 100_000) * 8, 20_000 * 56, 64 << 10
	i := start(t, m, &guest{}, InstanceConfig{MemoryBytes: 64 << 20})
	if got := i.PeakMemory(); got < tables+segment-usual {
		t.Errorf("%d bytes are counted, want %d at least", got, tables+segment-usual)
	}
	if before := call(t, i, "grow", 1<<18-1); before != 1 {
		t.Errorf("the table could not be grown to what was counted: %d", int32(before))
	}
	if _, err := m.Instantiate(InstanceConfig{Host: &guest{}, MemoryBytes: 1 << 20}); !errors.Is(err, ErrOutOfMemory) {
		t.Errorf("an instance of more than its memory: %v", err)
	}
}

// TestLargeTableIsCharged starts an instance of a table as large as browsers take: who has the memory can have it.
func TestLargeTableIsCharged(t *testing.T) {
	const elements = 10_000_000
	module := (&wasm.Module{Tables: []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: elements}}}}).Encode()
	e := newEngine(t, Config{})
	m := loadBytes(t, e, "large", module)
	if _, err := m.Instantiate(InstanceConfig{Host: &guest{}, MemoryBytes: 8*elements - 1}); !errors.Is(err, ErrOutOfMemory) {
		t.Errorf("with less memory than the table takes: %v", err)
	}
	i := start(t, m, &guest{}, InstanceConfig{MemoryBytes: 8 * elements})
	if i.PeakMemory() != 8*elements {
		t.Errorf("%d bytes are charged", i.PeakMemory())
	}
}

// TestReferencesAreMadeOnce: a guest that takes references to functions again and again takes no memory of the host.
func TestReferencesAreMadeOnce(t *testing.T) {
	made := wasm.Module{
		Types:     []wasm.FuncType{{}, {Results: []wasm.ValType{wasm.I32}}},
		Functions: []uint32{0, 1},
		Exports:   []wasm.Export{{Name: "seven", Index: 1}, {Name: "refer"}},
		Tables:    []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 2}}},
		Bodies: []wasm.Body{
			{Locals: []wasm.LocalGroup{{Count: 1, Type: wasm.I32}}, Code: []byte{
				0x03, 0x40, // loop
				0x41, 1, 0xd2, 1, 0x26, 0, // table.set 1, ref.func 1
				0x20, 0, 0x41, 1, 0x6a, 0x22, 0, 0x41, 0xc0, 0x84, 0x3d, 0x48, 0x0d, 0, // a million times
				0x0b,
				0x41, 1, 0x11, 1, 0, 0x1a, 0x0b}}, // call_indirect
			{Code: []byte{0x41, 7, 0x0b}},
		},
	}
	e := newEngine(t, Config{})
	m, err := e.Load(t.Context(), "module", func() ([]byte, error) { return made.Encode(), nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Release)
	i := start(t, m, &guest{}, InstanceConfig{})
	before := heapBytes()
	call(t, i, "refer")
	if more := heapBytes() - before; more > 1<<20 {
		t.Errorf("a million references take %d KiB", more>>10)
	}
	if got := call(t, i, "seven"); got != 7 {
		t.Errorf("got %d", got)
	}
}
