package engine

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor/engine/memory"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

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

// A guest whose allowance denies memory does not get -1 from memory.grow: it ends with the error. The allowance is asked
// only for memory within the guest's own limit.
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

// A stack that can't grow within its limit for lack of memory is not an overflow: its owner has to change another limit,
// or nothing.
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
				more, err := s.grow(missing, s.granted+missing, account)
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

// The memory that an instance may take on the host's heap is counted from the start.
func TestHostHeapIsCounted(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "host_heap")
	const tables, segment, usual = (1<<18 + 100_000) * 8, 20_000 * 32, 64 << 10
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

// TestLargeTableIsCharged starts an instance with a table as large as browsers accept, if its limit leaves room for it.
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

// TestReferencesAreMadeOnce: a guest that takes references to functions again and again does not use up the host's memory.
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
