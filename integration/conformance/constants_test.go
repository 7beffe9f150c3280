package conformance

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// of returns the constant as a value of a type.
func (c constant) of(t *types.Type) (value.Value, error) {
	if want := constantType(t); c.Type != want {
		return value.Value{}, fmt.Errorf("the script has a %s where the component has a %s", c.Type, want)
	}
	switch t.Kind {
	case types.Bool, types.Char, types.S8, types.S16, types.S32, types.S64,
		types.U8, types.U16, types.U32, types.U64, types.F32, types.F64:
		bits, err := c.bits(t.Kind)
		return value.Value{Bits: bits}, err
	case types.String:
		text, err := read[string](c.Value)
		return value.Value{Bytes: []byte(text)}, err
	case types.List:
		return c.list(t)
	case types.Tuple:
		return c.tuple(t)
	case types.Record:
		return c.record(t)
	case types.Flags:
		return c.flags(t)
	case types.Variant, types.Enum, types.Option, types.Result:
		return c.variant(t)
	case types.Map:
		return c.entries(t)
	default:
		return value.Value{}, fmt.Errorf("scripts have no constants of kind %d", t.Kind)
	}
}

// constantType returns the name that scripts have for the types of a kind.
func constantType(t *types.Type) string {
	return map[types.Kind]string{
		types.Bool: "bool", types.S8: "s8", types.U8: "u8", types.S16: "s16", types.U16: "u16", types.S32: "s32",
		types.U32: "u32", types.S64: "s64", types.U64: "u64", types.F32: "f32", types.F64: "f64", types.Char: "char",
		types.String: "string", types.List: "list", types.Record: "record", types.Tuple: "tuple", types.Variant: "variant",
		types.Enum: "enum", types.Option: "option", types.Result: "result", types.Flags: "flags", types.Map: "map",
	}[t.Kind]
}

// bits returns what a constant of a type without parts has as its bits. Numbers are strings in decimal: those of floats
// are their bits.
func (c constant) bits(kind types.Kind) (uint64, error) {
	switch kind {
	case types.Bool:
		b, err := read[bool](c.Value)
		if b {
			return 1, err
		}
		return 0, err
	case types.Char:
		text, err := read[string](c.Value)
		if runes := []rune(text); len(runes) == 1 {
			return uint64(runes[0]), err
		}
		return 0, fmt.Errorf("%q is no character: %w", text, err)
	case types.S8, types.S16, types.S32, types.S64:
		text, err := read[string](c.Value)
		if err != nil {
			return 0, err
		}
		n, err := strconv.ParseInt(text, 10, 64)
		return uint64(n), err
	default:
		text, err := read[string](c.Value)
		if err != nil {
			return 0, err
		}
		return strconv.ParseUint(text, 10, 64)
	}
}

func (c constant) list(t *types.Type) (value.Value, error) {
	items, err := read[[]constant](c.Value)
	if err != nil {
		return value.Value{}, err
	}
	all, err := valuesOf(items, slices.Repeat([]*types.Type{t.Elem}, len(items)))
	if err != nil || t.Elem.Kind != types.U8 {
		return value.Value{Items: all}, err
	}
	bytes := make([]byte, len(all))
	for i, item := range all {
		bytes[i] = byte(item.Bits)
	}
	return value.Value{Bytes: bytes}, nil
}

func (c constant) tuple(t *types.Type) (value.Value, error) {
	items, err := read[[]constant](c.Value)
	if err != nil {
		return value.Value{}, err
	}
	all, err := valuesOf(items, fieldTypes(t.Fields))
	return value.Value{Items: all}, err
}

func (c constant) record(t *types.Type) (value.Value, error) {
	pairs, err := read[[][2]json.RawMessage](c.Value)
	if err != nil {
		return value.Value{}, err
	}
	items := make([]constant, len(pairs))
	for i, pair := range pairs {
		name, err := read[string](pair[0])
		if err != nil {
			return value.Value{}, err
		}
		if i >= len(t.Fields) || t.Fields[i].Name != name {
			return value.Value{}, fmt.Errorf("the record has no field %s at %d", name, i)
		}
		if items[i], err = read[constant](pair[1]); err != nil {
			return value.Value{}, err
		}
	}
	all, err := valuesOf(items, fieldTypes(t.Fields))
	return value.Value{Items: all}, err
}

