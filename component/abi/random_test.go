package abi_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// generator makes types and values of them.
type generator struct {
	*rand.Rand
	table    *types.Table
	resource *types.Resource
}

func newGenerator(seed uint64) *generator {
	return &generator{rand.New(rand.NewPCG(seed, 1)), types.NewTable(), &types.Resource{Name: "r"}}
}

var scalars = []types.Kind{
	types.Bool, types.S8, types.U8, types.S16, types.U16, types.S32, types.U32, types.S64, types.U64,
	types.F32, types.F64, types.Char, types.String, types.ErrorContext,
}

func (g *generator) typ(depth int) *types.Type {
	if depth == 0 || g.IntN(3) == 0 {
		return g.leaf()
	}
	switch g.IntN(9) {
	case 0, 1:
		return must(g.table.List(g.typ(depth - 1)))
	case 2:
		return must(g.table.FixedList(g.typ(depth-1), 1+g.Uint32N(4)))
	case 3:
		fields := make([]types.Field, 1+g.IntN(5))
		for i := range fields {
			fields[i] = types.Field{Name: fmt.Sprint("f", i), Type: g.typ(depth - 1)}
		}
		return must(g.table.Record(fields))
	case 4:
		elems := make([]*types.Type, 1+g.IntN(4))
		for i := range elems {
			elems[i] = g.typ(depth - 1)
		}
		return must(g.table.Tuple(elems))
	case 5:
		cases := make([]types.Case, 1+g.IntN(5))
		if g.IntN(20) == 0 {
			cases = make([]types.Case, 300)
		}
		for i := range cases {
			if cases[i].Name = fmt.Sprint("c", i); i < 5 && g.IntN(3) > 0 {
				cases[i].Type = g.typ(depth - 1)
			}
		}
		return must(g.table.Variant(cases))
	case 6:
		return must(g.table.Option(g.typ(depth - 1)))
	case 7:
		var ways [2]*types.Type
		for i := range ways {
			if g.IntN(3) > 0 {
				ways[i] = g.typ(depth - 1)
			}
		}
		return must(g.table.Result(ways[0], ways[1]))
	default:
		keys := []types.Kind{types.U8, types.S32, types.Char, types.String, types.Bool, types.U64}
		return must(g.table.Map(g.table.Prim(keys[g.IntN(len(keys))]), g.typ(depth-1)))
	}
}

func (g *generator) leaf() *types.Type {
	names := make([]string, 1+g.IntN(types.MaxLabels))
	for i := range names {
		names[i] = fmt.Sprint("n", i)
	}
	switch n := g.IntN(len(scalars) + 6); n - len(scalars) {
	default:
		return g.table.Prim(scalars[n])
	case 0:
		return must(g.table.Enum(names))
	case 1:
		return must(g.table.Flags(names))
	case 2:
		return must(g.table.Own(g.resource))
	case 3:
		return must(g.table.Borrow(g.resource))
	case 4:
		return must(g.table.Stream(g.table.Prim(types.U8)))
	case 5:
		return must(g.table.Future(nil))
	}
}

// value returns a value that is well-formed for t. Of NaNs it has the canonical ones.
func (g *generator) value(t *types.Type) (v value.Value) {
	switch t.Kind {
	case types.String:
		v.Bytes = []byte(g.text())
	case types.List, types.Map:
		return g.list(t)
	case types.Record, types.Tuple:
		for i := range t.Fields {
			v.Items = append(v.Items, g.value(t.Fields[i].Type))
		}
	case types.Variant, types.Enum, types.Option, types.Result:
		v.Bits = uint64(g.IntN(len(t.Cases)))
		if payload := t.Cases[v.Bits].Type; payload != nil {
			v.Items = []value.Value{g.value(payload)}
		}
	default:
		v.Bits = g.scalar(t)
	}
	return v
}

func (g *generator) list(t *types.Type) (v value.Value) {
	n := g.IntN(5)
	if t.Fixed {
		n = int(t.Length)
	}
	if t.Kind == types.List && t.Elem.Kind == types.U8 {
		v.Bytes = make([]byte, n)
		for i := range v.Bytes {
			v.Bytes[i] = byte(g.Uint32())
		}
		return v
	}
	for range n {
		if t.Kind == types.Map {
			v.Items = append(v.Items, g.value(t.Key))
		}
		v.Items = append(v.Items, g.value(t.Elem))
	}
	return v
}

func (g *generator) scalar(t *types.Type) uint64 {
	bits := g.Uint64()
	if g.IntN(3) == 0 {
		bits = uint64(g.IntN(3)) - 1
	}
	switch t.Kind {
	case types.Bool:
		return bits & 1
	case types.S8:
		return uint64(int8(bits))
	case types.U8:
		return uint64(uint8(bits))
	case types.S16:
		return uint64(int16(bits))
	case types.U16:
		return uint64(uint16(bits))
	case types.S32:
		return uint64(int32(bits))
	case types.U32, types.Own, types.Borrow, types.Stream, types.Future, types.ErrorContext:
		return uint64(uint32(bits))
	case types.F32:
		if f := math.Float32frombits(uint32(bits)); f != f {
			return 0x7fc00000
		}
		return uint64(uint32(bits))
	case types.F64:
		if f := math.Float64frombits(bits); f != f {
			return 0x7ff8000000000000
		}
		return bits
	case types.Char:
		return uint64(g.char())
	case types.Flags:
		return bits & (1<<len(t.Labels) - 1)
	default:
		return bits
	}
}

func (g *generator) char() rune {
	return []rune{rune(g.IntN(0x80)), 0x80 + rune(g.IntN(0x80)), 0x3b1, 0xd7ff, 0xe000, 0xfffd, 0x1f30a, 0x10ffff}[g.IntN(8)]
}

// text returns strings of each kind that encodings treat differently.
func (g *generator) text() string {
	var s []rune
	most := g.IntN(4)
	for range g.IntN(12) {
		switch most {
		case 0:
			s = append(s, rune(g.IntN(0x80)))
		case 1:
			s = append(s, rune(g.IntN(0x100)))
		default:
			s = append(s, g.char())
		}
	}
	return string(s)
}

// table is a handle table whose handles are their representations, changed.
type table struct{}

const changed = 0x5555_5555

func (table) LiftOwn(_ *types.Resource, h uint32) (uint32, error)     { return h ^ changed, nil }
func (table) LiftBorrow(_ *types.Resource, h uint32) (uint32, error)  { return h ^ changed, nil }
func (table) LowerOwn(_ *types.Resource, r uint32) (uint32, error)    { return r ^ changed, nil }
func (table) LowerBorrow(_ *types.Resource, r uint32) (uint32, error) { return r ^ changed, nil }
func (table) LiftEnd(_ *types.Type, h uint32) (uint64, error)         { return uint64(h ^ changed), nil }
func (table) LowerEnd(_ *types.Type, end uint64) (uint32, error)      { return uint32(end) ^ changed, nil }

// equal compares trees as they are.
func equal(a, b *value.Value) bool {
	if a.Bits != b.Bits || string(a.Bytes) != string(b.Bytes) || len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Items {
		if !equal(&a.Items[i], &b.Items[i]) {
			return false
		}
	}
	return true
}

func newContextWithHandles(m *memory, e abi.Encoding) *abi.Context {
	c := newContext(m, e)
	c.Handles, c.Ends = table{}, table{}
	return c
}
