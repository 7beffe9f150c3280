package wasitest

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/component"
)

// Difference is how interfaces differ from the specification, as they are to.
type Difference struct {
	Left     func(name string) bool // reports whether an interface of the specification is not there
	Unstable []string               // functions that the specification has only behind a feature, by interface#function
}

// Compare compares the functions of interfaces, with their parameters and results, with a specification. The environment variable
// names what `wasm-tools component wit --json` prints of a folder with its texts; without it the test is skipped.
func Compare(t *testing.T, variable string, interfaces []component.Interface, d Difference) {
	t.Helper()
	file := os.Getenv(variable)
	if file == "" {
		t.Skip(variable + " is not set")
	}
	var spec specification
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &spec)
	}
	if err != nil {
		t.Fatal(err)
	}
	want, have := spec.functions(d.Left), Functions(t, interfaces)
	for name, typ := range want {
		if have[name] != typ {
			t.Errorf("%s\nis   %s\nwant %s", name, have[name], typ)
		}
	}
	for name := range have {
		if want[name] == "" && !slices.Contains(d.Unstable, name) {
			t.Errorf("%s is not in the specification", name)
		}
	}
}

// specification is what wasm-tools prints, as far as it is compared.
type specification struct {
	Interfaces []struct {
		Name      string
		Package   int
		Functions map[string]struct {
			Kind   json.RawMessage
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

// functions returns the types of functions, as Functions does, but for those of interfaces that are left out.
func (s *specification) functions(left func(name string) bool) map[string]string {
	all := map[string]string{}
	for n, i := range s.Interfaces {
		name := s.interfaceName(n)
		if left(name) {
			continue
		}
		for key, f := range i.Functions {
			var params []string
			for _, p := range f.Params {
				params = append(params, p.Name+": "+s.show(p.Type))
			}
			async := bytes.Contains(f.Kind, []byte(`"async-`))
			all[name+"#"+key] = signature(async, params, s.show(f.Result))
		}
	}
	return all
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
		List, Option, Type, Stream, Future json.RawMessage
		Result                             *struct{ OK, Err json.RawMessage }
		Handle                             *struct{ Own, Borrow *int }
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
	case kind.Stream != nil:
		return "stream<" + s.show(kind.Stream) + ">"
	case kind.Future != nil:
		return "future<" + s.show(kind.Future) + ">"
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
