package server

import (
	"maps"
	"math"
	"slices"

	"github.com/reactord/reactord/component/value"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/api"
)

func toCall(p *reactorv1.FunctionCall, bad *fields) *api.FunctionCall {
	if p == nil {
		return nil
	}
	call := &api.FunctionCall{Export: p.GetExport()}
	for i, arg := range p.GetArgs() {
		l, ok := toLiteral(arg)
		if !ok {
			bad.add("has a value without a kind", "spec.call.args[%d]", i)
		}
		call.Args = append(call.Args, l)
	}
	return call
}

func fromCall(c *api.FunctionCall) *reactorv1.FunctionCall {
	if c == nil {
		return nil
	}
	return &reactorv1.FunctionCall{Export: c.Export, Args: fromLiterals(c.Args)}
}

// toLiteral converts a value; ok is false if a part of it has no kind. gRPC bounds its depth.
func toLiteral(p *reactorv1.Value) (l value.Literal, ok bool) {
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
		return l, toLiterals(&l, k.List.GetItems())
	case *reactorv1.Value_Tuple:
		l.Form = value.TupleForm
		return l, toLiterals(&l, k.Tuple.GetItems())
	case *reactorv1.Value_Record:
		return toRecord(k.Record)
	case *reactorv1.Value_Variant:
		l.Form, l.Text = value.VariantForm, k.Variant.GetCase()
		if payload := k.Variant.GetValue(); payload != nil {
			return l, toLiterals(&l, []*reactorv1.Value{payload})
		}
	case *reactorv1.Value_Flags:
		l.Form, l.Names = value.FlagsForm, k.Flags.GetLabels()
	case *reactorv1.Value_Map:
		l.Form, ok = value.MapForm, true
		for _, e := range k.Map.GetEntries() {
			ok = toLiterals(&l, []*reactorv1.Value{e.GetKey(), e.GetValue()}) && ok
		}
		return l, ok
	default:
		return l, false
	}
	return l, true
}

// toLiterals appends the literals of values to the items of l.
func toLiterals(l *value.Literal, values []*reactorv1.Value) bool {
	all := true
	l.Items = slices.Grow(l.Items, len(values))
	for _, v := range values {
		item, ok := toLiteral(v)
		all = all && ok
		l.Items = append(l.Items, item)
	}
	return all
}

// toRecord converts a record. Its fields are sorted, so that the same request has the same hash.
func toRecord(p *reactorv1.RecordValue) (value.Literal, bool) {
	l := value.Literal{Form: value.RecordForm, Names: slices.Sorted(maps.Keys(p.GetFields()))}
	values := make([]*reactorv1.Value, len(l.Names))
	for i, name := range l.Names {
		values[i] = p.GetFields()[name]
	}
	return l, toLiterals(&l, values)
}

func fromLiterals(literals []value.Literal) []*reactorv1.Value {
	values := make([]*reactorv1.Value, len(literals))
	for i := range literals {
		values[i] = fromLiteral(&literals[i])
	}
	return values
}

// fromLiteral converts a literal that toLiteral or the reactor has made; nil stays nil.
func fromLiteral(l *value.Literal) *reactorv1.Value {
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
		return &reactorv1.Value{Kind: &reactorv1.Value_List{List: &reactorv1.ListValue{Items: fromLiterals(l.Items)}}}
	case value.TupleForm:
		return &reactorv1.Value{Kind: &reactorv1.Value_Tuple{Tuple: &reactorv1.ListValue{Items: fromLiterals(l.Items)}}}
	case value.RecordForm:
		fields := map[string]*reactorv1.Value{}
		for i, name := range l.Names {
			fields[name] = fromLiteral(&l.Items[i])
		}
		return &reactorv1.Value{Kind: &reactorv1.Value_Record{Record: &reactorv1.RecordValue{Fields: fields}}}
	case value.VariantForm:
		variant := &reactorv1.VariantValue{Case: l.Text}
		if len(l.Items) > 0 {
			variant.Value = fromLiteral(&l.Items[0])
		}
		return &reactorv1.Value{Kind: &reactorv1.Value_Variant{Variant: variant}}
	case value.FlagsForm:
		return &reactorv1.Value{Kind: &reactorv1.Value_Flags{Flags: &reactorv1.FlagsValue{Labels: l.Names}}}
	case value.MapForm:
		m := &reactorv1.MapValue{}
		for i := 0; i+1 < len(l.Items); i += 2 {
			m.Entries = append(m.Entries, &reactorv1.MapEntry{Key: fromLiteral(&l.Items[i]), Value: fromLiteral(&l.Items[i+1])})
		}
		return &reactorv1.Value{Kind: &reactorv1.Value_Map{Map: m}}
	default:
		return &reactorv1.Value{}
	}
}
