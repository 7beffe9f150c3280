package abi_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// memory is a guest's memory with a realloc that only goes up, and clears what it frees.
type memory struct {
	bytes    []byte
	top      uint32
	charged  int
	fixed    bool // it does not grow
	reallocs [][4]uint32
	realloc  func(ptr, size, align, newSize uint32) (uint32, error) // instead, unless nil
}

func newMemory(size int) *memory { return &memory{bytes: make([]byte, size), top: 16} }

func (m *memory) Bytes() []byte { return m.bytes }

func (m *memory) Charge(n int) error {
	m.charged += n
	return nil
}

func (m *memory) Realloc(ptr, size, align, newSize uint32) (uint32, error) {
	m.reallocs = append(m.reallocs, [4]uint32{ptr, size, align, newSize})
	if m.realloc != nil {
		return m.realloc(ptr, size, align, newSize)
	}
	if ptr != 0 && newSize < size {
		return ptr, nil
	}
	at := (m.top + align - 1) &^ (align - 1)
	if int(at)+int(newSize) > len(m.bytes) {
		if m.fixed {
			return 0, &abi.Trap{Msg: "out of memory"}
		}
		grown := make([]byte, 2*len(m.bytes)+int(newSize))
		copy(grown, m.bytes)
		clear(m.bytes) // whoever still looks there sees it
		m.bytes = grown
	}
	copy(m.bytes[at:], m.bytes[ptr:ptr+size])
	clear(m.bytes[ptr : ptr+size])
	m.top = at + newSize
	return at, nil
}

func newContext(m *memory, e abi.Encoding) *abi.Context {
	return &abi.Context{Memory: m, Encoding: e, Budget: 1 << 30}
}

func must(t *types.Type, err error) *types.Type {
	if err != nil {
		panic(err)
	}
	return t
}

// A host function reads its parameters and writes its result, as a guest passes and expects them.
func TestHostFunction(t *testing.T) {
	table := types.NewTable()
	prim := table.Prim
	point := must(table.Record([]types.Field{{Name: "x", Type: prim(types.S32)}, {Name: "y", Type: prim(types.F64)}}))
	plan := abi.Lower(&types.Func{
		Params: []types.Field{
			{Name: "n", Type: prim(types.S16)},
			{Name: "name", Type: prim(types.String)},
			{Name: "at", Type: must(table.Option(point))},
			{Name: "list", Type: must(table.List(point))},
		},
		Result: must(table.Result(prim(types.String), prim(types.U8))),
	}, types.Sync)
	m := newMemory(256)
	copy(m.bytes[100:], "hello")
	m.bytes[128], m.bytes[136+7], m.bytes[136+6] = 0xfe, 0x3f, 0xf0 // 254, 1.0
	c := newContext(m, abi.UTF8)
	stack := []uint64{0xffff_fffb, 100, 5, 1, 7, 0x4000_0000_0000_0000, 128, 1, 64}
	r, w := plan.ReadParams(c, stack), plan.WriteResult(c, stack)
	if n, name := r.S16(), r.String(); n != -5 || name != "hello" {
		t.Errorf("got %d, %q", n, name)
	}
	if !r.Option() {
		t.Fatalf("the option is none: %v", c.Err())
	}
	at := r.Record()
	if x, y := at.S32(), at.F64(); x != 7 || y != 2 {
		t.Errorf("got %d, %g", x, y)
	}
	list := r.List()
	if list.Len() != 1 {
		t.Fatalf("%d elements", list.Len())
	}
	at = list.Record()
	if x, y := at.S32(), at.F64(); x != 254 || y != 1 {
		t.Errorf("got %d, %g", x, y)
	}
	w.OK()
	w.String("wörld")
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	if got := string(m.bytes[16:22]); got != "wörld" {
		t.Errorf("wrote %q", got)
	}
	if want := []byte{0, 0, 0, 0, 16, 0, 0, 0, 6, 0, 0, 0}; string(m.bytes[64:76]) != string(want) {
		t.Errorf("the result is %v, want %v", m.bytes[64:76], want)
	}
}

// A guest that lies gets a trap that says where.
func TestTrapsTellWhere(t *testing.T) {
	table := types.NewTable()
	line := must(table.Record([]types.Field{{Name: "label", Type: table.Prim(types.String)}}))
	plan := abi.Lift(&types.Func{Result: must(table.List(line))}, types.Sync)
	m := newMemory(64)
	m.bytes[0], m.bytes[4] = 16, 2         // two of them at 16
	m.bytes[16+8], m.bytes[16+8+4] = 60, 5 // the second one is of 5 bytes at 60
	c := newContext(m, abi.UTF8)
	r := plan.ReadResult(c, []uint64{0})
	r.Value()
	var trap *abi.Trap
	if !errors.As(c.Err(), &trap) || trap.Path != "[1].label" || !strings.Contains(trap.Msg, "beyond the memory of 64 bytes") {
		t.Errorf("got %v", c.Err())
	}
}

// Values go to a guest and come back.
func TestTree(t *testing.T) {
	table := types.NewTable()
	list := must(table.List(table.Prim(types.String)))
	for _, e := range []abi.Encoding{abi.UTF8, abi.UTF16, abi.Latin1UTF16} {
		c := newContext(newMemory(64), e)
		stack := make([]uint64, 2)
		want := value.Value{Items: []value.Value{{Bytes: []byte("ä")}, {Bytes: []byte("日本")}, {Bytes: []byte("🌊")}}}
		w := abi.Lift(&types.Func{Params: []types.Field{{Name: "a", Type: list}}}, types.Sync).WriteParams(c, stack)
		w.Value(want)
		if err := w.End(); err != nil {
			t.Fatal(err)
		}
		r := abi.Lower(&types.Func{Params: []types.Field{{Name: "a", Type: list}}}, types.Sync).ReadParams(c, stack)
		got := r.Value()
		if c.Err() != nil {
			t.Fatal(c.Err())
		}
		for i := range want.Items {
			if string(got.Items[i].Bytes) != string(want.Items[i].Bytes) {
				t.Errorf("%v: got %q", e, got.Items[i].Bytes)
			}
		}
	}
}
