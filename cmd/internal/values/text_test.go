package values

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/component/signature"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func text(s string) *reactorv1.Value { return &reactorv1.Value{Kind: &reactorv1.Value_Text{Text: s}} }

func TestText(t *testing.T) {
	one := &reactorv1.Value{Kind: &reactorv1.Value_Uint{Uint: 1}}
	for want, v := range map[string]*reactorv1.Value{
		"1":            one,
		"-7":           {Kind: &reactorv1.Value_Int{Int: -7}},
		"true":         {Kind: &reactorv1.Value_Bool{Bool: true}},
		"0.5":          {Kind: &reactorv1.Value_F32{F32: 0.5}},
		"nan":          {Kind: &reactorv1.Value_F64{F64: math.NaN()}},
		"inf":          {Kind: &reactorv1.Value_F64{F64: math.Inf(1)}},
		"-inf":         {Kind: &reactorv1.Value_F64{F64: math.Inf(-1)}},
		`"a\n"`:        text("a\n"),
		"[0, 255]":     {Kind: &reactorv1.Value_Bytes{Bytes: []byte{0, 255}}},
		"[1, 1]":       {Kind: &reactorv1.Value_List{List: &reactorv1.ListValue{Items: []*reactorv1.Value{one, one}}}},
		"(1)":          {Kind: &reactorv1.Value_Tuple{Tuple: &reactorv1.ListValue{Items: []*reactorv1.Value{one}}}},
		"{x: 1, y: 1}": {Kind: &reactorv1.Value_Record{Record: &reactorv1.RecordValue{Fields: map[string]*reactorv1.Value{"y": one, "x": one}}}},
		"{:}":          {Kind: &reactorv1.Value_Record{Record: &reactorv1.RecordValue{}}},
		"some(1)":      {Kind: &reactorv1.Value_Variant{Variant: &reactorv1.VariantValue{Case: "some", Value: one}}},
		"err(1)":       {Kind: &reactorv1.Value_Variant{Variant: &reactorv1.VariantValue{Case: "error", Value: one}}},
		"none":         {Kind: &reactorv1.Value_Variant{Variant: &reactorv1.VariantValue{Case: "none"}}},
		"@db":          {Kind: &reactorv1.Value_Connection{Connection: "db"}},
		"{r, w}":       {Kind: &reactorv1.Value_Flags{Flags: &reactorv1.FlagsValue{Labels: []string{"r", "w"}}}},
		`[("k", 1)]`:   {Kind: &reactorv1.Value_Map{Map: &reactorv1.MapValue{Entries: []*reactorv1.MapEntry{{Key: text("k"), Value: one}}}}},
	} {
		if got := Text(v, 100); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Long values are cut, without going through all of them.
func TestTextIsCut(t *testing.T) {
	long := &reactorv1.Value{Kind: &reactorv1.Value_Bytes{Bytes: make([]byte, 1<<24)}}
	if got := Text(long, 9); got != "[0, 0, 0,..." {
		t.Errorf("got %q", got)
	}
	if got := Text(text(strings.Repeat("ü", 1000)), 10); len(got) > 13 || !strings.HasSuffix(got, "...") {
		t.Errorf("got %q", got)
	}
}

// The signatures that a daemon tells are those that it has.
func TestSignatures(t *testing.T) {
	zero, one := uint32(0), uint32(1)
	length := uint32(4)
	got := Signatures(&reactorv1.DescribeModuleResponse{
		Functions: []*reactorv1.FunctionType{{Export: "a:b/c@1.0.0#f", Async: true, Params: []*reactorv1.ParamType{{Name: "p", Type: 1}}, Result: &one}},
		Types: []*reactorv1.ValueType{
			{Kind: "u8"}, {Kind: "list", Element: &zero, Length: &length}, {Kind: "option", Cases: []*reactorv1.CaseType{{Name: "none"}, {Name: "some", Type: &one}}},
			{Kind: "record", Fields: []*reactorv1.ParamType{{Name: "x", Type: 2}}}, {Kind: "own", Resource: &zero}, {Kind: "flags", Labels: []string{"a"}}, {Kind: "map", Key: &zero, Element: &one},
		},
		Resources: []string{"r"},
	})
	nought, first := 0, 1
	want := &signature.Set{
		Functions: []signature.Function{{Interface: "a:b/c@1.0.0", Name: "f", Async: true, Params: []signature.Field{{Name: "p", Type: 1}}, Result: &first}},
		Types: []signature.Type{
			{Kind: "u8"}, {Kind: "list", Elem: &nought, Length: &length}, {Kind: "option", Cases: []signature.Case{{Name: "none"}, {Name: "some", Type: &first}}},
			{Kind: "record", Fields: []signature.Field{{Name: "x", Type: 2}}}, {Kind: "own", Resource: &nought}, {Kind: "flags", Labels: []string{"a"}}, {Kind: "map", Key: &nought, Elem: &first},
		},
		Resources: []string{"r"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
