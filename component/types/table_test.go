package types

import (
	"fmt"
	"strings"
	"testing"
)

// must returns the type of a call that does not fail.
func must(t *testing.T) func(*Type, error) *Type {
	return func(typ *Type, err error) *Type {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return typ
	}
}

func TestLayout(t *testing.T) {
	tab := NewTable()
	do := must(t)
	u8, u16, u64, f32 := tab.Prim(U8), tab.Prim(U16), tab.Prim(U64), tab.Prim(F32)
	str := tab.Prim(String)
	r := &Resource{Name: "r"}
	names := func(n int) (s []string) {
		for i := range n {
			s = append(s, fmt.Sprint("l", i))
		}
		return s
	}
	for _, tt := range []struct {
		name                       string
		typ                        *Type
		size, align, payload, flat uint32
		handles, borrows           bool
	}{
		{name: "bool", typ: tab.Prim(Bool), size: 1, align: 1, flat: 1},
		{name: "char", typ: tab.Prim(Char), size: 4, align: 4, flat: 1},
		{name: "string", typ: str, size: 8, align: 4, flat: 2},
		{name: "error-context", typ: tab.ErrorContext(), size: 4, align: 4, flat: 1, handles: true},
		{name: "list", typ: do(tab.List(u64)), size: 8, align: 4, flat: 2},
		{name: "list of 3", typ: do(tab.FixedList(u16, 3)), size: 6, align: 2, flat: 3},
		{name: "list of 17", typ: do(tab.FixedList(u8, 17)), size: 17, align: 1, flat: MaxFlat + 1},
		{name: "map", typ: do(tab.Map(str, u8)), size: 8, align: 4, flat: 2},
		{name: "tuple", typ: do(tab.Tuple([]*Type{u8, u64, u16})), size: 24, align: 8, flat: 3},
		{name: "record", typ: do(tab.Record([]Field{{Name: "a", Type: str}, {Name: "b", Type: u8}})), size: 12, align: 4, flat: 3},
		{name: "variant", typ: do(tab.Variant([]Case{{Name: "a", Type: u64}, {Name: "b", Type: f32}, {Name: "c"}})), size: 16, align: 8, payload: 8, flat: 2},
		{name: "option", typ: do(tab.Option(u16)), size: 4, align: 2, payload: 2, flat: 2},
		{name: "result", typ: do(tab.Result(nil, nil)), size: 1, align: 1, payload: 1, flat: 1},
		{name: "result with types", typ: do(tab.Result(str, u8)), size: 12, align: 4, payload: 4, flat: 3},
		{name: "enum of 256", typ: do(tab.Enum(names(256))), size: 1, align: 1, payload: 1, flat: 1},
		{name: "enum of 257", typ: do(tab.Enum(names(257))), size: 2, align: 2, payload: 2, flat: 1},
		{name: "enum of 65537", typ: do(tab.Enum(names(65537))), size: 4, align: 4, payload: 4, flat: 1},
		{name: "flags of 8", typ: do(tab.Flags(names(8))), size: 1, align: 1, flat: 1},
		{name: "flags of 9", typ: do(tab.Flags(names(9))), size: 2, align: 2, flat: 1},
		{name: "flags of 32", typ: do(tab.Flags(names(32))), size: 4, align: 4, flat: 1},
		{name: "own", typ: do(tab.Own(r)), size: 4, align: 4, flat: 1, handles: true},
		{name: "list of borrow", typ: do(tab.List(do(tab.Borrow(r)))), size: 8, align: 4, flat: 2, handles: true, borrows: true},
		{name: "stream", typ: do(tab.Stream(u8)), size: 4, align: 4, flat: 1, handles: true},
		{name: "future", typ: do(tab.Future(nil)), size: 4, align: 4, flat: 1, handles: true},
	} {
		got := fmt.Sprint(tt.typ.Size, tt.typ.Align, tt.typ.Payload, tt.typ.Flat, tt.typ.Handles, tt.typ.Borrows)
		want := fmt.Sprint(tt.size, tt.align, tt.payload, tt.flat, tt.handles, tt.borrows)
		if got != want {
			t.Errorf("%s: size, align, payload, flat, handles and borrows are %s, want %s", tt.name, got, want)
		}
	}
	fields := do(tab.Tuple([]*Type{u8, u64, u16})).Fields
	if got := fmt.Sprint(fields[0].Offset, fields[1].Offset, fields[2].Offset); got != "0 8 16" {
		t.Errorf("offsets are %s", got)
	}
}

