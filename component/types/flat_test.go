package types

import (
	"slices"
	"testing"

	"github.com/reactord/reactord/component/binary"
)

func TestFlat(t *testing.T) {
	tab := NewTable()
	do := must(t)
	variant := func(types ...*Type) *Type {
		var cases []Case
		for _, typ := range types {
			cases = append(cases, Case{Name: "c", Type: typ})
		}
		return do(tab.Variant(cases))
	}
	const i32, i64, f32, f64 = binary.CoreI32, binary.CoreI64, binary.CoreF32, binary.CoreF64
	u8, u64, str := tab.Prim(U8), tab.Prim(U64), tab.Prim(String)
	for _, tt := range []struct {
		typ     *Type
		core    []binary.CoreValType
		pointed bool
	}{
		{typ: u8, core: []binary.CoreValType{i32}},
		{typ: u64, core: []binary.CoreValType{i64}},
		{typ: str, core: []binary.CoreValType{i32, i32}, pointed: true},
		{typ: do(tab.Map(u8, u8)), core: []binary.CoreValType{i32, i32}, pointed: true},
		{typ: do(tab.Tuple([]*Type{u8, str, u64})), core: []binary.CoreValType{i32, i32, i32, i64}, pointed: true},
		{typ: do(tab.FixedList(u64, 3)), core: []binary.CoreValType{i64, i64, i64}},
		{typ: do(tab.FixedList(u64, 17)), core: nil},
		{typ: variant(tab.Prim(F32)), core: []binary.CoreValType{i32, f32}},
		{typ: variant(tab.Prim(F64), nil), core: []binary.CoreValType{i32, f64}},
		{typ: variant(tab.Prim(F32), u8), core: []binary.CoreValType{i32, i32}},
		{typ: variant(tab.Prim(F64), tab.Prim(F32)), core: []binary.CoreValType{i32, i64}},
		{typ: variant(u8, do(tab.Tuple([]*Type{u64, tab.Prim(F32)}))), core: []binary.CoreValType{i32, i64, f32}},
		{typ: do(tab.Result(str, do(tab.Enum([]string{"a"})))), core: []binary.CoreValType{i32, i32, i32}, pointed: true},
		{typ: do(tab.Stream(str)), core: []binary.CoreValType{i32}},
	} {
		if !slices.Equal(tt.typ.Core(), tt.core) || tt.typ.Pointed != tt.pointed {
			t.Errorf("%v: core types %x, pointed %v; want %x, %v", tt.typ.Kind, tt.typ.Core(), tt.typ.Pointed, tt.core, tt.pointed)
		}
	}
	// A shared case, many times over.
	typ := u64
	for range 15 {
		typ = variant(typ, typ, u8)
	}
	if got := typ.Core(); len(got) != MaxFlat || got[15] != i64 {
		t.Errorf("nested variants flatten to %x", got)
	}
}
