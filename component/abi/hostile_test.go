package abi_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// Whatever is in a guest's memory, and wherever its realloc says that there is room, lifting and copying end with a value
// or a trap, and hold no more memory of the host than they may.
func FuzzHostileGuests(f *testing.F) {
	f.Add(uint64(1), uint64(2), []byte("\x10\x00\x00\x00\x02\x00\x00\x00some text"))
	f.Add(uint64(7), uint64(9), []byte("\xff\xff\xff\xff\x01\x00\x00\x80\x00\x00\x00\x00\xd8\x00\xd8\x00"))
	for seed := range uint64(40) {
		g := newGenerator(seed)
		data := make([]byte, 16+g.IntN(200))
		for i := range data {
			data[i] = byte(g.Uint32N(16)) * byte(g.Uint32N(2))
		}
		f.Add(seed, seed, data)
	}
	f.Fuzz(func(t *testing.T, typeSeed, flatSeed uint64, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		fn := &types.Func{Params: []types.Field{{Name: "p", Type: newGenerator(typeSeed).typ(4)}}}
		plan := abi.Lower(fn, types.Sync)
		encoding := abi.Encoding(typeSeed % 3)
		flat := func() []uint64 {
			r := rand.New(rand.NewPCG(flatSeed, 2))
			stack := make([]uint64, len(plan.Core.Params))
			for i := range stack {
				if stack[i] = r.Uint64N(uint64(len(data) + 4)); i*8+8 <= len(data) && r.IntN(2) == 0 {
					stack[i] = binary.LittleEndian.Uint64(data[i*8:])
				}
			}
			return stack
		}
		lift := newContextWithHandles(&memory{bytes: data, fixed: true}, encoding)
		const budget = 1 << 20
		lift.Budget = budget
		r := plan.ReadParams(lift, flat())
		total := 0
		for _, v := range r.Values() {
			total += value.Size(&v)
		}
		if total > budget {
			t.Errorf("%d bytes are more than the budget of %d", total, budget)
		}
		checkTrap(t, lift.Err())

		cursor := newContextWithHandles(&memory{bytes: data, fixed: true}, encoding)
		cursor.Budget = budget
		r = plan.ReadParams(cursor, flat())
		read(&r, fn.Params[0].Type)

		there := newMemory(512)
		bumping := there.Realloc
		turn := 0
		there.realloc = func(ptr, _, align, newSize uint32) (uint32, error) {
			if turn++; turn < len(data) && data[turn]%8 == 0 {
				return uint32(data[turn-1]) << (data[turn] / 8), nil
			}
			there.realloc = nil
			at, err := bumping(ptr%uint32(len(there.bytes)), 0, align, newSize)
			return at, err
		}
		there.fixed = true
		callee := abi.Lift(fn, types.Sync)
		from, to := newContextWithHandles(&memory{bytes: data, fixed: true}, encoding), newContextWithHandles(there, abi.Encoding(flatSeed%3))
		w := callee.WriteParams(to, make([]uint64, callee.Slots()))
		r = plan.ReadParams(from, flat())
		abi.Copy(&w, &r)
		checkTrap(t, w.End())
	})
}

func checkTrap(t *testing.T, err error) {
	t.Helper()
	var trap *abi.Trap
	if err != nil && !errors.As(err, &trap) {
		t.Errorf("%v is no trap", err)
	}
}