func TestEqualTypesAreOne(t *testing.T) {
	tab := NewTable()
	do := must(t)
	r, s := &Resource{Name: "r"}, &Resource{Name: "r"}
	point := func(label string, r *Resource) *Type {
		return do(tab.Record([]Field{
			{Name: "x", Type: do(tab.List(tab.Prim(U8)))},
			{Name: label, Type: do(tab.Option(do(tab.Own(r))))},
		}))
	}
	if p, q := point("y", r), point("y", r); p != q {
		t.Error("equal records are two types")
	}
	if point("y", r) == point("z", r) || point("y", r) == point("y", s) {
		t.Error("different records are one type")
	}
	if do(tab.Enum([]string{"a"})) == do(tab.Variant([]Case{{Name: "a"}})) {
		t.Error("an enum and a variant are one type")
	}
}

// TestTypesAreShared makes a type of 19 parts that is very long when it is written out.
func TestTypesAreShared(t *testing.T) {
	tab := NewTable()
	do := must(t)
	typ := tab.Prim(U8)
	for range 18 {
		typ = do(tab.Tuple([]*Type{typ, typ}))
	}
	if typ.Size != 1<<18 || typ.Flat != MaxFlat+1 || typ.Depth != 19 || tab.nodes != 18*6 {
		t.Errorf("size %d, flat %d, depth %d, %d nodes", typ.Size, typ.Flat, typ.Depth, tab.nodes)
	}
	if _, err := tab.Tuple([]*Type{typ, typ}); err == nil || !strings.Contains(err.Error(), "1000000 parts when it is written out") {
		t.Errorf("a type of 2^20 parts: %v", err)
	}
}

func TestTableRefuses(t *testing.T) {
	tab := NewTable()
	do := must(t)
	u8, str := tab.Prim(U8), tab.Prim(String)
	deep := u8
	for range MaxDepth - 1 {
		deep = do(tab.List(deep))
	}
	for want, call := range map[string]func() (*Type, error){
		"maximum byte size":     func() (*Type, error) { return tab.FixedList(str, 1<<24) }, // with 64-bit pointers
		"byte size":             func() (*Type, error) { return tab.FixedList(tab.Prim(U64), 1<<29) },
		"100 deep":              func() (*Type, error) { return tab.List(deep) },
		"no elements":           func() (*Type, error) { return tab.FixedList(u8, 0) },
		"record has no":         func() (*Type, error) { return tab.Record(nil) },
		"tuple has no":          func() (*Type, error) { return tab.Tuple(nil) },
		"the enum has no cases": func() (*Type, error) { return tab.Enum(nil) },
		"no labels":             func() (*Type, error) { return tab.Flags(nil) },
		"33 labels":             func() (*Type, error) { return tab.Flags(make([]string, 33)) },
		"type f32":              func() (*Type, error) { return tab.Map(tab.Prim(F32), u8) },
		"stream of char":        func() (*Type, error) { return tab.Stream(tab.Prim(Char)) },
		"future cannot hold":    func() (*Type, error) { return tab.Future(do(tab.List(do(tab.Borrow(&Resource{}))))) },
		"too many types": func() (_ *Type, err error) {
			full := NewTable()
			for i := 0; err == nil; i++ {
				_, err = full.Enum([]string{fmt.Sprint(i)})
			}
			return nil, err
		},
	} {
		if _, err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
	do(tab.FixedList(str, 1<<24-1))
	do(tab.FixedList(u8, 1<<28-1))
}
