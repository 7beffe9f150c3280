package value

import (
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/reactord/reactord/component/types"
)

// Check returns a *Fault unless a value is well-formed for a type. The path of what is not is below path.
func Check(t *types.Type, v *Value, path string) error {
	return check(t, v, &step{text: path})
}

func check(t *types.Type, v *Value, at *step) error {
	switch t.Kind {
	case types.String:
		if !utf8.Valid(v.Bytes) {
			return malformed(at, "the text is not valid UTF-8")
		}
	case types.List:
		return checkList(t, v, at)
	case types.Map:
		if len(v.Items)%2 != 0 {
			return malformed(at, "the last key of the map has no value")
		}
		for i := range v.Items {
			typ := t.Key
			if i%2 == 1 {
				typ = t.Elem
			}
			if err := check(typ, &v.Items[i], at.item(i/2)); err != nil {
				return err
			}
		}
	case types.Record, types.Tuple:
		return checkFields(t, v, at)
	case types.Variant, types.Enum, types.Option, types.Result:
		return checkCase(t, v, at)
	default:
		if !fits(t, v.Bits) {
			return malformed(at, "%#x is not %s", v.Bits, article(t.Kind))
		}
	}
	return nil
}

func malformed(at *step, format string, args ...any) error {
	return &Fault{at.String(), fmt.Sprintf(format, args...)}
}

func checkList(t *types.Type, v *Value, at *step) error {
	n := len(v.Items)
	if t.Elem.Kind == types.U8 {
		n = len(v.Bytes)
	}
	if t.Fixed && uint64(n) != uint64(t.Length) {
		return malformed(at, "%d items are not the %d of the list", n, t.Length)
	}
	if t.Elem.Kind == types.U8 {
		return nil
	}
	for i := range v.Items {
		if err := check(t.Elem, &v.Items[i], at.item(i)); err != nil {
			return err
		}
	}
	return nil
}

func checkFields(t *types.Type, v *Value, at *step) error {
	if len(v.Items) != len(t.Fields) {
		return malformed(at, "%d items are not the %d of the %v", len(v.Items), len(t.Fields), t.Kind)
	}
	for i, f := range t.Fields {
		below := at.item(i)
		if f.Name != "" {
			below = at.field(f.Name)
		}
		if err := check(f.Type, &v.Items[i], below); err != nil {
			return err
		}
	}
	return nil
}

func checkCase(t *types.Type, v *Value, at *step) error {
	if v.Bits >= uint64(len(t.Cases)) {
		return malformed(at, "there is no case %d: there are %d", v.Bits, len(t.Cases))
	}
	chosen := t.Cases[v.Bits]
	switch {
	case chosen.Type == nil && len(v.Items) > 0:
		return malformed(at, "the case %q has no value", chosen.Name)
	case chosen.Type == nil:
		return nil
	case len(v.Items) != 1:
		return malformed(at, "the case %q needs a value", chosen.Name)
	}
	return check(chosen.Type, &v.Items[0], at.field(chosen.Name))
}

// fits is whether a scalar has only bits that values of the type have.
func fits(t *types.Type, bits uint64) bool {
	switch t.Kind {
	case types.Bool:
		return bits <= 1
	case types.S8:
		return int64(bits) == int64(int8(bits))
	case types.S16:
		return int64(bits) == int64(int16(bits))
	case types.S32:
		return int64(bits) == int64(int32(bits))
	case types.U8:
		return bits <= math.MaxUint8
	case types.U16:
		return bits <= math.MaxUint16
	case types.U32, types.F32:
		return bits <= math.MaxUint32
	case types.Char:
		return bits <= utf8.MaxRune && utf8.ValidRune(rune(bits))
	case types.Flags:
		return bits < 1<<len(t.Labels)
	default: // numbers of 64 bits, and what the holder says
		return true
	}
}

// Equal is whether two values, which are well-formed for a type, are the same. A NaN is the same as any other, and 0 is not
// -0. Maps are the same if they have the same entries in the same order.
func Equal(t *types.Type, a, b *Value) bool {
	switch t.Kind {
	case types.String:
		return string(a.Bytes) == string(b.Bytes)
	case types.F32:
		x, y := math.Float32frombits(uint32(a.Bits)), math.Float32frombits(uint32(b.Bits))
		return a.Bits == b.Bits || x != x && y != y
	case types.F64:
		x, y := math.Float64frombits(a.Bits), math.Float64frombits(b.Bits)
		return a.Bits == b.Bits || x != x && y != y
	case types.List:
		if t.Elem.Kind == types.U8 {
			return string(a.Bytes) == string(b.Bytes)
		}
		return equalItems(a, b, func(int) *types.Type { return t.Elem })
	case types.Map:
		return equalItems(a, b, func(i int) *types.Type { return t.Entry.Fields[i%2].Type })
	case types.Record, types.Tuple:
		return equalItems(a, b, func(i int) *types.Type { return t.Fields[i].Type })
	case types.Variant, types.Enum, types.Option, types.Result:
		return a.Bits == b.Bits && equalItems(a, b, func(int) *types.Type { return t.Cases[a.Bits].Type })
	default:
		return a.Bits == b.Bits
	}
}

func equalItems(a, b *Value, typeOf func(i int) *types.Type) bool {
	if len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Items {
		if !Equal(typeOf(i), &a.Items[i], &b.Items[i]) {
			return false
		}
	}
	return true
}

// Size returns about how many bytes of memory a value takes.
func Size(v *Value) int {
	n := int(unsafe.Sizeof(*v)) + len(v.Bytes)
	for i := range v.Items {
		n += Size(&v.Items[i])
	}
	return n
}
