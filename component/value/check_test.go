package value

import (
	"math"
	"testing"

	"github.com/reactord/reactord/component/types"
)

// sample has a type with a part of each kind.
func sample(t *testing.T) *types.Type {
	table := types.NewTable()
	is := func(typ *types.Type, err error) *types.Type {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return typ
	}
	prim := table.Prim
	return is(table.Record([]types.Field{
		{Name: "small", Type: prim(types.S8)},
		{Name: "letter", Type: prim(types.Char)},
		{Name: "name", Type: prim(types.String)},
		{Name: "numbers", Type: is(table.List(prim(types.F32)))},
		{Name: "bytes", Type: is(table.FixedList(prim(types.U8), 2))},
		{Name: "shape", Type: is(table.Variant([]types.Case{{Name: "none"}, {Name: "box", Type: is(table.Tuple([]*types.Type{prim(types.F64), prim(types.Bool)}))}}))},
		{Name: "mode", Type: is(table.Flags([]string{"a", "b"}))},
		{Name: "ages", Type: is(table.Map(prim(types.String), prim(types.U16)))},
	}))
}

func sampleValue() Value {
	return Items(
		Int(-5), Uint('ä'), String("x"), Items(F32(1), F32(float32(math.NaN()))), Value{Bytes: []byte{1, 2}},
		Case(1, Items(F64(0.5), Bool(true))), Uint(3), Items(String("a"), Uint(7)),
	)
}

func TestCheck(t *testing.T) {
	typ := sample(t)
	v := sampleValue()
	if err := Check(typ, &v, "v"); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(v *Value){
		"v.small: 0x80 is not an s8":                      func(v *Value) { v.Items[0].Bits = 0x80 },
		"v.letter: 0xd800 is not a char":                  func(v *Value) { v.Items[1].Bits = 0xd800 },
		"v.name: the text is not valid UTF-8":             func(v *Value) { v.Items[2].Bytes = []byte{0xff} },
		"v.numbers[1]: 0x100000000 is not an f32":         func(v *Value) { v.Items[3].Items[1].Bits = 1 << 32 },
		"v.bytes: 3 items are not the 2 of the list":      func(v *Value) { v.Items[4].Bytes = []byte{1, 2, 3} },
		"v.shape: there is no case 2: there are 2":        func(v *Value) { v.Items[5].Bits = 2 },
		`v.shape: the case "none" has no value`:           func(v *Value) { v.Items[5].Bits = 0 },
		`v.shape: the case "box" needs a value`:           func(v *Value) { v.Items[5].Items = nil },
		"v.shape.box[1]: 0x2 is not a bool":               func(v *Value) { v.Items[5].Items[0].Items[1].Bits = 2 },
		"v.shape.box: 0 items are not the 2 of the tuple": func(v *Value) { v.Items[5].Items[0].Items = nil },
		"v.mode: 0x4 is not flags":                        func(v *Value) { v.Items[6].Bits = 4 },
		"v.ages: the last key of the map has no value":    func(v *Value) { v.Items[7].Items = v.Items[7].Items[:1] },
		"v.ages[0]: 0x10000 is not a u16":                 func(v *Value) { v.Items[7].Items[1].Bits = 1 << 16 },
		"v: 0 items are not the 8 of the record":          func(v *Value) { v.Items = nil },
	} {
		v := sampleValue()
		change(&v)
		if err := Check(typ, &v, "v"); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestEqual(t *testing.T) {
	typ := sample(t)
	a, b := sampleValue(), sampleValue()
	b.Items[3].Items[1].Bits = 0xffc00001 // another NaN
	if !Equal(typ, &a, &b) {
		t.Error("a value is not the same as itself")
	}
	for name, change := range map[string]func(v *Value){
		"an integer":       func(v *Value) { v.Items[0] = Int(5) },
		"a text":           func(v *Value) { v.Items[2] = String("y") },
		"a float":          func(v *Value) { v.Items[3].Items[0] = F32(-1) },
		"fewer items":      func(v *Value) { v.Items[3].Items = v.Items[3].Items[:1] },
		"bytes":            func(v *Value) { v.Items[4].Bytes = []byte{1, 3} },
		"a case":           func(v *Value) { v.Items[5] = Case(0) },
		"a payload":        func(v *Value) { v.Items[5].Items[0].Items[0] = F64(math.NaN()) },
		"a key of a map":   func(v *Value) { v.Items[7].Items[0] = String("b") },
		"a value of a map": func(v *Value) { v.Items[7].Items[1] = Uint(8) },
	} {
		v := sampleValue()
		change(&v)
		if Equal(typ, &a, &v) || Equal(typ, &v, &a) {
			t.Errorf("%s makes no difference", name)
		}
	}
	zero, minus := F64(0), F64(math.Copysign(0, -1))
	if Equal(types.NewTable().Prim(types.F64), &zero, &minus) {
		t.Error("0 is the same as -0")
	}
}

func TestSize(t *testing.T) {
	small, large := String("x"), Items(String("0123456789"), Uint(1))
	if s, l := Size(&small), Size(&large); l < 2*s+10 || s < 50 {
		t.Errorf("sizes %d and %d", s, l)
	}
}
