package wit

import (
	"errors"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/types"
)

const poll = `
	resource pollable;
`

const shapes = `
	use wasi:io/poll.{pollable, pollable as ready-one};

	type coordinate = s32;   // a comment
	record point { x: coordinate, y: coordinate, }
	flags edges { top, left }
	enum %type { circle, square }
	variant shape { none, line(tuple<point, point>), marked(option<edges>), watched(pollable) }
	type outcome = result<list<shape>, %type>;
	resource canvas;
	type painting = canvas;
	type canvases = map<string, own<canvas>>;
`

// parse defines both interfaces.
func parse(t *testing.T) (*types.Table, *Interface, *Interface) {
	t.Helper()
	table := types.NewTable()
	s := NewScope(table)
	p, err := s.Define("wasi:io/poll", poll)
	if err != nil {
		t.Fatal(err)
	}
	i, err := s.Define("local:test/shapes", shapes)
	if err != nil {
		t.Fatal(err)
	}
	return table, p, i
}

// must returns a type that can be made.
func must(t *testing.T) func(*types.Type, error) *types.Type {
	return func(typ *types.Type, err error) *types.Type {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return typ
	}
}

func TestDefine(t *testing.T) {
	table, p, i := parse(t)
	if p.Resources["pollable"] == nil || i.Resources["pollable"] != p.Resources["pollable"] ||
		i.Resources["ready-one"] != p.Resources["pollable"] {
		t.Error("a resource that is used is not the same one")
	}
	if i.Resources["painting"] != i.Resources["canvas"] || i.Types["painting"] != nil {
		t.Error("another name of a resource is not the same one")
	}
	if name := i.Resources["canvas"].Name; name != "local:test/shapes#canvas" {
		t.Errorf("a resource is named %q", name)
	}
	s32 := table.Prim(types.S32)
	is := must(t)
	point := is(table.Record([]types.Field{{Name: "x", Type: s32}, {Name: "y", Type: s32}}))
	edges := is(table.Flags([]string{"top", "left"}))
	kind := is(table.Enum([]string{"circle", "square"}))
	shape := is(table.Variant([]types.Case{
		{Name: "none"},
		{Name: "line", Type: is(table.Tuple([]*types.Type{point, point}))},
		{Name: "marked", Type: is(table.Option(edges))},
		{Name: "watched", Type: is(table.Own(p.Resources["pollable"]))},
	}))
	for name, want := range map[string]*types.Type{
		"coordinate": s32, "point": point, "edges": edges, "type": kind, "shape": shape,
		"outcome":  is(table.Result(is(table.List(shape)), kind)),
		"canvases": is(table.Map(table.Prim(types.String), is(table.Own(i.Resources["canvas"])))),
	} {
		if i.Types[name] != want {
			t.Errorf("%s is %v, want %v", name, i.Types[name], want)
		}
	}
}

func TestFunc(t *testing.T) {
	table, p, i := parse(t)
	is := must(t)
	f, err := i.Func("func(in: list<borrow<pollable>>, %type: %type) -> result<_, u8>")
	if err != nil {
		t.Fatal(err)
	}
	pollables := is(table.List(is(table.Borrow(p.Resources["pollable"]))))
	if len(f.Params) != 2 || f.Params[0].Name != "in" || f.Params[0].Type != pollables || f.Params[1].Name != "type" ||
		f.Params[1].Type != i.Types["type"] || f.Result != is(table.Result(nil, table.Prim(types.U8))) || f.Async {
		t.Errorf("parsed %+v", f)
	}
	f, err = i.Func("async func()")
	if err != nil || len(f.Params) != 0 || f.Result != nil || !f.Async {
		t.Errorf("parsed %+v, %v", f, err)
	}
	f, err = i.Func("func() -> result")
	if err != nil || f.Result != is(table.Result(nil, nil)) {
		t.Errorf("parsed %+v, %v", f, err)
	}
}

func TestFaultsOfInterfaces(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"type a = u9;", `line 1: there is no type "u9"`},
		{"\n\ntype a = list;", `line 3: wrong number of arguments of "list"`},
		{"type a = tuple<_>;", `an argument of "tuple" is missing`},
		{"type a = result<_, _>;", `an argument of "result" is missing`},
		{"type a = borrow<b>;", `there is no resource "b"`},
		{"type a = u8; type a = u8;", `"a" is defined twice`},
		{"resource a; record a { b: u8 }", `"a" is defined twice`},
		{"type a = u8", `expected ";", found the end`},
		{"record a { b u8 }", `expected ":", found "u8"`},
		{"use a:b/c.{d};", `there is no interface "a:b/c"`},
		{"use wasi:io/poll.{stream};", `"wasi:io/poll" has no type "stream"`},
		{"interface a {}", `expected a definition, found "interface"`},
		{"type a = \"u8\";", `unexpected character '"'`},
		{"type a = " + strings.Repeat("list<", 200) + "u8" + strings.Repeat(">", 200) + ";", "nested too deeply"},
	} {
		s := NewScope(types.NewTable())
		if _, err := s.Define("wasi:io/poll", poll); err != nil {
			t.Fatal(err)
		}
		_, err := s.Define("local:test/shapes", c.text)
		if fault, ok := errors.AsType[*Error](err); !ok || !strings.Contains(fault.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestFaultsOfFunctions(t *testing.T) {
	_, _, i := parse(t)
	for _, text := range []string{"", "func", "func(a)", "func(a: u8", "func() ->", "func() -> u8 u8", "resource(a: u8)"} {
		if f, err := i.Func(text); err == nil {
			t.Errorf("%q is %+v", text, f)
		}
	}
}

func FuzzDefine(f *testing.F) {
	f.Add(poll)
	f.Add(shapes)
	f.Fuzz(func(t *testing.T, text string) {
		s := NewScope(types.NewTable())
		if _, err := s.Define("wasi:io/poll", poll); err != nil {
			t.Fatal(err)
		}
		i, err := s.Define("local:test/shapes", text)
		if err == nil {
			_, _ = i.Func("func(a: " + text)
		}
	})
}
