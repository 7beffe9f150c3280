package abi_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"unicode/utf16"

	"github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// model is the canonical ABI as the specification's definitions.py tells it: one function for each of its own, sizes
// worked out again at each step, and core values with their types.
type model struct {
	m        *memory
	encoding abi.Encoding
}

func (x *model) align(t *types.Type) int {
	switch t.Kind {
	case types.String, types.Map:
		return 4
	case types.List:
		if t.Fixed {
			return x.align(t.Elem)
		}
		return 4
	case types.Record, types.Tuple:
		a := 1
		for _, f := range t.Fields {
			a = max(a, x.align(f.Type))
		}
		return a
	case types.Variant, types.Enum, types.Option, types.Result:
		return max(x.discriminant(t), x.caseAlign(t))
	default:
		return x.size(t)
	}
}

func (x *model) discriminant(t *types.Type) int {
	if len(t.Cases) > 256 {
		return 2
	}
	return 1
}

func (x *model) caseAlign(t *types.Type) int {
	a := 1
	for _, c := range t.Cases {
		if c.Type != nil {
			a = max(a, x.align(c.Type))
		}
	}
	return a
}

func up(n, align int) int { return (n + align - 1) / align * align }

func (x *model) size(t *types.Type) int {
	switch t.Kind {
	case types.Bool, types.S8, types.U8:
		return 1
	case types.S16, types.U16:
		return 2
	case types.S64, types.U64, types.F64, types.String, types.Map:
		return 8
	case types.List:
		if t.Fixed {
			return int(t.Length) * x.size(t.Elem)
		}
		return 8
	case types.Record, types.Tuple:
		s := 0
		for _, f := range t.Fields {
			s = up(s, x.align(f.Type)) + x.size(f.Type)
		}
		return up(s, x.align(t))
	case types.Variant, types.Enum, types.Option, types.Result:
		s := 0
		for _, c := range t.Cases {
			if c.Type != nil {
				s = max(s, x.size(c.Type))
			}
		}
		return up(up(x.discriminant(t), x.caseAlign(t))+s, x.align(t))
	case types.Flags:
		switch n := len(t.Labels); {
		case n <= 8:
			return 1
		case n <= 16:
			return 2
		}
	}
	return 4
}

func (x *model) setInt(ptr, size int, n uint64) {
	for i := range size {
		x.m.bytes[ptr+i] = byte(n >> (8 * i))
	}
}

func (x *model) alloc(size, align int) int {
	ptr, _ := x.m.Realloc(0, 0, uint32(align), uint32(size))
	return int(ptr)
}

func (x *model) store(t *types.Type, v value.Value, ptr int) {
	switch t.Kind {
	case types.String, types.Map:
		x.storeFlatPair(t, v, ptr)
	case types.List:
		if !t.Fixed {
			x.storeFlatPair(t, v, ptr)
			return
		}
		x.storeItems(t, v, ptr)
	case types.Record, types.Tuple:
		for i, f := range t.Fields {
			ptr = up(ptr, x.align(f.Type))
			x.store(f.Type, v.Items[i], ptr)
			ptr += x.size(f.Type)
		}
	case types.Variant, types.Enum, types.Option, types.Result:
		x.setInt(ptr, x.discriminant(t), v.Bits)
		if payload := t.Cases[v.Bits].Type; payload != nil {
			x.store(payload, v.Items[0], up(ptr+x.discriminant(t), x.caseAlign(t)))
		}
	case types.Own, types.Borrow, types.Stream, types.Future, types.ErrorContext:
		x.setInt(ptr, 4, v.Bits^changed)
	default:
		x.setInt(ptr, x.size(t), v.Bits)
	}
}

// storeFlatPair stores what is a pointer and a length.
func (x *model) storeFlatPair(t *types.Type, v value.Value, ptr int) {
	pair := x.lowerFlat(t, v)
	x.setInt(ptr, 4, pair[0])
	x.setInt(ptr+4, 4, pair[1])
}

func items(t *types.Type, v value.Value) []value.Value {
	if t.Kind == types.Map {
		var entries []value.Value
		for pair := range slices.Chunk(v.Items, 2) {
			entries = append(entries, value.Value{Items: pair})
		}
		return entries
	}
	if t.Elem.Kind != types.U8 {
		return v.Items
	}
	var all []value.Value
	for _, b := range v.Bytes {
		all = append(all, value.Value{Bits: uint64(b)})
	}
	return all
}

