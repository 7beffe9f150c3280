package wasip2

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/wit"
	"github.com/reactord/reactord/hostcalls/component"
)

// unstable are the functions that are here although the specification's texts have them only behind a feature.
var unstable = []string{"wasi:sockets/network#network-error-code"}

// left are the interfaces that are not here: exports, and what is unstable.
var left = []string{"wasi:cli/run", "wasi:clocks/timezone"}

// Every interface is the specification's: its functions, with the same parameters and results. REACTORD_WASIP2_WIT names what
// `wasm-tools component wit --json` prints of a folder with the texts of version 0.2.12.
func TestSpecification(t *testing.T) {
	file := os.Getenv("REACTORD_WASIP2_WIT")
	if file == "" {
		t.Skip("REACTORD_WASIP2_WIT is not set")
	}
	var spec specification
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &spec)
	}
	if err != nil {
		t.Fatal(err)
	}
	want, have := spec.functions(), declared(t)
	for name, typ := range want {
		if have[name] != typ {
			t.Errorf("%s\nis   %s\nwant %s", name, have[name], typ)
		}
	}
	for name := range have {
		if want[name] == "" && !slices.Contains(unstable, name) {
			t.Errorf("%s is not in the specification", name)
		}
	}
}

// The types of all functions can be read, and each resource that is defined can be dropped.
func TestInterfacesAreWhole(t *testing.T) {
	if _, err := component.New(component.Config{Interfaces: Interfaces()}); err != nil {
		t.Fatal(err)
	}
	if n := len(declared(t)); n != 124 {
		t.Errorf("%d functions", n)
	}
	scope := wit.NewScope(types.NewTable())
	for _, i := range Interfaces() {
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

// declared returns the types of the functions of Interfaces, by interface#function.
func declared(t *testing.T) map[string]string {
	t.Helper()
	scope, all := wit.NewScope(types.NewTable()), map[string]string{}
	for _, i := range Interfaces() {
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
			all[i.Name+"#"+f.Name] = signature(params, show(typ.Result))
		}
	}
	return all
}

func signature(params []string, result string) string {
	return "(" + strings.Join(params, ", ") + ") -> " + result
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
	case types.List:
		return "list<" + show(t.Elem) + ">"
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

// specification is what wasm-tools prints, as far as it is compared.
type specification struct {
	Interfaces []struct {
		Name      string
		Package   int
		Functions map[string]struct {
			Params []struct {
				Name string
				Type json.RawMessage
			}
			Result json.RawMessage
		}
	}
	Types []struct {
		Name  string
		Kind  json.RawMessage
		Owner *struct{ Interface int }
	}
	Packages []struct{ Name string }
}

func (s *specification) interfaceName(n int) string {
	pkg, _, _ := strings.Cut(s.Packages[s.Interfaces[n].Package].Name, "@")
	return pkg + "/" + s.Interfaces[n].Name
}

// functions returns the types of functions, as declared does.
func (s *specification) functions() map[string]string {
	all := map[string]string{}
	for n, i := range s.Interfaces {
		name := s.interfaceName(n)
		if strings.HasPrefix(name, "wasi:http/") || slices.Contains(left, name) {
			continue
		}
		for _, f := range sorted(i.Functions) {
			var params []string
			for _, p := range i.Functions[f].Params {
				params = append(params, p.Name+": "+s.show(p.Type))
			}
			all[name+"#"+f] = signature(params, s.show(i.Functions[f].Result))
		}
	}
	return all
}

func sorted[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// show writes a type out as the function of that name does.
func (s *specification) show(raw json.RawMessage) string {
	var text string
	var number int
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return "_"
	case json.Unmarshal(raw, &text) == nil:
		return text
	case json.Unmarshal(raw, &number) == nil:
		return s.showDefined(number)
	}
	panic("a type that is neither a name nor a number: " + string(raw))
}

func (s *specification) showDefined(n int) string {
	var kind struct {
		Record, Tuple, Variant, Enum, Flags *struct {
			Fields, Cases, Flags []struct {
				Name string
				Type json.RawMessage
			}
			Types []json.RawMessage
		}
		List, Option, Type json.RawMessage
		Result             *struct{ OK, Err json.RawMessage }
		Handle             *struct{ Own, Borrow *int }
	}
	if string(s.Types[n].Kind) == `"resource"` {
		return "own<" + s.resource(n) + ">"
	}
	if err := json.Unmarshal(s.Types[n].Kind, &kind); err != nil {
		panic(err)
	}
	var parts []string
	switch {
	case kind.Type != nil:
		return s.show(kind.Type)
	case kind.List != nil:
		return "list<" + s.show(kind.List) + ">"
	case kind.Option != nil:
		return "option{none(_),some(" + s.show(kind.Option) + ")}"
	case kind.Result != nil:
		return "result{ok(" + s.show(kind.Result.OK) + "),error(" + s.show(kind.Result.Err) + ")}"
	case kind.Handle != nil && kind.Handle.Own != nil:
		return "own<" + s.resource(*kind.Handle.Own) + ">"
	case kind.Handle != nil:
		return "borrow<" + s.resource(*kind.Handle.Borrow) + ">"
	case kind.Record != nil:
		for _, f := range kind.Record.Fields {
			parts = append(parts, f.Name+":"+s.show(f.Type))
		}
		return "record{" + strings.Join(parts, ",") + "}"
	case kind.Tuple != nil:
		for _, t := range kind.Tuple.Types {
			parts = append(parts, ":"+s.show(t))
		}
		return "tuple{" + strings.Join(parts, ",") + "}"
	case kind.Variant != nil:
		for _, c := range kind.Variant.Cases {
			parts = append(parts, c.Name+"("+s.show(c.Type)+")")
		}
		return "variant{" + strings.Join(parts, ",") + "}"
	case kind.Enum != nil:
		for _, c := range kind.Enum.Cases {
			parts = append(parts, c.Name+"(_)")
		}
		return "enum{" + strings.Join(parts, ",") + "}"
	case kind.Flags != nil:
		for _, f := range kind.Flags.Flags {
			parts = append(parts, f.Name)
		}
		return "flags{" + strings.Join(parts, ",") + "}"
	}
	panic("a kind that is not known: " + string(s.Types[n].Kind))
}

// resource names a resource by the interface that defines it.
func (s *specification) resource(n int) string {
	var alias struct{ Type *int }
	if json.Unmarshal(s.Types[n].Kind, &alias) == nil && alias.Type != nil {
		return s.resource(*alias.Type)
	}
	return s.interfaceName(s.Types[n].Owner.Interface) + "#" + s.Types[n].Name
}
