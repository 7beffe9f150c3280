package abi_test

import (
	"testing"

	"github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// arena is a memory whose realloc starts again for each call.
type arena struct {
	bytes []byte
	top   uint32
}

func (m *arena) Bytes() []byte { return m.bytes }

func (m *arena) Charge(int) error { return nil }

func (m *arena) Realloc(_, _, align, newSize uint32) (uint32, error) {
	at := (m.top + align - 1) &^ (align - 1)
	m.top = at + newSize
	return at, nil
}

func newArena() *arena { return &arena{bytes: make([]byte, 8<<20), top: 16} }

// echo is a function that gets and returns values of one type.
func echo(t *types.Type) *types.Func {
	return &types.Func{Params: []types.Field{{Name: "a", Type: t}}, Result: t}
}

// A host function of two integers: what a guest passed is read, and the result written.
func BenchmarkCursorIntegers(b *testing.B) {
	u32 := types.NewTable().Prim(types.U32)
	p := abi.Lower(&types.Func{Params: []types.Field{{Type: u32}, {Type: u32}}, Result: u32}, types.Sync)
	c := &abi.Context{Memory: newArena()}
	stack := make([]uint64, p.Slots())
	b.ReportAllocs()
	for b.Loop() {
		stack[0], stack[1] = 1, 2
		r, w := p.ReadParams(c, stack), p.WriteResult(c, stack)
		w.U32(r.U32() + r.U32())
		if err := w.End(); err != nil {
			b.Fatal(err)
		}
	}
}

// The same between two guests: the parameters one way, and the result the other.
func BenchmarkCopyIntegers(b *testing.B) {
	u32 := types.NewTable().Prim(types.U32)
	f := &types.Func{Params: []types.Field{{Type: u32}, {Type: u32}}, Result: u32}
	benchmarkCopy(b, f, func(*arena) []uint64 { return []uint64{1, 2} })
}

func benchmarkCopy(b *testing.B, f *types.Func, pass func(*arena) []uint64) {
	b.Helper()
	lower, lift := abi.Lower(f, types.Sync), abi.Lift(f, types.Sync)
	caller, callee := newArena(), newArena()
	passed := pass(caller)
	top := caller.top
	from, to := &abi.Context{Memory: caller}, &abi.Context{Memory: callee}
	outer, inner := make([]uint64, lower.Slots()), make([]uint64, lift.Slots())
	b.ReportAllocs()
	for b.Loop() {
		copy(outer, passed)
		caller.top, callee.top = top, 16
		w, r := lift.WriteParams(to, inner), lower.ReadParams(from, outer)
		abi.Copy(&w, &r)
		if err := w.End(); err != nil {
			b.Fatal(err)
		}
		if lift.ResultInMemory { // the callee returns its parameter
			copy(callee.bytes, []byte{byte(inner[0]), byte(inner[0] >> 8), byte(inner[0] >> 16), 0, byte(inner[1]), byte(inner[1] >> 8), byte(inner[1] >> 16), 0})
			inner[0] = 0
		}
		w, r = lower.WriteResult(from, outer), lift.ReadResult(to, inner)
		abi.Copy(&w, &r)
		if err := w.End(); err != nil {
			b.Fatal(err)
		}
	}
}

// pass passes a value as the parameter, and room for the result.
func pass(b *testing.B, f *types.Func, v value.Value) func(*arena) []uint64 {
	return func(m *arena) []uint64 {
		lower := abi.Lower(f, types.Sync)
		stack := make([]uint64, lower.Slots())
		w := abi.Lift(f, types.Sync).WriteParams(&abi.Context{Memory: m}, stack)
		w.Value(v)
		if err := w.End(); err != nil {
			b.Fatal(err)
		}
		return stack
	}
}

func megabyte(b *testing.B) (*types.Func, value.Value) {
	table := types.NewTable()
	b.SetBytes(2 << 20)
	return echo(must(table.List(table.Prim(types.U8)))), value.Value{Bytes: make([]byte, 1<<20)}
}

// A list<u8> of 1 MiB to another guest and back.
func BenchmarkCopyBytes(b *testing.B) {
	f, v := megabyte(b)
	benchmarkCopy(b, f, pass(b, f, v))
}

func BenchmarkCopyString(b *testing.B) {
	f := echo(types.NewTable().Prim(types.String))
	benchmarkCopy(b, f, pass(b, f, value.Value{Bytes: []byte("a string of a usual length")}))
}

// benchmarkTree passes a value to a guest that returns it.
func benchmarkTree(b *testing.B, f *types.Func, v value.Value) {
	lift := abi.Lift(f, types.Sync)
	m := newArena()
	c := &abi.Context{Memory: m, Budget: 1 << 62}
	stack := make([]uint64, lift.Slots()+1)
	b.ReportAllocs()
	for b.Loop() {
		m.top = 16
		w := lift.WriteParams(c, stack)
		w.Value(v)
		if err := w.End(); err != nil {
			b.Fatal(err)
		}
		if lift.ResultInMemory && !lift.ParamsInMemory {
			r := abi.Lower(f, types.Sync).ReadParams(c, stack)
			r.Value()
		} else {
			r := lift.ReadResult(c, stack)
			r.Value()
		}
		if c.Err() != nil {
			b.Fatal(c.Err())
		}
	}
}

func BenchmarkTreeBytes(b *testing.B) {
	f, v := megabyte(b)
	benchmarkTree(b, f, v)
}

func BenchmarkTreeString(b *testing.B) {
	benchmarkTree(b, echo(types.NewTable().Prim(types.String)), value.Value{Bytes: []byte("a string of a usual length")})
}

// points returns a list of records of two floats.
func points(n int) (*types.Func, value.Value) {
	table := types.NewTable()
	f64 := table.Prim(types.F64)
	point := must(table.Record([]types.Field{{Name: "x", Type: f64}, {Name: "y", Type: f64}}))
	v := value.Value{Items: make([]value.Value, n)}
	for i := range v.Items {
		v.Items[i].Items = make([]value.Value, 2)
	}
	return echo(must(table.List(point))), v
}

func BenchmarkTreeRecords(b *testing.B) {
	f, v := points(1000)
	benchmarkTree(b, f, v)
}

func BenchmarkCopyRecords(b *testing.B) {
	f, v := points(1000)
	benchmarkCopy(b, f, pass(b, f, v))
}
