package wave

import (
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// Format returns the text of a value, which is well-formed for its type, on one line. Parse returns the value again, but
// of types that cannot be written: for handles, streams, futures and error contexts the text is <own 7>. A future that has an item
// is written as this one, which is its value.
func Format(t *types.Type, v value.Value) string { return string(Append(nil, t, v)) }

// Append appends the text of a value, as Format returns it.
func Append(b []byte, t *types.Type, v value.Value) []byte {
	switch t.Kind {
	case types.Bool:
		return strconv.AppendBool(b, v.Bits != 0)
	case types.S8, types.S16, types.S32, types.S64:
		return strconv.AppendInt(b, int64(v.Bits), 10)
	case types.U8, types.U16, types.U32, types.U64:
		return strconv.AppendUint(b, v.Bits, 10)
	case types.F32:
		return appendFloat(b, float64(math.Float32frombits(uint32(v.Bits))), 32)
	case types.F64:
		return appendFloat(b, math.Float64frombits(v.Bits), 64)
	case types.Char:
		return append(appendChar(append(b, '\''), rune(v.Bits), '\''), '\'')
	case types.String:
		return appendString(b, v.Bytes)
	case types.List:
		return appendList(b, t, v)
	case types.Record:
		return appendRecord(b, t, v)
	case types.Tuple:
		return append(appendItems(append(b, '('), v.Items, func(i int) *types.Type { return t.Fields[i].Type }), ')')
	case types.Variant, types.Enum, types.Option, types.Result:
		return appendCase(b, t, v)
	case types.Flags:
		return appendFlags(b, t, v)
	case types.Map:
		return appendMap(b, t, v)
	case types.Future:
		if len(v.Items) == 1 {
			return Append(b, t.Item(), v.Items[0])
		}
		return appendHandle(b, t, v)
	case types.Own, types.Stream:
		if name := v.Connection(); name != "" {
			return append(append(b, '@'), name...)
		}
		return appendHandle(b, t, v)
	default:
		return appendHandle(b, t, v)
	}
}

// appendHandle appends what stands for a value that cannot be written.
func appendHandle(b []byte, t *types.Type, v value.Value) []byte {
	b = append(append(b, '<'), t.Kind.String()...)
	return append(strconv.AppendUint(append(b, ' '), v.Bits, 10), '>')
}

// appendFloat appends a number as JSON has it: without an exponent, unless it is very large or small.
func appendFloat(b []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "nan"...)
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	}
	if abs := math.Abs(f); abs == 0 || abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(b, f, 'f', -1, bits)
	}
	b = strconv.AppendFloat(b, f, 'e', -1, bits)
	if n := len(b); b[n-2] == '0' { // e-09 is e-9 there
		b = append(b[:n-2], b[n-1])
	}
	return b
}

func appendString(b, s []byte) []byte {
	b = append(b, '"')
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		b, s = appendChar(b, r, '"'), s[size:]
	}
	return append(b, '"')
}

// appendChar appends a character between quotes.
func appendChar(b []byte, r, quote rune) []byte {
	switch {
	case r == quote, r == '\\':
		return utf8.AppendRune(append(b, '\\'), r)
	case r == '\t':
		return append(b, `\t`...)
	case r == '\n':
		return append(b, `\n`...)
	case r == '\r':
		return append(b, `\r`...)
	case unicode.IsPrint(r):
		return utf8.AppendRune(b, r)
	}
	b = strconv.AppendUint(append(b, `\u{`...), uint64(r), 16)
	return append(b, '}')
}

func appendItems(b []byte, items []value.Value, typeOf func(i int) *types.Type) []byte {
	for i := range items {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = Append(b, typeOf(i), items[i])
	}
	return b
}

func appendList(b []byte, t *types.Type, v value.Value) []byte {
	b = append(b, '[')
	if t.Elem.Kind != types.U8 {
		return append(appendItems(b, v.Items, func(int) *types.Type { return t.Elem }), ']')
	}
	for i, n := range v.Bytes {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendUint(b, uint64(n), 10)
	}
	return append(b, ']')
}

// appendRecord appends a record. Options that are none are left out.
func appendRecord(b []byte, t *types.Type, v value.Value) []byte {
	b = append(b, '{')
	none := true
	for i, f := range t.Fields {
		if f.Type.Kind == types.Option && v.Items[i].Bits == 0 {
			continue
		}
		if !none {
			b = append(b, ", "...)
		}
		none = false
		b = append(append(b, f.Name...), ": "...)
		b = Append(b, f.Type, v.Items[i])
	}
	if none {
		b = append(b, ':')
	}
	return append(b, '}')
}

func appendCase(b []byte, t *types.Type, v value.Value) []byte {
	chosen := t.Cases[v.Bits]
	switch {
	case t.Kind == types.Result && v.Bits == 1:
		b = append(b, "err"...)
	case t.Kind == types.Option || t.Kind == types.Result:
		b = append(b, chosen.Name...)
	case isKeyword(chosen.Name):
		b = append(append(b, '%'), chosen.Name...)
	default:
		b = append(b, chosen.Name...)
	}
	if chosen.Type == nil {
		return b
	}
	return append(Append(append(b, '('), chosen.Type, v.Items[0]), ')')
}

func appendFlags(b []byte, t *types.Type, v value.Value) []byte {
	b = append(b, '{')
	none := true
	for i, label := range t.Labels {
		if v.Bits&(1<<i) == 0 {
			continue
		}
		if !none {
			b = append(b, ", "...)
		}
		none = false
		b = append(b, label...)
	}
	return append(b, '}')
}

func appendMap(b []byte, t *types.Type, v value.Value) []byte {
	b = append(b, '[')
	for i := 0; i+1 < len(v.Items); i += 2 {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(Append(append(b, '('), t.Key, v.Items[i]), ", "...)
		b = append(Append(b, t.Elem, v.Items[i+1]), ')')
	}
	return append(b, ']')
}
