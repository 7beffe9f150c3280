package value

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/types"
)

// shapes are types that tests use.
type shapes struct {
	*types.Table
	t *testing.T
}

func newShapes(t *testing.T) shapes { return shapes{types.NewTable(), t} }

func (s shapes) made(typ *types.Type, err error) *types.Type {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	return typ
}

func integer(n int64) Literal       { return Literal{Form: IntForm, Bits: uint64(n)} }
func unsigned(n uint64) Literal     { return Literal{Form: UintForm, Bits: n} }
func double(f float64) Literal      { return Literal{Form: F64Form, Bits: math.Float64bits(f)} }
func text(s string) Literal         { return Literal{Form: TextForm, Text: s} }
func list(items ...Literal) Literal { return Literal{Form: ListForm, Items: items} }
func chosen(name string, payload ...Literal) Literal {
	return Literal{Form: VariantForm, Text: name, Items: payload}
}
func record(names []string, items ...Literal) Literal {
	return Literal{Form: RecordForm, Names: names, Items: items}
}

// A literal that fits gives a value whose literal gives the same value.
func TestTyped(t *testing.T) {
	s := newShapes(t)
	u8, s64, f32, f64 := s.Prim(types.U8), s.Prim(types.S64), s.Prim(types.F32), s.Prim(types.F64)
	point := s.made(s.Record([]types.Field{{Name: "x", Type: u8}, {Name: "note", Type: s.made(s.Option(s.Prim(types.String)))}}))
	shape := s.made(s.Variant([]types.Case{{Name: "dot"}, {Name: "line", Type: point}}))
	for _, tt := range []struct {
		name string
		typ  *types.Type
		from Literal
		want Value
	}{
		{"bool", s.Prim(types.Bool), Literal{Form: BoolForm, Bits: 1}, Value{Bits: 1}},
		{"u8 of a signed number", u8, integer(255), Value{Bits: 255}},
		{"s8", s.Prim(types.S8), integer(-128), Value{Bits: uint64(math.MaxUint64 - 127)}},
		{"s64 of an unsigned number", s64, unsigned(math.MaxInt64), Value{Bits: math.MaxInt64}},
		{"u64", s.Prim(types.U64), unsigned(math.MaxUint64), Value{Bits: math.MaxUint64}},
		{"f32 of a double", f32, double(0.5), Value{Bits: uint64(math.Float32bits(0.5))}},
		{"f64 of an integer", f64, integer(-3), Value{Bits: math.Float64bits(-3)}},
		{"char", s.Prim(types.Char), text("ü"), Value{Bits: 'ü'}},
		{"string", s.Prim(types.String), text("ü"), Value{Bytes: []byte("ü")}},
		{"bytes", s.made(s.List(u8)), Literal{Form: BytesForm, Bytes: []byte{1, 2}}, Value{Bytes: []byte{1, 2}}},
		{"bytes of a list", s.made(s.List(u8)), list(unsigned(1), unsigned(2)), Value{Bytes: []byte{1, 2}}},
		{"list", s.made(s.List(s64)), list(integer(1)), Value{Items: []Value{{Bits: 1}}}},
		{"tuple of a list", s.made(s.Tuple([]*types.Type{u8, s64})), list(integer(1), integer(2)), Value{Items: []Value{{Bits: 1}, {Bits: 2}}}},
		{"record without an option", point, record([]string{"x"}, integer(1)), Value{Items: []Value{{Bits: 1}, {}}}},
		{"record in another order", point, record([]string{"note", "x"}, chosen("some", text("n")), integer(1)),
			Value{Items: []Value{{Bits: 1}, {Bits: 1, Items: []Value{{Bytes: []byte("n")}}}}}},
		{"variant", shape, chosen("line", record([]string{"x"}, integer(1))), Value{Bits: 1, Items: []Value{{Items: []Value{{Bits: 1}, {}}}}}},
		{"enum", s.made(s.Enum([]string{"a", "b"})), chosen("b"), Value{Bits: 1}},
		{"result", s.made(s.Result(nil, u8)), chosen("error", integer(9)), Value{Bits: 1, Items: []Value{{Bits: 9}}}},
		{"flags", s.made(s.Flags([]string{"r", "w", "x"})), Literal{Form: FlagsForm, Names: []string{"x", "r"}}, Value{Bits: 5}},
		{"own", s.made(s.Own(&types.Resource{})), Literal{Form: ConnectionForm, Text: "db"}, Value{Bytes: []byte("db")}},
		{"stream", s.made(s.Stream(u8)), Literal{Form: ConnectionForm, Text: "db"}, Value{Bytes: []byte("db")}},
		{"stream of the client", s.made(s.Stream(u8)), Literal{Form: ChannelForm, Bits: 7}, Value{Bits: 7}},
		{"map", s.made(s.Map(s.Prim(types.String), u8)), Literal{Form: MapForm, Items: []Literal{text("k"), integer(1)}}, Value{Items: []Value{{Bytes: []byte("k")}, {Bits: 1}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, faults := Typed(tt.typ, &tt.from, "args[0]")
			if len(faults) > 0 || !reflect.DeepEqual(got, tt.want) {
				t.Fatalf("got %v, %v, want %v", got, faults, tt.want)
			}
			literal := LiteralOf(tt.typ, got)
			if n := LiteralSize(tt.typ, got); n != literal.Size() {
				t.Errorf("the size of %v is %d, not %d", literal, n, literal.Size())
			}
			encoded, err := json.Marshal(literal)
			if err != nil {
				t.Fatal(err)
			}
			var again Literal
			if err := json.Unmarshal(encoded, &again); err != nil {
				t.Fatal(err)
			}
			if back, faults := Typed(tt.typ, &again, ""); len(faults) > 0 || !reflect.DeepEqual(back, tt.want) {
				t.Errorf("%s gives %v, %v, want %v", encoded, back, faults, tt.want)
			}
		})
	}
}

// A long literal is made in pieces.
func TestLiteralInPieces(t *testing.T) {
	s := newShapes(t)
	pauses := 0
	l := LiteralInPieces(s.made(s.List(s.Prim(types.Bool))), Value{Items: make([]Value, 10*PieceLiterals)}, func() { pauses++ })
	if pauses != 10 || len(l.Items) != 10*PieceLiterals {
		t.Errorf("%d pauses, %d items", pauses, len(l.Items))
	}
}

// What does not fit is told by its path, all of it at once.
func TestTypedFaults(t *testing.T) {
	s := newShapes(t)
	u8 := s.Prim(types.U8)
	point := s.made(s.Record([]types.Field{{Name: "x", Type: u8}, {Name: "y", Type: u8}}))
	points := s.made(s.Record([]types.Field{{Name: "points", Type: s.made(s.List(point))}}))
	for _, tt := range []struct {
		typ  *types.Type
		from Literal
		want string
	}{
		{points, record([]string{"points"}, list(record([]string{"x", "y"}, integer(1), integer(300)))), "args[1].points[0].y: 300 is not a u8"},
		{point, record([]string{"x", "z"}, integer(-1), integer(1)), "args[1].x: -1 is not a u8; args[1].z: the record has no such field; args[1].y: the field is missing"},
		{point, record([]string{"x", "x", "y"}, integer(1), integer(1), integer(1)), "args[1].x: the field is given twice"},
		{point, list(), "args[1]: a list is not a record"},
		{s.made(s.Enum([]string{"red", "green"})), chosen("blue"), `args[1]: "blue" is not one of red, green`},
		{s.made(s.Option(u8)), chosen("some"), `args[1]: the case "some" needs a value`},
		{s.made(s.Option(u8)), chosen("none", integer(1)), `args[1]: the case "none" has no value`},
		{s.made(s.Option(u8)), chosen("some", integer(256)), `args[1].some: 256 is not a u8`},
		{s.made(s.Tuple([]*types.Type{u8})), list(), "args[1]: 0 items are not the 1 of the tuple"},
		{s.Prim(types.S32), unsigned(1 << 31), "args[1]: 2147483648 is not an s32"},
		{s.Prim(types.F32), double(0.1), "args[1]: 0.1 is not exactly an f32"},
		{s.Prim(types.F64), unsigned(math.MaxUint64), "args[1]: 18446744073709551615 is not exactly an f64"},
		{s.Prim(types.Char), text("ab"), "args[1]: a char is one character"},
		{s.Prim(types.String), text("\xff"), "args[1]: the text is not valid UTF-8"},
		{s.made(s.Flags([]string{"r"})), Literal{Form: FlagsForm, Names: []string{"w"}}, `args[1]: "w" is not one of the flags`},
		{s.made(s.Own(&types.Resource{})), integer(1), "args[1]: an integer is not a resource"},
		{s.made(s.Own(&types.Resource{})), Literal{Form: ConnectionForm}, "args[1]: a connection has a name: that of its grant"},
		{s.made(s.Stream(u8)), Literal{Form: ConnectionForm}, "args[1]: a connection has a name: that of its grant"},
		{s.made(s.Stream(s.Prim(types.U32))), Literal{Form: ConnectionForm, Text: "db"}, "args[1]: a connection is not a stream"},
		{s.made(s.Future(u8)), Literal{Form: ConnectionForm, Text: "db"}, "args[1]: a connection is not a future"},
		{u8, Literal{}, "args[1]: nothing is not a u8"},
	} {
		_, faults := Typed(tt.typ, &tt.from, "args[1]")
		var texts []string
		for _, f := range faults {
			texts = append(texts, f.Error())
		}
		if got := strings.Join(texts, "; "); got != tt.want {
			t.Errorf("got %s\nwant %s", got, tt.want)
		}
	}
}

// A few bytes stand for a bounded number of values, however many options their type has.
func TestLeftOut(t *testing.T) {
	s := newShapes(t)
	const options = 1000
	fields := make([]types.Field, options)
	for i := range fields {
		fields[i] = types.Field{Name: "f" + strconv.Itoa(i), Type: s.made(s.Option(s.Prim(types.U8)))}
	}
	records := s.made(s.List(s.made(s.Record(fields))))
	empty := func(n int) Literal {
		l := list()
		for range n {
			l.Items = append(l.Items, record(nil))
		}
		return l
	}
	few := empty(maxLeftOut / options)
	v, faults := Typed(records, &few, "args[0]")
	if len(faults) > 0 || Check(records, &v, "v") != nil {
		t.Errorf("%d records: %v", len(few.Items), faults)
	}
	many := empty(2*maxLeftOut/options + 1)
	v, faults = Typed(records, &many, "args[0]")
	if len(faults) != maxFaults || faults[0].Path != "args[0][131]" || !strings.Contains(faults[0].Msg, "leave out more than 131072 options") {
		t.Errorf("%d records: %v", len(many.Items), faults)
	}
	if n := Size(&v) / Bytes; n > maxLeftOut+len(many.Items)+1 {
		t.Errorf("%d records became %d values", len(many.Items), n)
	}
}

// Whoever must not work for long is asked before every piece, and may stop.
func TestTypedInPieces(t *testing.T) {
	s := newShapes(t)
	names := make([]string, 5*Piece)
	for i := range names {
		names[i] = "c" + strconv.Itoa(i)
	}
	enum := s.made(s.Enum(names))
	for _, tt := range []struct {
		name  string
		typ   *types.Type
		item  Literal
		count int // of values, and what takes as long
	}{
		{"items", s.Prim(types.U64), unsigned(1), 10 * Piece},
		{"text", s.Prim(types.String), text(strings.Repeat("x", 10*Bytes)), 110 * Piece},
		{"names", enum, chosen("c0"), 15 * Piece},
	} {
		l := list()
		for range 10 * Piece {
			l.Items = append(l.Items, tt.item)
		}
		typ := s.made(s.List(tt.typ))
		told := 0
		_, faults := TypedInPieces(typ, &l, "v", func(values int) bool { told += values; return true })
		if len(faults) > 0 || told < tt.count-Piece || told > tt.count+Piece {
			t.Errorf("%s: told of %d values, want %d; %v", tt.name, told, tt.count, faults)
		}
		asked := 0
		TypedInPieces(typ, &l, "v", func(int) bool { asked++; return false })
		if asked != 1 {
			t.Errorf("%s: asked %d times after it was told to stop", tt.name, asked-1)
		}
	}
}

// Faults are few and short, whatever does not fit.
func TestFaultsAreShort(t *testing.T) {
	s := newShapes(t)
	long := strings.Repeat("n", 100_000)
	cases := make([]types.Case, 16)
	for i := range cases {
		cases[i].Name = long + strconv.Itoa(i)
	}
	shape := s.made(s.Variant(cases))
	deep := s.made(s.Record([]types.Field{{Name: long, Type: shape}}))
	for range 50 {
		deep = s.made(s.Record([]types.Field{{Name: long, Type: deep}}))
	}
	l := chosen(long)
	for range 51 {
		l = record([]string{long}, l)
	}
	all := list(l, l, l, l)
	labels := make([]string, 1<<16)
	for _, tt := range []struct {
		typ *types.Type
		l   Literal
	}{
		{s.made(s.List(deep)), all},
		{s.made(s.Flags([]string{"a"})), Literal{Form: FlagsForm, Names: labels}},
	} {
		_, faults := Typed(tt.typ, &tt.l, "v")
		if len(faults) == 0 {
			t.Error("there is no fault")
		}
		for _, f := range faults {
			if len(f.Path)+len(f.Msg) > 10_000 {
				t.Errorf("a fault of %d bytes: %s", len(f.Path)+len(f.Msg), f.Error()[:200])
			}
		}
	}
}
