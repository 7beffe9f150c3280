package value

import (
	"unicode/utf8"

	"github.com/reactord/reactord/component/types"
)

// LiteralOf returns the literal of a value, which is well-formed for a type. Typed returns the value again. Other handles and
// error contexts become the numbers that the value has for them.
func LiteralOf(t *types.Type, v Value) Literal { return LiteralInPieces(t, v, func() {}) }

// PieceLiterals is how many literals LiteralInPieces makes between two pauses.
const PieceLiterals = 1024

// LiteralInPieces is LiteralOf for whoever must not work for long: it calls pause now and then.
func LiteralInPieces(t *types.Type, v Value, pause func()) Literal {
	m := maker{pause: pause}
	return m.literal(t, v)
}

// maker makes a literal.
type maker struct {
	pause func()
	made  int
}

func (m *maker) literal(t *types.Type, v Value) Literal {
	if m.made++; m.made%PieceLiterals == 0 {
		m.pause()
	}
	switch t.Kind {
	case types.Bool:
		return Literal{Form: BoolForm, Bits: v.Bits}
	case types.S8, types.S16, types.S32, types.S64:
		return Literal{Form: IntForm, Bits: v.Bits}
	case types.F32:
		return Literal{Form: F32Form, Bits: v.Bits}
	case types.F64:
		return Literal{Form: F64Form, Bits: v.Bits}
	case types.Char:
		return Literal{Form: TextForm, Text: string(rune(v.Bits))}
	case types.String:
		return Literal{Form: TextForm, Text: string(v.Bytes)}
	case types.List:
		if t.Elem.Kind == types.U8 {
			return Literal{Form: BytesForm, Bytes: v.Bytes}
		}
		return Literal{Form: ListForm, Items: m.literals(v.Items, func(int) *types.Type { return t.Elem })}
	case types.Tuple:
		return Literal{Form: TupleForm, Items: m.literals(v.Items, func(i int) *types.Type { return t.Fields[i].Type })}
	case types.Record:
		l := Literal{Form: RecordForm, Items: m.literals(v.Items, func(i int) *types.Type { return t.Fields[i].Type })}
		for _, f := range t.Fields {
			l.Names = append(l.Names, f.Name)
		}
		return l
	case types.Variant, types.Enum, types.Option, types.Result:
		k := t.Cases[v.Bits]
		return Literal{Form: VariantForm, Text: k.Name, Items: m.literals(v.Items, func(int) *types.Type { return k.Type })}
	case types.Flags:
		l := Literal{Form: FlagsForm}
		for i, name := range t.Labels {
			if v.Bits&(1<<i) != 0 {
				l.Names = append(l.Names, name)
			}
		}
		return l
	case types.Map:
		return Literal{Form: MapForm, Items: m.literals(v.Items, func(i int) *types.Type {
			if i%2 == 0 {
				return t.Key
			}
			return t.Elem
		})}
	case types.Own, types.Stream, types.Future:
		switch {
		case v.Connection() != "":
			return Literal{Form: ConnectionForm, Text: v.Connection()}
		case t.Kind != types.Own:
			return Literal{Form: ChannelForm, Bits: v.Bits}
		}
	}
	return Literal{Form: UintForm, Bits: v.Bits}
}

// LiteralSize returns the Size of LiteralOf, which may take many times the memory of the value.
func LiteralSize(t *types.Type, v Value) int {
	n := LiteralBytes
	switch t.Kind {
	case types.Char:
		n += utf8.RuneLen(rune(v.Bits))
	case types.String, types.Own, types.Stream: // the latter two may have the name of a connection
		n += len(v.Bytes)
	case types.List:
		n += len(v.Bytes) // of a list<u8>
		for _, item := range v.Items {
			n += LiteralSize(t.Elem, item)
		}
	case types.Tuple, types.Record:
		for i, item := range v.Items {
			n += len(t.Fields[i].Name) + LiteralSize(t.Fields[i].Type, item)
		}
	case types.Variant, types.Enum, types.Option, types.Result:
		k := &t.Cases[v.Bits]
		n += len(k.Name)
		for _, item := range v.Items {
			n += LiteralSize(k.Type, item)
		}
	case types.Flags:
		for i, label := range t.Labels {
			if v.Bits&(1<<i) != 0 {
				n += len(label)
			}
		}
	case types.Map:
		for i, item := range v.Items {
			part := t.Elem
			if i%2 == 0 {
				part = t.Key
			}
			n += LiteralSize(part, item)
		}
	}
	return n
}

func (m *maker) literals(values []Value, typeOf func(i int) *types.Type) []Literal {
	if len(values) == 0 {
		return nil
	}
	out := make([]Literal, len(values))
	for i, v := range values {
		out[i] = m.literal(typeOf(i), v)
	}
	return out
}
