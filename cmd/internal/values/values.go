// Package values converts between the messages of values and literals.
package values

import (
	"maps"
	"math"
	"slices"

	"github.com/reactord/reactord/component/value"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// Literal converts a message; ok is false if a part of it has no kind. gRPC bounds its depth.
func Literal(p *reactorv1.Value) (l value.Literal, ok bool) {
	switch k := p.GetKind().(type) {
	case *reactorv1.Value_Bool:
		l.Form = value.BoolForm
		if k.Bool {
			l.Bits = 1
		}
	case *reactorv1.Value_Int:
		l.Form, l.Bits = value.IntForm, uint64(k.Int)
	case *reactorv1.Value_Uint:
		l.Form, l.Bits = value.UintForm, k.Uint
	case *reactorv1.Value_F32:
		l.Form, l.Bits = value.F32Form, uint64(math.Float32bits(k.F32))
	case *reactorv1.Value_F64:
		l.Form, l.Bits = value.F64Form, math.Float64bits(k.F64)
	case *reactorv1.Value_Text:
		l.Form, l.Text = value.TextForm, k.Text
	case *reactorv1.Value_Bytes:
		l.Form, l.Bytes = value.BytesForm, k.Bytes
	case *reactorv1.Value_List:
		l.Form = value.ListForm
		return l, appendLiterals(&l, k.List.GetItems())
	case *reactorv1.Value_Tuple:
		l.Form = value.TupleForm
		return l, appendLiterals(&l, k.Tuple.GetItems())
	case *reactorv1.Value_Record:
		return record(k.Record)
	case *reactorv1.Value_Variant:
		l.Form, l.Text = value.VariantForm, k.Variant.GetCase()
		if payload := k.Variant.GetValue(); payload != nil {
			return l, appendLiterals(&l, []*reactorv1.Value{payload})
		}
	case *reactorv1.Value_Flags:
		l.Form, l.Names = value.FlagsForm, k.Flags.GetLabels()
	case *reactorv1.Value_Channel:
		l.Form, l.Bits = value.ChannelForm, uint64(k.Channel)
	case *reactorv1.Value_Connection:
		l.Form, l.Text = value.ConnectionForm, k.Connection
	case *reactorv1.Value_Map:
		l.Form, ok = value.MapForm, true
		for _, e := range k.Map.GetEntries() {
			ok = appendLiterals(&l, []*reactorv1.Value{e.GetKey(), e.GetValue()}) && ok
		}
		return l, ok
	default:
		return l, false
	}
	return l, true
}

// appendLiterals appends the literals of values to the items of l.
func appendLiterals(l *value.Literal, values []*reactorv1.Value) bool {
	all := true
	l.Items = slices.Grow(l.Items, len(values))
	for _, v := range values {
		item, ok := Literal(v)
		all = all && ok
		l.Items = append(l.Items, item)
	}
	return all
}

// record converts a record. Its fields are sorted, so that the same request has the same hash.
func record(p *reactorv1.RecordValue) (value.Literal, bool) {
	l := value.Literal{Form: value.RecordForm, Names: slices.Sorted(maps.Keys(p.GetFields()))}
	values := make([]*reactorv1.Value, len(l.Names))
	for i, name := range l.Names {
		values[i] = p.GetFields()[name]
	}
	return l, appendLiterals(&l, values)
}

// Messages converts literals.
func Messages(literals []value.Literal) []*reactorv1.Value {
	values := make([]*reactorv1.Value, len(literals))
	for i := range literals {
		values[i] = Message(&literals[i])
	}
	return values
}

// Message converts a literal; nil stays nil.
func Message(l *value.Literal) *reactorv1.Value {
	if l == nil {
		return nil
	}
	switch l.Form {
	case value.BoolForm:
		return &reactorv1.Value{Kind: &reactorv1.Value_Bool{Bool: l.Bits != 0}}
	case value.IntForm:
		return &reactorv1.Value{Kind: &reactorv1.Value_Int{Int: int64(l.Bits)}}
	case value.UintForm:
		return &reactorv1.Value{Kind: &reactorv1.Value_Uint{Uint: l.Bits}}
	case value.F32Form:
		return &reactorv1.Value{Kind: &reactorv1.Value_F32{F32: math.Float32frombits(uint32(l.Bits))}}
	case value.F64Form:
		return &reactorv1.Value{Kind: &reactorv1.Value_F64{F64: math.Float64frombits(l.Bits)}}
	case value.TextForm:
		return &reactorv1.Value{Kind: &reactorv1.Value_Text{Text: l.Text}}
	case value.BytesForm:
		return &reactorv1.Value{Kind: &reactorv1.Value_Bytes{Bytes: l.Bytes}}
	case value.ListForm:
		return &reactorv1.Value{Kind: &reactorv1.Value_List{List: &reactorv1.ListValue{Items: Messages(l.Items)}}}
	case value.TupleForm:
		return &reactorv1.Value{Kind: &reactorv1.Value_Tuple{Tuple: &reactorv1.ListValue{Items: Messages(l.Items)}}}
	case value.RecordForm:
		fields := map[string]*reactorv1.Value{}
		for i, name := range l.Names {
			fields[name] = Message(&l.Items[i])
		}
		return &reactorv1.Value{Kind: &reactorv1.Value_Record{Record: &reactorv1.RecordValue{Fields: fields}}}
	case value.VariantForm:
		variant := &reactorv1.VariantValue{Case: l.Text}
		if len(l.Items) > 0 {
			variant.Value = Message(&l.Items[0])
		}
		return &reactorv1.Value{Kind: &reactorv1.Value_Variant{Variant: variant}}
	case value.FlagsForm:
		return &reactorv1.Value{Kind: &reactorv1.Value_Flags{Flags: &reactorv1.FlagsValue{Labels: l.Names}}}
	case value.MapForm:
		m := &reactorv1.MapValue{}
		for i := 0; i+1 < len(l.Items); i += 2 {
			m.Entries = append(m.Entries, &reactorv1.MapEntry{Key: Message(&l.Items[i]), Value: Message(&l.Items[i+1])})
		}
		return &reactorv1.Value{Kind: &reactorv1.Value_Map{Map: m}}
	case value.ConnectionForm:
		return &reactorv1.Value{Kind: &reactorv1.Value_Connection{Connection: l.Text}}
	case value.ChannelForm:
		return &reactorv1.Value{Kind: &reactorv1.Value_Channel{Channel: uint32(l.Bits)}}
	default:
		return &reactorv1.Value{}
	}
}
