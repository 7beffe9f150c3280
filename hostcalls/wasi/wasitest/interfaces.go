package wasitest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/wit"
	"github.com/reactord/reactord/hostcalls/component"
)

// Functions returns the types of the functions of interfaces, by interface#function.
func Functions(t *testing.T, interfaces []component.Interface) map[string]string {
	t.Helper()
	scope, all := wit.NewScope(types.NewTable()), map[string]string{}
	for _, i := range interfaces {
		defined, err := scope.Define(i.Name, i.Types)
		if err != nil {
			t.Fatalf("%s: %v", i.Name, err)
		}
		for _, f := range i.Functions {
			typ, err := defined.Func(f.Type)
			if err != nil {
				t.Fatalf("%s#%s: %v", i.Name, f.Name, err)
			}
			var params []string
			for _, p := range typ.Params {
				params = append(params, p.Name+": "+show(p.Type))
			}
			all[i.Name+"#"+f.Name] = signature(typ.Async, params, show(typ.Result))
		}
	}
	return all
}

// AreWhole checks that there are so many functions, whose types can be read, and that each resource that an interface defines can be
// dropped.
func AreWhole(t *testing.T, interfaces []component.Interface, functions int) {
	t.Helper()
	if _, err := component.New(component.Config{Interfaces: interfaces}); err != nil {
		t.Fatal(err)
	}
	if n := len(Functions(t, interfaces)); n != functions {
		t.Errorf("%d functions", n)
	}
	scope := wit.NewScope(types.NewTable())
	for _, i := range interfaces {
		defined, err := scope.Define(i.Name, i.Types)
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range defined.Resources {
			own := r.Name == i.Name+"#"+name
			if has := slices.ContainsFunc(i.Resources, func(r component.Resource) bool { return r.Name == name }); has != own {
				t.Errorf("%s: resource %s: own %t, can be dropped %t", i.Name, name, own, has)
			}
		}
	}
}

func signature(async bool, params []string, result string) string {
	text := "(" + strings.Join(params, ", ") + ") -> " + result
	if async {
		return "async " + text
	}
	return text
}

// show writes a type out, without names other than those of resources.
func show(t *types.Type) string {
	if t == nil {
		return "_"
	}
	var parts []string
	switch t.Kind {
	case types.Own, types.Borrow:
		return fmt.Sprintf("%v<%s>", t.Kind, t.Resource.Name)
	case types.List, types.Stream, types.Future:
		return t.Kind.String() + "<" + show(t.Elem) + ">"
	case types.Flags:
		return "flags{" + strings.Join(t.Labels, ",") + "}"
	case types.Record, types.Tuple:
		for _, f := range t.Fields {
			parts = append(parts, f.Name+":"+show(f.Type))
		}
	case types.Variant, types.Enum, types.Option, types.Result:
		for _, c := range t.Cases {
			parts = append(parts, c.Name+"("+show(c.Type)+")")
		}
	default:
		return t.Kind.String()
	}
	return t.Kind.String() + "{" + strings.Join(parts, ",") + "}"
}
