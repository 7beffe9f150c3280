package values

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// A value of each kind comes back as it was sent.
func TestValues(t *testing.T) {
	number := &reactorv1.Value{Kind: &reactorv1.Value_Uint{Uint: math.MaxUint64}}
	text := &reactorv1.Value{Kind: &reactorv1.Value_Text{Text: "ü"}}
	list := &reactorv1.ListValue{Items: []*reactorv1.Value{number, text}}
	all := []*reactorv1.Value{
		number, text,
		{Kind: &reactorv1.Value_Bool{Bool: true}},
		{Kind: &reactorv1.Value_Bool{Bool: false}},
		{Kind: &reactorv1.Value_Int{Int: math.MinInt64}},
		{Kind: &reactorv1.Value_F32{F32: -0.5}},
		{Kind: &reactorv1.Value_F64{F64: math.Inf(1)}},
		{Kind: &reactorv1.Value_Bytes{Bytes: []byte{0, 255}}},
		{Kind: &reactorv1.Value_List{List: list}},
		{Kind: &reactorv1.Value_Tuple{Tuple: list}},
		{Kind: &reactorv1.Value_Record{Record: &reactorv1.RecordValue{Fields: map[string]*reactorv1.Value{"y": text, "x": number}}}},
		{Kind: &reactorv1.Value_Variant{Variant: &reactorv1.VariantValue{Case: "some", Value: text}}},
		{Kind: &reactorv1.Value_Variant{Variant: &reactorv1.VariantValue{Case: "none"}}},
		{Kind: &reactorv1.Value_Channel{Channel: 7}},
		{Kind: &reactorv1.Value_Connection{Connection: "db"}},
		{Kind: &reactorv1.Value_Flags{Flags: &reactorv1.FlagsValue{Labels: []string{"r", "w"}}}},
		{Kind: &reactorv1.Value_Map{Map: &reactorv1.MapValue{Entries: []*reactorv1.MapEntry{{Key: text, Value: number}, {Key: number, Value: text}}}}},
	}
	kinds := (*reactorv1.Value)(nil).ProtoReflect().Descriptor().Oneofs().Get(0).Fields()
	seen := map[string]bool{}
	for _, v := range all {
		seen[string(v.ProtoReflect().WhichOneof(kinds.Get(0).ContainingOneof()).Name())] = true
		literal, ok := Literal(v)
		if !ok {
			t.Errorf("%v is refused", v)
		}
		if diff := cmp.Diff(v, Message(&literal), protocmp.Transform()); diff != "" {
			t.Errorf("(-in +out):\n%s", diff)
		}
	}
	if len(seen) != kinds.Len() {
		t.Errorf("%d of %d kinds are tested", len(seen), kinds.Len())
	}
}

// A value without a kind is refused, however deep it is.
func TestValuesWithoutKind(t *testing.T) {
	none := &reactorv1.Value{}
	for _, v := range []*reactorv1.Value{
		nil, none,
		{Kind: &reactorv1.Value_List{List: &reactorv1.ListValue{Items: []*reactorv1.Value{none}}}},
		{Kind: &reactorv1.Value_Record{Record: &reactorv1.RecordValue{Fields: map[string]*reactorv1.Value{"x": nil}}}},
		{Kind: &reactorv1.Value_Variant{Variant: &reactorv1.VariantValue{Value: none}}},
		{Kind: &reactorv1.Value_Map{Map: &reactorv1.MapValue{Entries: []*reactorv1.MapEntry{nil}}}},
	} {
		if _, ok := Literal(v); ok {
			t.Errorf("%v is taken", v)
		}
	}
}
