package wave_test

import (
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/wave"
)

// Any text is a value, whose own text means the same, or a fault within the text.
func FuzzParse(f *testing.F) {
	i := scope(f)
	names := []string{
		"bool", "u8", "s64", "f32", "f64", "char", "string", "list<u8>", "tuple<u8, string>", "list<list<string>>",
		"list<point>", "person", "spare", "words", "shape", "outcome", "direction", "nested", "result<_, string>", "mode",
		"map<string, option<point>>", "handles", "result<result, option<f64>>",
	}
	for n, text := range []string{
		"true", "255", "-1", "nan", "-1.5e-7", `'\u{2603}'`, "\"\"\"\n a\\n\n  b\n \"\"\"", "[1, 2,]", `(1, "x")`, `[["a"], []]`,
		"[{x: 1, y: -2}]", `{name: "a", age: 1}`, "{:}", "{true: true, some: 1, ok: err}", "polygon([{x: 1, y: 2}])", "%some(1)",
		"%nan", "some(some(1))", `err("x")`, "{read, write}", `[("a", {x: 1, y: 2})]`, "1", "ok(ok)",
	} {
		f.Add(uint8(n), text)
	}
	var all []*types.Type
	for _, name := range names {
		all = append(all, typeOf(f, i, name))
	}
	call, err := i.Func("func(a: shape, b: option<string>)")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, n uint8, text string) {
		if _, err := wave.ParseCall(call, text, nil); err != nil {
			checkFault(t, err, text)
		}
		typ := all[int(n)%len(all)]
		v, err := wave.Parse(typ, text)
		if err != nil {
			checkFault(t, err, text)
			return
		}
		usual := wave.Format(typ, v)
		again, err := wave.Parse(typ, usual)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, usual, err)
		}
		if got := wave.Format(typ, again); got != usual {
			t.Errorf("%q became %q, and that %q", text, usual, got)
		}
	})
}

func checkFault(t *testing.T, err error, text string) {
	t.Helper()
	var fault *wave.Error
	if !errors.As(err, &fault) || fault.Offset < 0 || fault.Offset > len(text) {
		t.Errorf("%q: %v", text, err)
		return
	}
	if !utf8.ValidString(fault.Error()) || len(fault.Error()) > 2000 {
		t.Errorf("%q: %q", text, fault.Error())
	}
	if line, column := fault.Position(text); line < 1 || column < 1 {
		t.Errorf("%q: at %d:%d", text, line, column)
	}
}