func elem(t *types.Type) *types.Type {
	if t.Kind == types.Map {
		return &types.Type{Kind: types.Tuple, Fields: []types.Field{{Type: t.Key}, {Type: t.Elem}}}
	}
	return t.Elem
}

func (x *model) storeItems(t *types.Type, v value.Value, ptr int) {
	for i, item := range items(t, v) {
		x.store(elem(t), item, ptr+i*x.size(elem(t)))
	}
}

// encode returns a string in an encoding, with the alignment and the length that stand for it.
func encode(e abi.Encoding, s string) (b []byte, align int, length uint64) {
	switch e {
	case abi.UTF8:
		return []byte(s), 1, uint64(len(s))
	case abi.Latin1UTF16:
		if !slices.ContainsFunc([]rune(s), func(r rune) bool { return r > 0xff }) {
			for _, r := range s {
				b = append(b, byte(r))
			}
			return b, 2, uint64(len(b))
		}
		length = 1 << 31
	}
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b, 2, length | uint64(len(b)/2)
}

func (x *model) lowerFlat(t *types.Type, v value.Value) []uint64 {
	switch t.Kind {
	case types.String:
		b, align, length := encode(x.encoding, string(v.Bytes))
		ptr := x.alloc(len(b), align)
		copy(x.m.bytes[ptr:], b)
		return []uint64{uint64(ptr), length}
	case types.List, types.Map:
		if t.Fixed {
			return x.lowerAll(t, v)
		}
		n := len(items(t, v))
		ptr := x.alloc(n*x.size(elem(t)), x.align(elem(t)))
		x.storeItems(t, v, ptr)
		return []uint64{uint64(ptr), uint64(n)}
	case types.Record, types.Tuple:
		var flat []uint64
		for i, f := range t.Fields {
			flat = append(flat, x.lowerFlat(f.Type, v.Items[i])...)
		}
		return flat
	case types.Variant, types.Enum, types.Option, types.Result:
		flat := []uint64{v.Bits}
		if payload := t.Cases[v.Bits].Type; payload != nil {
			flat = append(flat, x.lowerFlat(payload, v.Items[0])...)
		}
		return append(flat, make([]uint64, x.flat(t)-len(flat))...)
	case types.S64, types.U64, types.F64:
		return []uint64{v.Bits}
	case types.Own, types.Borrow, types.Stream, types.Future, types.ErrorContext:
		return []uint64{uint64(uint32(v.Bits ^ changed))}
	default:
		return []uint64{uint64(uint32(v.Bits))}
	}
}

func (x *model) lowerAll(t *types.Type, v value.Value) (flat []uint64) {
	for _, item := range items(t, v) {
		flat = append(flat, x.lowerFlat(t.Elem, item)...)
	}
	return flat
}

func (x *model) flat(t *types.Type) int {
	switch t.Kind {
	case types.String, types.Map:
		return 2
	case types.List:
		if t.Fixed {
			return int(t.Length) * x.flat(t.Elem)
		}
		return 2
	case types.Record, types.Tuple:
		n := 0
		for _, f := range t.Fields {
			n += x.flat(f.Type)
		}
		return n
	case types.Variant, types.Enum, types.Option, types.Result:
		n := 0
		for _, c := range t.Cases {
			if c.Type != nil {
				n = max(n, x.flat(c.Type))
			}
		}
		return 1 + n
	}
	return 1
}

// lowerValues returns the core values that values of a tuple of types are passed as.
func (x *model) lowerValues(ts []*types.Type, vs []value.Value, maxFlat int) []uint64 {
	all := &types.Type{Kind: types.Tuple}
	for _, t := range ts {
		all.Fields = append(all.Fields, types.Field{Type: t})
	}
	if x.flat(all) <= maxFlat {
		return x.lowerFlat(all, value.Value{Items: vs})
	}
	ptr := x.alloc(x.size(all), x.align(all))
	x.store(all, value.Value{Items: vs}, ptr)
	return []uint64{uint64(ptr)}
}

// What the package lowers is what the model lowers, byte by byte and with the same allocations; lifted again, it is the
// value; and copied to another guest, in memory or from flat values, it is the value there.
func TestModel(t *testing.T) {
	rounds := 4000
	if testing.Short() {
		rounds = 400
	}
	for seed := range uint64(rounds) {
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { checkAgainstModel(t, seed) }) {
			return
		}
	}
}