// A guest that says that its list is long takes no memory of the host.
func TestBudget(t *testing.T) {
	table := types.NewTable()
	m := &memory{bytes: make([]byte, 1<<24), fixed: true}
	for name, typ := range map[string]*types.Type{
		"records":  must(table.List(must(table.Tuple([]*types.Type{table.Prim(types.U8), table.Prim(types.Bool)})))),
		"integers": must(table.List(table.Prim(types.S8))),
		"options":  must(table.List(must(table.Option(table.Prim(types.U8))))),
		"map":      must(table.Map(table.Prim(types.U8), table.Prim(types.U8))),
		"bytes":    must(table.List(table.Prim(types.U8))),
		"string":   table.Prim(types.String),
	} {
		t.Run(name, func(t *testing.T) {
			f := &types.Func{Params: []types.Field{{Type: typ}}}
			c := newContext(m, abi.UTF8)
			c.Budget = 1 << 20
			allocated := testing.AllocsPerRun(1, func() {
				r := abi.Lower(f, types.Sync).ReadParams(c, []uint64{0, 1 << 22})
				r.Value()
			})
			if c.Err() == nil || !strings.Contains(c.Err().Error(), "more of the host's memory than is left") {
				t.Errorf("got %v", c.Err())
			}
			if allocated > 100 {
				t.Errorf("%v allocations", allocated)
			}
		})
	}
}

// tariff is a memory whose charges are looked at.
type tariff struct {
	memory
	most, charges int
	err           error
}

func (m *tariff) Charge(n int) error {
	m.most, m.charged = max(m.most, n), m.charged+n
	if m.charges++; m.charges > 3 {
		return m.err
	}
	return nil
}

// Work is charged by its size, in pieces, and an error of a charge ends the call.
func TestWorkIsCharged(t *testing.T) {
	table := types.NewTable()
	// A type of 2^18 values that is one pointer away from every record before it.
	bomb := table.Prim(types.Bool)
	for range 18 {
		bomb = must(table.Tuple([]*types.Type{bomb, bomb}))
	}
	const size = 4 << 20
	for name, c := range map[string]struct {
		typ      *types.Type
		encoding abi.Encoding
		flat     []uint64
		least    int
	}{
		"text":        {table.Prim(types.String), abi.UTF8, []uint64{0, size}, 2 * size},
		"transcoding": {table.Prim(types.String), abi.UTF16, []uint64{0, size / 2}, 2 * size},
		"bytes":       {must(table.List(table.Prim(types.U8))), abi.UTF8, []uint64{0, size}, size},
		"values":      {must(table.List(table.Prim(types.Char))), abi.UTF8, []uint64{0, size / 4}, size},
		"one value":   {bomb, abi.UTF8, []uint64{0}, size},
	} {
		t.Run(name, func(t *testing.T) {
			f := &types.Func{Params: []types.Field{{Type: c.typ}}}
			for _, failure := range []error{nil, errors.New("cancelled")} {
				m := &tariff{memory: memory{bytes: make([]byte, size)}, err: failure}
				context := &abi.Context{Memory: m, Encoding: c.encoding, Budget: 1 << 30}
				r := abi.Lower(f, types.Sync).ReadParams(context, c.flat)
				r.Value()
				if err := context.Err(); err != failure {
					t.Errorf("got %v, want %v", err, failure)
				}
				if failure == nil && m.charged < c.least {
					t.Errorf("charged %d, want at least %d", m.charged, c.least)
				}
				if m.most > 512<<10 {
					t.Errorf("charged %d at once", m.most)
				}
				if failure != nil && m.charges > 4 {
					t.Errorf("went on after the error: %d charges", m.charges)
				}

				to := newMemory(3 * size)
				into := newContext(to, abi.UTF8)
				callee := abi.Lift(f, types.Sync)
				*m = tariff{memory: memory{bytes: make([]byte, size)}}
				from := &abi.Context{Memory: m, Encoding: c.encoding}
				w := callee.WriteParams(into, make([]uint64, callee.Slots()))
				r = abi.Lower(f, types.Sync).ReadParams(from, c.flat)
				abi.Copy(&w, &r)
				if err := w.End(); err != nil || m.charged+to.charged < c.least {
					t.Errorf("copied: %v, charged %d, want at least %d", err, m.charged+to.charged, c.least)
				}
			}
		})
	}
}

