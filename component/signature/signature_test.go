package signature

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/component/types"
)

// everything is a plan that exports a function with each kind of type.
func everything(t *testing.T) *plan.Plan {
	t.Helper()
	table := types.NewTable()
	made := func(typ *types.Type, err error) *types.Type {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return typ
	}
	u8, text := table.Prim(types.U8), table.Prim(types.String)
	point := made(table.Record([]types.Field{{Name: "x", Type: u8}, {Name: "y", Type: u8}}))
	file := &types.Resource{Name: "file"}
	all := []*types.Type{
		u8, text, point, made(table.List(point)), made(table.FixedList(u8, 4)), made(table.Tuple([]*types.Type{u8, text})),
		made(table.Variant([]types.Case{{Name: "none-of-it"}, {Name: "all", Type: point}})), made(table.Enum([]string{"a", "b"})),
		made(table.Option(point)), made(table.Result(nil, text)), made(table.Flags([]string{"r", "w"})), made(table.Map(text, point)),
		made(table.Own(file)), made(table.Borrow(file)), made(table.Stream(u8)), made(table.Future(nil)), table.ErrorContext(),
	}
	params := make([]types.Field, len(all))
	for i, typ := range all {
		params[i] = types.Field{Name: "p", Type: typ}
	}
	return &plan.Plan{Types: table, Exports: []plan.Export{
		{Name: "all", Func: &types.Func{Async: true, Params: params, Result: point}},
		{Interface: "test:shapes/api@1.2.0", Name: "area", Func: &types.Func{Params: params[:1]}},
	}}
}

// A set that was stored gives the same types again.
func TestResolve(t *testing.T) {
	set := Of(everything(t))
	encoded, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	var again Set
	if err := json.Unmarshal(encoded, &again); err != nil {
		t.Fatal(err)
	}
	resolved, err := again.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	back := &plan.Plan{}
	for _, f := range resolved.Functions {
		back.Exports = append(back.Exports, plan.Export{Interface: f.Interface, Name: f.Name, Func: f.Func})
	}
	if got := Of(back); !reflect.DeepEqual(got, set) {
		t.Errorf("got %+v, want %+v", got, set)
	}
	if n := len(set.Resources); n != 1 {
		t.Errorf("%d resources, want 1", n)
	}
}

// The form of records in stores does not change.
func TestStoredForm(t *testing.T) {
	encoded, err := json.MarshalIndent(Of(everything(t)), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "set.json")
	if os.Getenv("UPDATE_REFERENCE") != "" {
		if err := os.WriteFile(golden, append(encoded, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(encoded)+"\n" != string(want) {
		t.Errorf("got %s", encoded)
	}
}

// The interface that a resource of the host comes from is kept, and is none for one that a component defines.
func TestInterfaces(t *testing.T) {
	table := types.NewTable()
	var params []types.Field
	for _, from := range []string{"", "wasi:sockets/types@0.3.0"} {
		typ, err := table.Own(&types.Resource{Name: ConnectionType, Interface: from})
		if err != nil {
			t.Fatal(err)
		}
		params = append(params, types.Field{Name: "p", Type: typ})
	}
	encoded, err := json.Marshal(Of(&plan.Plan{Exports: []plan.Export{{Name: "f", Func: &types.Func{Params: params}}}}))
	if err != nil {
		t.Fatal(err)
	}
	var set Set
	if err := json.Unmarshal(encoded, &set); err != nil {
		t.Fatal(err)
	}
	f, err := set.ResolveFunction(0)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range f.Func.Params {
		if got, want := p.Type.Resource.Interface, params[i].Type.Resource.Interface; got != want {
			t.Errorf("parameter %d is of %q, want %q", i, got, want)
		}
	}
	if !f.Callable() || f.Streams() {
		t.Error("a function that takes a connection can't be called")
	}
}

// What Of does not make is refused.
func TestResolveRefuses(t *testing.T) {
	zero, one, minus := 0, 1, -1
	for _, s := range []Set{
		{Types: []Type{{Kind: "list", Elem: &zero}}},
		{Types: []Type{{Kind: "list"}}},
		{Types: []Type{{Kind: "u9"}}},
		{Types: []Type{{Kind: "record"}}},
		{Types: []Type{{Kind: "u8"}, {Kind: "list", Elem: &minus}}},
		{Types: []Type{{Kind: "own", Resource: &one}}, Resources: []string{"r"}},
		{Types: []Type{{Kind: "option", Cases: []Case{{Name: "none"}}}}},
		{Types: []Type{{Kind: "map", Elem: nil}}},
		{Functions: []Function{{Name: "f", Result: &zero}}},
		{Functions: []Function{{Name: "f", Params: []Field{{Type: 3}}}}},
	} {
		if _, err := s.Resolve(); err == nil {
			t.Errorf("%+v is resolved", s)
		}
		if len(s.Functions) == 0 { // one that needs the last type
			last := len(s.Types) - 1
			s.Functions = []Function{{Name: "f", Result: &last}}
		}
		if _, err := s.ResolveFunction(0); err == nil {
			t.Errorf("a function of %+v is resolved", s)
		}
	}
}

// A function by itself has the type that it has among others, and no other types are made for it.
func TestResolveFunction(t *testing.T) {
	set := Of(everything(t))
	for i := range set.Functions {
		f, err := set.ResolveFunction(i)
		if err != nil {
			t.Fatal(err)
		}
		all, err := set.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		alone := Of(&plan.Plan{Exports: []plan.Export{{Interface: f.Interface, Name: f.Name, Func: f.Func}}})
		among := all.Functions[i]
		if want := Of(&plan.Plan{Exports: []plan.Export{{Interface: among.Interface, Name: among.Name, Func: among.Func}}}); !reflect.DeepEqual(alone, want) {
			t.Errorf("function %d: %+v, want %+v", i, alone, want)
		}
	}
	broken := *set
	broken.Types = append(slices.Clone(set.Types), Type{Kind: "u9"})
	if _, err := broken.ResolveFunction(0); err != nil {
		t.Errorf("a type that is not needed: %v", err)
	}
}

func TestFind(t *testing.T) {
	s := &Set{Functions: []Function{
		{Name: "run"}, {Interface: "a:b/shapes@1.0.0", Name: "area"}, {Interface: "a:b/shapes@1.0.0", Name: "run"},
		{Interface: "a:b/maps@1.0.0", Name: "area"}, {Interface: "a:b/maps@1.0.0", Name: "scale"},
	}}
	for name, want := range map[string]int{
		"run": 0, "scale": 4, "shapes#area": 1, "a:b/shapes#run": 2, "a:b/maps@1.0.0#area": 3, "maps#scale": 4,
	} {
		if got, err := s.Find(name); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", name, got, err, want)
		}
	}
	for name, want := range map[string]string{
		"area":            "ambiguous: it may be a:b/shapes@1.0.0#area, a:b/maps@1.0.0#area",
		"nothing":         `no function "nothing" is exported: there is run, a:b/shapes@1.0.0#area`,
		"shapes@2.0#area": "no function",
	} {
		if _, err := s.Find(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// A name that somebody chose does not make a message long.
func TestNamesAreCut(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	set := &Set{Functions: []Function{{Name: long}, {Interface: long, Name: "f"}}}
	if _, err := set.Find(long + "y"); err == nil || len(err.Error()) > 500 {
		t.Errorf("a message of %d bytes", len(fmt.Sprint(err)))
	}
	if least := 2*len(long) + 1; set.Size() < least {
		t.Errorf("its size is %d, want %d and more", set.Size(), least)
	}
}
