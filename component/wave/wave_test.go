package wave_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/wave"
	"github.com/reactord/reactord/component/wit"
)

const definitions = `
	resource thing;
	record point { x: u8, y: s32 }
	record person { name: string, age: option<u8>, mail: option<string> }
	record spare { a: option<u8>, b: option<u8> }
	record words { true: bool, some: option<u8>, ok: result }
	variant shape { circle(f64), line(tuple<point, point>), polygon(list<point>), nothing }
	variant outcome { ok, err(string), none, some(u8) }
	enum direction { north, south, nan }
	flags mode { read, write, inf }
	type nested = option<option<u8>>;
	type handles = own<thing>;
`

// scope has the types of the tests.
func scope(t testing.TB) *wit.Interface {
	t.Helper()
	i, err := wit.NewScope(types.NewTable()).Define("test:wave/types", definitions)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func typeOf(t testing.TB, i *wit.Interface, name string) *types.Type {
	t.Helper()
	f, err := i.Func("func() -> " + name)
	if err != nil {
		t.Fatal(err)
	}
	return f.Result
}

// Texts mean values, whose text is the usual one.
func TestValues(t *testing.T) {
	i := scope(t)
	for _, c := range []struct{ typ, text, want string }{
		{"bool", "true", ""},
		{"bool", " // yes?\n\tfalse // no", "false"},
		{"u8", "255", ""},
		{"s8", "-128", ""},
		{"s64", "-9223372036854775808", ""},
		{"u64", "18446744073709551615", ""},
		{"f64", "0.1", ""},
		{"f64", "6.02214076e+23", ""},
		{"f64", "6.02214076E23", "6.02214076e+23"},
		{"f64", "1e-7", ""},
		{"f64", "-0.0", "-0"},
		{"f64", "1e999", "inf"},
		{"f64", "1e+2", "100"},
		{"f32", "0.1", ""},
		{"f32", "16777217", "16777216"},
		{"f32", "nan", ""},
		{"f32", "inf", ""},
		{"f64", "-inf", ""},
		{"char", "'x'", ""},
		{"char", `'"'`, ""},
		{"char", `'\''`, ""},
		{"char", `'\u{2603}'`, "'☃'"},
		{"char", `'\u{0}'`, ""},
		{"char", `'\n'`, ""},
		{"string", `""`, ""},
		{"string", `"a 'quoted' word: \"x\"\\\t\r\n"`, ""},
		{"string", `"\u{1f30a}\'"`, `"🌊'"`},
		{"string", "\"\\u{202e}\\u{1b}\"", ""},
		{"string", "\"\"\"\n\"\"\"", `""`},
		{"string", "\"\"\"\r\n  one\r\n    two \\u{41} \"\"\\\"\r\n  \"\"\"", `"one\n  two A \"\"\""`},
		{"string", "\"\"\"\n\n\n\"\"\"", `"\n"`},
		{"list<u8>", "[1, 2, 3]", ""},
		{"list<u8>", "[ 1,2,]", "[1, 2]"},
		{"list<string>", "[]", ""},
		{"list<list<s16>>", "[[1], [], [-2, 3]]", ""},
		{"tuple<u8, string>", `(1, "one")`, ""},
		{"tuple<u8>", "(1,)", "(1)"},
		{"point", "{x: 1, y: -2}", ""},
		{"point", "{ y: -2, %x: 1, }", "{x: 1, y: -2}"},
		{"person", `{name: "a"}`, ""},
		{"person", `{mail: "m", name: "a", age: none}`, `{name: "a", mail: some("m")}`},
		{"spare", "{:}", ""},
		{"spare", "{ : }", "{:}"},
		{"spare", "{b: none}", "{:}"},
		{"words", "{true: true, some: some(1), ok: err}", ""},
		{"shape", "circle(1.5)", ""},
		{"shape", "line(({x: 1, y: 2}, {x: 3, y: 4}))", ""},
		{"shape", "nothing", ""},
		{"outcome", "%ok", ""},
		{"outcome", `%err("why")`, ""},
		{"outcome", "%none", ""},
		{"outcome", "%some ( 7 )", "%some(7)"},
		{"direction", "north", ""},
		{"direction", "%north", "north"},
		{"direction", "%nan", ""},
		{"option<u8>", "none", ""},
		{"option<u8>", "some(1)", ""},
		{"option<u8>", "1", "some(1)"},
		{"option<outcome>", "%none", "some(%none)"},
		{"nested", "some(some(1))", ""},
		{"nested", "some(none)", ""},
		{"nested", "some(1)", "some(some(1))"},
		{"result", "ok", ""},
		{"result", "err", ""},
		{"result<u8>", "7", "ok(7)"},
		{"result<_, string>", `err("x")`, ""},
		{"result<_, string>", "ok", ""},
		{"result<list<u8>, string>", "[1]", "ok([1])"},
		{"mode", "{}", ""},
		{"mode", "{write, read}", "{read, write}"},
		{"mode", "{%inf,}", "{inf}"},
		{"map<string, u8>", `[("a", 1), ("b", 2)]`, ""},
		{"map<string, u8>", `{"a": 1, "b": 2,}`, `[("a", 1), ("b", 2)]`},
		{"map<u8, point>", `{}`, "[]"},
	} {
		typ := typeOf(t, i, c.typ)
		v, err := wave.Parse(typ, c.text)
		if err != nil {
			t.Errorf("%s %s: %v", c.typ, c.text, err)
			continue
		}
		if c.want == "" {
			c.want = c.text
		}
		if got := wave.Format(typ, v); got != c.want {
			t.Errorf("%s %s: formatted as %s, want %s", c.typ, c.text, got, c.want)
		}
	}
}

// What is wrong is told, where it is, with its path.
func TestFaults(t *testing.T) {
	i := scope(t)
	for _, c := range []struct {
		typ, text, want string
		offset          int
	}{
		{"u8", "300", "300 is not a u8", 0},
		{"u8", " -1", "-1 is not a u8", 1},
		{"s8", "1.5", "1.5 is not an s8", 0},
		{"u8", "07", "expected the end, found 7", 1},
		{"u8", `"1"`, "expected a u8, found a string", 0},
		{"u64", strings.Repeat("9", 40), strings.Repeat("9", 32) + "... is not a u64", 0},
		{"bool", "", "expected true or false, found the end of the text", 0},
		{"bool", "%true", "expected true or false, found true", 0},
		{"bool", "true false", "expected the end, found false", 5},
		{"f32", "1e", "expected the end, found e", 1},
		{"f32", "1e+", "expected the end, found e", 1},
		{"f32", "1e--1", "expected the end, found e", 1},
		{"f32", "1.", "expected the end, found '.'", 1},
		{"f32", "-nan", "expected an f32, found '-'", 0},
		{"f32", "infinity", "expected an f32, found infinity", 0},
		{"char", "''", `a char is one character; ' is written as '\''`, 0},
		{"char", "'ab'", "a char is one character, then a closing quote", 0},
		{"char", `'\u{d800}'`, "0xd800 is no Unicode scalar value", 1},
		{"char", `'\u{}'`, `\u is followed by one to six hexadecimal digits in braces, as in \u{2603}`, 1},
		{"string", `"\z"`, `\z is no escape: there are \\ \' \" \t \n \r and \u{...}`, 1},
		{"string", `"a`, "the string has no closing quote", 0},
		{"string", "\"a\nb\"", `a line break in a string is written as \n, or the string begins with """ and a line break`, 2},
		{"string", `"""a"""`, `""" is followed by a line break`, 3},
		{"string", "\"\"\"\na\"\"\"", `only spaces come before the closing """ on its line`, 5},
		{"string", "\"\"\"\n a\n  \"\"\"", `the line begins with fewer spaces than the one with the closing """`, 4},
		{"string", "\"\"\"\na\\j\n\"\"\"", `\j is no escape: there are \\ \' \" \t \n \r and \u{...}`, 5},
		{"string", "\xff", "the text is not valid UTF-8", 0},
		{"list<u8>", "[1, 256]", "[1]: 256 is not a u8", 4},
		{"list<u8>", "[1 2]", "expected ']' or ',', found 2", 3},
		{"list<u8>", "[,]", "[0]: expected a u8, found ','", 1},
		{"list<u8>", "(1)", "expected a list in brackets, found '('", 0},
		{"tuple<u8, u8>", "(1)", "a tuple of 1 elements, which are to be 2", 0},
		{"tuple<u8, u8>", "(1, 2, 3)", "a tuple of more than 2 elements", 7},
		{"point", "{x: 1}", "the field y is missing", 0},
		{"point", "{x: 1, x: 2}", "the field x is given twice", 7},
		{"point", "{z: 1}", "there is no field z: there is x, y", 1},
		{"point", "{x 1}", "x: expected ':', found 1", 3},
		{"point", "5", "expected a record in braces, found 5", 0},
		{"spare", "{}", "a record whose fields are all left out is written as {:}", 0},
		{"spare", "{: a: 1}", "expected '}' after {:, which is a record whose fields are all left out, found a", 3},
		{"shape", "polygon([{x: 1, y: 2}, {x: 300, y: 1}])", "polygon[1].x: 300 is not a u8", 27},
		{"shape", "square", "there is no case square: there is circle, line, polygon, nothing", 0},
		{"shape", "circle", "circle needs a value: circle(...)", 0},
		{"shape", "nothing(1)", "nothing has no value", 0},
		{"outcome", "ok", "ok is a word of WAVE: the case is written as %ok", 0},
		{"direction", "5", "expected an enum, by the name of its case, found 5", 0},
		{"option<u8>", "none(1)", "none has no value", 0},
		{"option<u8>", "some(300)", "some: 300 is not a u8", 5},
		{"nested", "1", "expected none or some, found 1", 0},
		{"result", "5", "expected ok or err, found 5", 0},
		{"result", "err(5)", "err has no value", 0},
		{"mode", "{read, read}", "the flag read is given twice", 7},
		{"mode", "{exec}", "there is no flag exec: there is read, write, inf", 1},
		{"map<string, u8>", `[("a", 1), ("b", -1)]`, "[1]: -1 is not a u8", 17},
		{"map<string, u8>", `{"a" 1}`, "[0]: expected ':', found 1", 5},
		{"handles", "1", "expected a connection: @NAME, of a connection that is granted under the name, found 1", 0},
		{"handles", "@", "@ is followed by the name of a connection, in quotes if it has spaces or brackets", 1},
		{"stream<u8>", "1", "a stream cannot be written", 0},
	} {
		_, err := wave.Parse(typeOf(t, i, c.typ), c.text)
		var fault *wave.Error
		if !errors.As(err, &fault) {
			t.Errorf("%s %s: got %v", c.typ, c.text, err)
			continue
		}
		if c.offset > 0 && c.offset < len(c.text) {
			c.want = strings.Replace(c.want, ", found", fmt.Sprintf(" at column %d, found", c.offset+1), 1)
		}
		if fault.Error() != c.want || fault.Offset != c.offset {
			t.Errorf("%s %s: got %q at %d, want %q at %d", c.typ, c.text, fault, fault.Offset, c.want, c.offset)
		}
	}
}

func TestCalls(t *testing.T) {
	i := scope(t)
	for _, c := range []struct{ fn, text, name, want string }{
		{"func()", "run()", "run", ""},
		{"func()", " // a call\n local:test/shapes@1.0.0#run ( ) // done", "local:test/shapes@1.0.0#run", ""},
		{"func(a: shape)", "area(line(({x: 1, y: 2}, {x: 3, y: 4})))", "area", "line(({x: 1, y: 2}, {x: 3, y: 4}))"},
		{"func(a: u8, b: string)", `f(1, "(",)`, "f", `1, "("`},
		{"func(a: option<u8>, b: option<u8>)", "[static]thing.f(1)", "[static]thing.f", "some(1), none"},
	} {
		f, err := i.Func(c.fn)
		if err != nil {
			t.Fatal(err)
		}
		name, err := wave.Function(c.text)
		if err != nil || name != c.name {
			t.Errorf("%s: called %q, %v", c.text, name, err)
		}
		args, err := wave.ParseCall(f, c.text, nil)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		var got []string
		for n, arg := range args {
			got = append(got, wave.Format(f.Params[n].Type, arg))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: got %s", c.text, got)
		}
	}
}

func TestFaultsOfCalls(t *testing.T) {
	f, err := scope(t).Func("func(a: u8, points: list<point>)")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                              "expected the name of a function, found the end of the text",
		"(1)":                           "expected the name of a function, found '('",
		"f":                             "the arguments of f are missing: f(...)",
		"f 1":                           "a call is the name of a function, and its arguments in parentheses: area(1, 2)",
		"f(1":                           "expected ')' or ',', found the end of the text",
		"f(1)":                          "f takes 2 arguments, and points is missing",
		"f(1, [], 2)":                   "f takes 2 arguments",
		"f(1, []) x":                    "expected the end at column 10, found x",
		"f(1,\n[1])":                    "args[1][0]: expected a record in braces at line 2, column 2, found 1",
		"f(1,\n[{x: 1,y: 2},{x: 300}])": "args[1][1].x: 300 is not a u8",
	} {
		_, err := wave.ParseCall(f, text, nil)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	_, err = wave.ParseCall(f, "f(1,\n[{x: 1,y: 2},{x: 300}])", nil)
	var fault *wave.Error
	if !errors.As(err, &fault) {
		t.Fatal(err)
	}
	if line, column := fault.Position("f(1,\n[{x: 1,y: 2},{x: 300}])"); line != 2 || column != 18 {
		t.Errorf("at line %d, column %d", line, column)
	}
}

// A short text does not mean millions of values.
func TestOmittedFieldsAreBounded(t *testing.T) {
	table := types.NewTable()
	option, err := table.Option(table.Prim(types.U8))
	if err != nil {
		t.Fatal(err)
	}
	fields := make([]types.Field, 50_000)
	for i := range fields {
		fields[i] = types.Field{Name: "f" + strings.Repeat("x", i%7) + string(rune('a'+i%26)), Type: option}
	}
	record, err := table.Record(fields)
	if err != nil {
		t.Fatal(err)
	}
	list, err := table.List(record)
	if err != nil {
		t.Fatal(err)
	}
	_, err = wave.Parse(list, "["+strings.Repeat("{:},", 100)+"]")
	if err == nil || !strings.Contains(err.Error(), "the text means too many values") {
		t.Errorf("got %v", err)
	}
}

// Work and memory grow as the text does.
func TestLongText(t *testing.T) {
	i := scope(t)
	const n = 100_000
	for typ, item := range map[string]string{
		"list<f64>": "-1.5e-3 // x\n", "list<string>": `"a\nb"`, "list<person>": `{name: "a", age: 1}`, "list<result<u8>>": "ok(1)",
		"map<string, direction>": `("a", %nan)`,
	} {
		text := "[" + strings.Repeat(item+", ", n) + "]"
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := wave.Parse(typeOf(t, i, typ), text)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 200*uint64(len(text)) {
			t.Errorf("%s: %d bytes allocated for a text of %d", typ, grown, len(text))
		}
	}
}