// Strings of many pieces are not cut within a character.
func TestLongStrings(t *testing.T) {
	table := types.NewTable()
	f := &types.Func{Params: []types.Field{{Type: table.Prim(types.String)}}}
	for _, unit := range []string{"abc", "aé", "日本a", "🌊", "a🌊"} {
		for shift := range 4 {
			want := strings.Repeat("x", shift) + strings.Repeat(unit, 40_000)
			for _, from := range []abi.Encoding{abi.UTF8, abi.UTF16, abi.Latin1UTF16} {
				for _, to := range []abi.Encoding{abi.UTF8, abi.UTF16, abi.Latin1UTF16} {
					if got := passText(t, f, from, to, want); got != want {
						t.Errorf("%q, %d, from %d to %d: another string", unit, shift, from, to)
					}
				}
			}
		}
	}
}

// passText writes a string into a guest, copies it to another one, and reads it there.
func passText(t *testing.T, f *types.Func, from, to abi.Encoding, s string) string {
	lift, lower := abi.Lift(f, types.Sync), abi.Lower(f, types.Sync)
	here, there := newContext(newMemory(64), from), newContext(newMemory(64), to)
	stack, copied := make([]uint64, 2), make([]uint64, 2)
	w := lift.WriteParams(here, stack)
	w.String(s)
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	w = lift.WriteParams(there, copied)
	r := lower.ReadParams(here, stack)
	abi.Copy(&w, &r)
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	r = lower.ReadParams(there, copied)
	return r.String()
}

// Lists of numbers are copied at once, and their NaNs become the one that there is.
func TestNaNsInLists(t *testing.T) {
	table := types.NewTable()
	f32, f64, u64 := table.Prim(types.F32), table.Prim(types.F64), table.Prim(types.U64)
	const single, double = 0xffc00001, 0x7ff0000000000001
	for name, c := range map[string]struct {
		elem       *types.Type
		from, want []uint64 // the words of one element
	}{
		"f32":     {must(table.Tuple([]*types.Type{f32, f32})), []uint64{single<<32 | 0x3f800000}, []uint64{0x7fc00000<<32 | 0x3f800000}},
		"f64":     {f64, []uint64{double}, []uint64{0x7ff8000000000000}},
		"records": {must(table.Tuple([]*types.Type{u64, f64, u64})), []uint64{double, double, single}, []uint64{double, 0x7ff8000000000000, single}},
		"gaps":    {must(table.Tuple([]*types.Type{f32, f64})), []uint64{0xaaaaaaaa_ffc00001, double}, []uint64{0x7fc00000, 0x7ff8000000000000}},
		"large":   {must(table.Tuple([]*types.Type{f64, must(table.FixedList(u64, 50_000))})), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 40_000
			if c.from == nil { // larger than a chunk
				c.from, c.want = make([]uint64, 50_001), make([]uint64, 50_001)
				c.from[0], c.want[0], c.from[1], c.want[1] = double, 0x7ff8000000000000, double, double
			}
			count := max(1, n/len(c.from))
			m := &memory{fixed: true}
			for range count {
				for _, word := range c.from {
					m.bytes = binary.LittleEndian.AppendUint64(m.bytes, word)
				}
			}
			f := &types.Func{Params: []types.Field{{Type: must(table.List(c.elem))}}}
			there := newMemory(64)
			stack := make([]uint64, 2)
			w, r := abi.Lift(f, types.Sync).WriteParams(newContext(there, abi.UTF8), stack), abi.Lower(f, types.Sync).ReadParams(newContext(m, abi.UTF8), []uint64{0, uint64(count)})
			abi.Copy(&w, &r)
			if err := w.End(); err != nil {
				t.Fatal(err)
			}
			for i := range count * len(c.want) {
				if got := binary.LittleEndian.Uint64(there.bytes[int(stack[0])+8*i:]); got != c.want[i%len(c.want)] {
					t.Fatalf("word %d is %x, want %x", i, got, c.want[i%len(c.want)])
				}
			}
		})
	}
}