func (c constant) flags(t *types.Type) (value.Value, error) {
	labels, err := read[[]string](c.Value)
	if err != nil {
		return value.Value{}, err
	}
	var bits uint64
	for _, label := range labels {
		i := slices.Index(t.Labels, label)
		if i < 0 {
			return value.Value{}, fmt.Errorf("the flags have no %s", label)
		}
		bits |= 1 << i
	}
	return value.Value{Bits: bits}, nil
}

func (c constant) variant(t *types.Type) (value.Value, error) {
	name, payload, err := c.chosen()
	if err != nil {
		return value.Value{}, err
	}
	i := slices.IndexFunc(t.Cases, func(each types.Case) bool { return each.Name == name })
	if i < 0 || (payload == nil) != (t.Cases[i].Type == nil) {
		return value.Value{}, fmt.Errorf("the type has no such case as %s", c.Value)
	}
	v := value.Value{Bits: uint64(i)}
	if payload != nil {
		v.Items = make([]value.Value, 1)
		v.Items[0], err = payload.of(t.Cases[i].Type)
	}
	return v, err
}

// chosen returns the case of a variant, enum, option or result, and its payload or nil.
func (c constant) chosen() (name string, payload *constant, err error) {
	switch c.Type {
	case "enum":
		name, err = read[string](c.Value)
	case "option":
		if payload, err = read[*constant](c.Value); payload != nil {
			return "some", payload, err
		}
		name = "none"
	case "result":
		var sides map[string]*constant
		sides, err = read[map[string]*constant](c.Value)
		var ok bool
		if payload, ok = sides["Ok"]; ok {
			return "ok", payload, err
		}
		return "error", sides["Err"], err
	default:
		var v struct {
			Case    string
			Payload *constant
		}
		v, err = read[struct {
			Case    string
			Payload *constant
		}](c.Value)
		name, payload = v.Case, v.Payload
	}
	return name, payload, err
}

func (c constant) entries(t *types.Type) (value.Value, error) {
	pairs, err := read[[][2]constant](c.Value)
	if err != nil {
		return value.Value{}, err
	}
	var all []value.Value
	for _, pair := range pairs {
		entry, err := valuesOf(pair[:], []*types.Type{t.Key, t.Elem})
		if err != nil {
			return value.Value{}, err
		}
		all = append(all, entry...)
	}
	return value.Value{Items: all}, nil
}

// valuesOf returns constants as values of types, one for each.
func valuesOf(constants []constant, all []*types.Type) ([]value.Value, error) {
	if len(constants) != len(all) {
		return nil, fmt.Errorf("the script has %d values where the component has %d", len(constants), len(all))
	}
	values := make([]value.Value, len(all))
	for i, c := range constants {
		var err error
		if values[i], err = c.of(all[i]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func fieldTypes(fields []types.Field) []*types.Type {
	all := make([]*types.Type, len(fields))
	for i, f := range fields {
		all[i] = f.Type
	}
	return all
}

// equal says whether two values of a type are the same. Any NaN is the same as any other.
func equal(t *types.Type, a, b value.Value) bool {
	switch t.Kind {
	case types.F32:
		x, y := math.Float32frombits(uint32(a.Bits)), math.Float32frombits(uint32(b.Bits))
		return a.Bits == b.Bits || x != x && y != y
	case types.F64:
		x, y := math.Float64frombits(a.Bits), math.Float64frombits(b.Bits)
		return a.Bits == b.Bits || x != x && y != y
	}
	if a.Bits != b.Bits || string(a.Bytes) != string(b.Bytes) || len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Items {
		if !equal(itemType(t, a, i), a.Items[i], b.Items[i]) {
			return false
		}
	}
	return true
}

// itemType returns the type of an item of a value.
func itemType(t *types.Type, v value.Value, i int) *types.Type {
	switch t.Kind {
	case types.Record, types.Tuple:
		return t.Fields[i].Type
	case types.Map:
		if i%2 == 0 {
			return t.Key
		}
		return t.Elem
	case types.List:
		return t.Elem
	default:
		return t.Cases[v.Bits].Type
	}
}

func read[T any](text json.RawMessage) (T, error) {
	var v T
	err := json.Unmarshal(text, &v)
	return v, err
}