func checkAgainstModel(t *testing.T, seed uint64) {
	g := newGenerator(seed)
	f := &types.Func{}
	var ts []*types.Type
	var want []value.Value
	for i := range g.IntN(4) {
		typ := g.typ(g.IntN(4))
		ts, want = append(ts, typ), append(want, g.value(typ))
		f.Params = append(f.Params, types.Field{Name: fmt.Sprint("p", i), Type: typ})
	}
	encoding := abi.Encoding(g.IntN(3))

	x := &model{newMemory(64), encoding}
	wantFlat := x.lowerValues(ts, want, types.MaxFlat)
	m := newMemory(64)
	lift, lower := abi.Lift(f, types.Sync), abi.Lower(f, types.Sync)
	stack := garbage(max(lift.Slots(), 1))
	c := newContextWithHandles(m, encoding)
	w := lift.WriteParams(c, stack)
	for _, v := range want {
		w.Value(v)
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	if got := stack[:len(lift.Core.Params)]; !slices.Equal(got, wantFlat) {
		t.Errorf("lowered to %x, want %x", got, wantFlat)
	}
	if !bytes.Equal(m.bytes, x.m.bytes) {
		t.Errorf("memory is\n%x, want\n%x", m.bytes, x.m.bytes)
	}
	if !slices.Equal(m.reallocs, x.m.reallocs) {
		t.Errorf("reallocs are %v, want %v", m.reallocs, x.m.reallocs)
	}
	checkLift(t, lower, c, stack, want)
	checkCursors(t, f, want, encoding)
	for _, mode := range []types.Mode{types.Sync, types.Async} {
		checkCopy(t, g, f, mode, want, encoding, abi.Encoding(g.IntN(3)))
	}
	for i, typ := range ts {
		checkResult(t, typ, want[i], encoding)
	}
}

func checkLift(t *testing.T, p *abi.Plan, c *abi.Context, stack []uint64, want []value.Value) {
	t.Helper()
	r := p.ReadParams(c, stack)
	got := r.Values()
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if !equal(&got[i], &want[i]) {
			t.Errorf("lifted %+v, want %+v", got[i], want[i])
		}
	}
}

// checkCopy passes values from a guest that lowers f, in a mode, to one that lifts it.
func checkCopy(t *testing.T, g *generator, f *types.Func, mode types.Mode, want []value.Value, from, to abi.Encoding) {
	t.Helper()
	caller, callee := abi.Lower(f, mode), abi.Lift(f, types.Sync)
	x := &model{newMemory(64), from}
	maxFlat := types.MaxFlat
	if mode == types.Async {
		maxFlat = 4
	}
	var ts []*types.Type
	for _, p := range f.Params {
		ts = append(ts, p.Type)
	}
	passed := append(x.lowerValues(ts, want, maxFlat), 0)
	there := newMemory(64)
	if g.IntN(4) == 0 {
		there = x.m
	}
	stack := garbage(callee.Slots() + 1)
	c := newContextWithHandles(there, to)
	w, r := callee.WriteParams(c, stack), caller.ReadParams(newContextWithHandles(x.m, from), passed)
	abi.Copy(&w, &r)
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	checkLift(t, abi.Lower(f, types.Sync), newContextWithHandles(there, to), stack, want)
}

// checkResult returns a value to a guest and from one.
func checkResult(t *testing.T, typ *types.Type, want value.Value, encoding abi.Encoding) {
	t.Helper()
	f := &types.Func{Result: typ}
	m := newMemory(1 << 16)
	m.top = 1 << 15
	c := newContextWithHandles(m, encoding)
	stack := []uint64{128}
	lower := abi.Lower(f, types.Sync)
	w := lower.WriteResult(c, stack)
	w.Value(want)
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	r := abi.Lift(f, types.Sync).ReadResult(c, stack)
	got := r.Value()
	if c.Err() != nil || !equal(&got, &want) {
		t.Errorf("returned %+v, %v, want %+v", got, c.Err(), want)
	}
}

// garbage is a stack that was used before.
func garbage(n int) []uint64 {
	stack := make([]uint64, n)
	for i := range stack {
		stack[i] = 0xdead_beef_dead_beef
	}
	return stack
}
