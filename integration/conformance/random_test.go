package conformance

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	component "github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// random makes types and values.
type random struct {
	*rand.Rand
	table *types.Table
	left  int // how many types the next one may have within
}

// echo makes an echo of one to four values.
func (r *random) echo() (echo, error) {
	e := echo{encoding: r.encoding()}
	r.left = 1 + r.IntN(40)
	for range 1 + r.IntN(4) {
		t, err := r.typ(4)
		if err != nil {
			return e, err
		}
		e.params = append(e.params, t)
	}
	if len(e.params) == 1 {
		e.result = e.params[0]
		return e, nil
	}
	var err error
	e.result, err = r.table.Tuple(e.params)
	return e, err
}

// encoding chooses an encoding of strings.
func (r *random) encoding() component.CanonOptKind {
	return []component.CanonOptKind{component.UTF8Opt, component.UTF16Opt, component.Latin1UTF16Opt}[r.IntN(3)]
}

var primKinds = []types.Kind{
	types.Bool, types.S8, types.U8, types.S16, types.U16, types.S32, types.U32, types.S64, types.U64, types.F32, types.F64,
	types.Char, types.String,
}

// typ makes a type that is at most so deep.
func (r *random) typ(depth int) (*types.Type, error) {
	r.left--
	if depth == 1 || r.left <= 0 || r.IntN(3) == 0 {
		return r.table.Prim(primKinds[r.IntN(len(primKinds))]), nil
	}
	var err error
	typ := func() *types.Type {
		t, fault := r.typ(depth - 1)
		if fault != nil {
			err = fault
		}
		return t
	}
	optional := func() *types.Type {
		if r.IntN(4) == 0 {
			return nil
		}
		return typ()
	}
	var t *types.Type
	var fault error
	switch r.IntN(8) {
	case 0:
		t, fault = r.table.List(typ())
	case 1:
		t, fault = r.table.Option(typ())
	case 2:
		t, fault = r.table.Result(optional(), optional())
	case 3:
		t, fault = r.table.Flags(labels(1 + r.IntN(32)))
	case 4:
		t, fault = r.table.Enum(labels([]int{1, 2, 7, 256, 257}[r.IntN(5)]))
	case 5:
		var elems []*types.Type
		for range 1 + r.IntN(5) {
			elems = append(elems, typ())
		}
		t, fault = r.table.Tuple(elems)
	case 6:
		var fields []types.Field
		for _, name := range labels(1 + r.IntN(5)) {
			fields = append(fields, types.Field{Name: name, Type: typ()})
		}
		t, fault = r.table.Record(fields)
	case 7:
		var cases []types.Case
		for _, name := range labels([]int{1, 2, 5, 300}[r.IntN(4)]) {
			c := types.Case{Name: name}
			if len(cases) < 5 {
				c.Type = optional()
			}
			cases = append(cases, c)
		}
		t, fault = r.table.Variant(cases)
	}
	if err == nil {
		err = fault
	}
	return t, err
}

func labels(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("l%d", i)
	}
	return all
}

// value makes a value of a type.
func (r *random) value(t *types.Type) value.Value {
	switch t.Kind {
	case types.String:
		return value.Value{Bytes: []byte(r.text())}
	case types.List:
		n := []int{0, 1, 3, r.IntN(200)}[r.IntN(4)]
		if t.Elem.Kind == types.U8 {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			return value.Value{Bytes: b}
		}
		if t.Elem.Depth > 2 {
			n = min(n, 5)
		}
		return value.Value{Items: r.values(slices.Repeat([]*types.Type{t.Elem}, n))}
	case types.Record, types.Tuple:
		return value.Value{Items: r.values(fieldTypes(t.Fields))}
	case types.Variant, types.Option, types.Result, types.Enum:
		v := value.Value{Bits: r.Uint64N(uint64(len(t.Cases)))}
		if payload := t.Cases[v.Bits].Type; payload != nil {
			v.Items = r.values([]*types.Type{payload})
		}
		return v
	default:
		return value.Value{Bits: r.bits(t)}
	}
}

func (r *random) values(all []*types.Type) []value.Value {
	values := make([]value.Value, len(all))
	for i, t := range all {
		values[i] = r.value(t)
	}
	return values
}

