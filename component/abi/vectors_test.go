package abi_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/types"
)

// vector is a value that one guest passes to another, by the specification's executable form: testdata/vectors.py.
type vector struct {
	Type     any
	From, To string
	Memory   string
	Flat     []uint64
	Trap     bool
	Want     struct {
		Flat     []uint64
		Memory   string
		Reallocs [][4]uint32
	}
}

var encodings = map[string]abi.Encoding{"utf8": abi.UTF8, "utf16": abi.UTF16, "latin1+utf16": abi.Latin1UTF16}

// Values that one guest passes to another are the same there as in the specification, byte by byte and with the same
// allocations; what is wrong traps.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 100 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	for i := range vectors {
		t.Run(fmt.Sprint(i), func(t *testing.T) { checkVector(t, &vectors[i]) })
	}
}

func checkVector(t *testing.T, v *vector) {
	f := &types.Func{Params: []types.Field{{Type: parseType(types.NewTable(), v.Type)}}}
	const size = 2048
	from, to := newMemory(size), newMemory(size)
	passed, err := hex.DecodeString(v.Memory)
	if err != nil {
		t.Fatal(err)
	}
	copy(from.bytes, passed)
	callee := abi.Lift(f, types.Sync)
	stack := make([]uint64, callee.Slots())
	c := newContext(to, encodings[v.To])
	w, r := callee.WriteParams(c, stack), abi.Lower(f, types.Sync).ReadParams(newContext(from, encodings[v.From]), v.Flat)
	abi.Copy(&w, &r)
	err = w.End()
	if v.Trap {
		var trap *abi.Trap
		if !errors.As(err, &trap) {
			t.Errorf("%v: got %v and no trap", v.Type, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("%v: %v", v.Type, err)
	}
	if !slices.Equal(stack[:len(v.Want.Flat)], v.Want.Flat) {
		t.Errorf("%v: core values %x, want %x", v.Type, stack, v.Want.Flat)
	}
	if got := hex.EncodeToString(to.bytes[:to.top]); got != v.Want.Memory {
		t.Errorf("%v: memory\n%s, want\n%s", v.Type, got, v.Want.Memory)
	}
	if !slices.Equal(to.reallocs, v.Want.Reallocs) {
		t.Errorf("%v: reallocs %v, want %v", v.Type, to.reallocs, v.Want.Reallocs)
	}
}

var primitives = map[string]types.Kind{
	"bool": types.Bool, "s8": types.S8, "u8": types.U8, "s16": types.S16, "u16": types.U16, "s32": types.S32,
	"u32": types.U32, "s64": types.S64, "u64": types.U64, "f32": types.F32, "f64": types.F64, "char": types.Char,
	"string": types.String,
}

// parseType returns the type of a vector, or nil.
func parseType(table *types.Table, desc any) *types.Type {
	if desc == nil {
		return nil
	}
	if name, ok := desc.(string); ok {
		return table.Prim(primitives[name])
	}
	list := desc.([]any)
	var subs []*types.Type
	var names []string
	for i, sub := range list[1:] {
		if n, ok := sub.(float64); ok {
			for len(names) < int(n) {
				names = append(names, fmt.Sprint("n", len(names)))
			}
			continue
		}
		subs, names = append(subs, parseType(table, sub)), append(names, fmt.Sprint("f", i))
	}
	switch list[0] {
	case "flags":
		return must(table.Flags(names))
	case "enum":
		return must(table.Enum(names))
	case "list":
		return must(table.List(subs[0]))
	case "fixed":
		return must(table.FixedList(subs[0], uint32(list[2].(float64))))
	case "tuple":
		return must(table.Tuple(subs))
	case "option":
		return must(table.Option(subs[0]))
	case "result":
		return must(table.Result(subs[0], subs[1]))
	case "map":
		return must(table.Map(subs[0], subs[1]))
	case "record":
		fields := make([]types.Field, len(subs))
		for i := range fields {
			fields[i] = types.Field{Name: names[i], Type: subs[i]}
		}
		return must(table.Record(fields))
	default:
		cases := make([]types.Case, len(subs))
		for i := range cases {
			cases[i] = types.Case{Name: names[i], Type: subs[i]}
		}
		return must(table.Variant(cases))
	}
}