// bits makes the bits of a value without parts: often those of a bound.
func (r *random) bits(t *types.Type) uint64 {
	n := []uint64{0, 1, math.MaxUint64, 1 << 63, 1<<63 - 1, r.Uint64()}[r.IntN(6)]
	switch t.Kind {
	case types.Bool:
		return n & 1
	case types.S8:
		return uint64(int8(n))
	case types.U8:
		return uint64(uint8(n))
	case types.S16:
		return uint64(int16(n))
	case types.U16:
		return uint64(uint16(n))
	case types.S32:
		return uint64(int32(n))
	case types.U32:
		return uint64(uint32(n))
	case types.Char:
		return uint64(r.char())
	case types.F32:
		return uint64(math.Float32bits(float32(r.float())))
	case types.F64:
		return math.Float64bits(r.float())
	case types.Flags:
		return n & (1<<len(t.Labels) - 1)
	default:
		return n
	}
}

func (r *random) float() float64 {
	return []float64{0, math.Copysign(0, -1), 1.5, math.Inf(1), math.Inf(-1), math.NaN(), r.NormFloat64() * 1e10}[r.IntN(7)]
}

// char makes a character: of ASCII, Latin-1, the basic plane, or any other.
func (r *random) char() rune {
	switch r.IntN(5) {
	case 0:
		return rune(r.IntN(0x80))
	case 1:
		return rune(r.IntN(0x100))
	case 2:
		return rune(r.IntN(0xd800))
	case 3:
		return []rune{0, 0x7f, 0x80, 0xff, 0x100, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff}[r.IntN(10)]
	default:
		return rune(0x10000 + r.IntN(0x100000))
	}
}

// text makes a string, half of them within Latin-1.
func (r *random) text() string {
	narrow := r.IntN(2) == 0
	text := make([]rune, []int{0, 1, r.IntN(10), r.IntN(300)}[r.IntN(4)])
	for i := range text {
		if text[i] = r.char(); narrow {
			text[i] &= 0xff
		}
	}
	return string(text)
}

// constantOf returns a value as a script has it.
func constantOf(t *types.Type, v value.Value) constant {
	switch t.Kind {
	case types.Bool:
		return written(t, v.Bits == 1)
	case types.Char:
		return written(t, string(rune(v.Bits)))
	case types.String:
		return written(t, string(v.Bytes))
	case types.S8, types.S16, types.S32, types.S64:
		return written(t, strconv.FormatInt(int64(v.Bits), 10))
	case types.List:
		items := []constant{}
		for _, item := range v.Items {
			items = append(items, constantOf(t.Elem, item))
		}
		for _, b := range v.Bytes {
			items = append(items, constantOf(t.Elem, value.Value{Bits: uint64(b)}))
		}
		return written(t, items)
	case types.Tuple:
		items := []constant{}
		for i, item := range v.Items {
			items = append(items, constantOf(t.Fields[i].Type, item))
		}
		return written(t, items)
	case types.Record:
		pairs := [][2]any{}
		for i, item := range v.Items {
			pairs = append(pairs, [2]any{t.Fields[i].Name, constantOf(t.Fields[i].Type, item)})
		}
		return written(t, pairs)
	case types.Flags:
		set := []string{}
		for i, label := range t.Labels {
			if v.Bits>>i&1 == 1 {
				set = append(set, label)
			}
		}
		return written(t, set)
	case types.Variant, types.Option, types.Result, types.Enum:
		return caseOf(t, v)
	default:
		return written(t, strconv.FormatUint(v.Bits, 10))
	}
}

func caseOf(t *types.Type, v value.Value) constant {
	chosen := t.Cases[v.Bits]
	var payload *constant
	if chosen.Type != nil {
		c := constantOf(chosen.Type, v.Items[0])
		payload = &c
	}
	switch t.Kind {
	case types.Enum:
		return written(t, chosen.Name)
	case types.Option:
		return written(t, payload)
	case types.Result:
		return written(t, map[string]*constant{map[string]string{"ok": "Ok", "error": "Err"}[chosen.Name]: payload})
	default:
		return written(t, map[string]any{"case": chosen.Name, "payload": payload})
	}
}

func written(t *types.Type, v any) constant {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return constant{constantType(t), text}
}
