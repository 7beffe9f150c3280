package plan

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

var update = flag.Bool("update", false, "write the plans to testdata")

// The plans of the components in testdata. `wasm-tools parse NAME.wat -o NAME.wasm` makes one.
func TestFlatten(t *testing.T) {
	for _, name := range []string{"calc", "resources", "hostresource"} {
		t.Run(name, func(t *testing.T) {
			plan, err := Flatten(decode(t, name), coreImports)
			if err != nil {
				t.Fatal(err)
			}
			got, golden := dump(plan), filepath.Join("testdata", name+".plan")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A component of a few hundred bytes can have any number of core instances.
func TestFlattenBoundsInstances(t *testing.T) {
	_, err := Flatten(decode(t, "multiplies"), coreImports)
	if err == nil || !strings.Contains(err.Error(), "more than 10000 core instances") {
		t.Errorf("%v", err)
	}
}

// What is small as it is written, and made again with each instance of it, is bounded, too.
func TestFlattenBoundsParts(t *testing.T) {
	const most = 1000 // parameters of a function
	var params []binary.Labeled
	for i := range most {
		params = append(params, binary.Labeled{Name: fmt.Sprint("p", i), Type: binary.ValType{Prim: binary.U8}})
	}
	inner := &binary.Component{Definitions: []binary.Definition{&binary.Type{Def: &binary.FuncType{Params: params}}}}
	for instances, want := range map[int]string{900: "", 1001: "more than 1000000 definitions and parts of them"} {
		outer := &binary.Component{Definitions: []binary.Definition{&binary.NestedComponent{Component: inner}}}
		for range instances {
			outer.Definitions = append(outer.Definitions, &binary.Instance{})
		}
		if _, err := Flatten(outer, coreImports); (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d instances: %v", instances, err)
		}
	}
}

func decode(t *testing.T, name string) *binary.Component {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := binary.Decode(b, binary.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// coreImports reads the imports of a core module.
func coreImports(m *binary.CoreModule) ([]CoreImport, error) {
	module, err := wasm.Decode(m.Binary, wasm.Limits{})
	if err != nil {
		return nil, err
	}
	sorts := map[wasm.ExternKind]binary.Sort{
		wasm.FuncExtern: binary.CoreFuncSort, wasm.TableExtern: binary.CoreTableSort,
		wasm.MemoryExtern: binary.CoreMemorySort, wasm.GlobalExtern: binary.CoreGlobalSort,
	}
	var imports []CoreImport
	for _, i := range module.Imports {
		imports = append(imports, CoreImport{i.Module, i.Name, sorts[i.Kind]})
	}
	return imports, nil
}

// dump writes a plan as text.
func dump(p *Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d modules, %d component instances\n", len(p.Modules), p.Instances)
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "core instance %d of component instance %d: module %d(", i, s.Instance, s.Module)
		for i, d := range s.Imports {
			fmt.Fprintf(&b, "%s%s", strings.Repeat(", ", min(i, 1)), def(&d))
		}
		fmt.Fprint(&b, ")")
		for _, d := range s.Calls {
			fmt.Fprintf(&b, ", then calls %s", def(&d))
		}
		fmt.Fprintln(&b)
	}
	for i, c := range p.Canons {
		fmt.Fprintf(&b, "canon %d of component instance %d: ", i, c.Instance)
		switch c.Def.Builtin {
		case binary.Lower:
			fmt.Fprintf(&b, "lower %s%s%s\n", target(c.Target), signature(p, c.Func), options(c.Options))
		default:
			fmt.Fprintf(&b, "0x%02x resource %d\n", byte(c.Def.Builtin), c.Resource)
		}
	}
	for i, r := range p.Resources {
		fmt.Fprintf(&b, "resource %d %q of component instance %d dtor %s", i, r.Type.Name, r.Instance, def(r.Dtor))
		if r.Instance == Host {
			fmt.Fprintf(&b, " from %q %q", r.Interface, r.Name)
		}
		fmt.Fprintln(&b)
	}
	for i, l := range p.Lifts {
		fmt.Fprintf(&b, "lift %d of component instance %d: %s%s%s\n", i, l.Instance, def(&l.Core), signature(p, l.Func), options(l.Options))
	}
	for i, h := range p.Imports {
		fmt.Fprintf(&b, "import %d: %q %q%s\n", i, h.Interface, h.Name, signature(p, h.Func))
	}
	for i, o := range p.Others {
		fmt.Fprintf(&b, "other %d: %q %q", i, o.Interface, o.Name)
		switch {
		case o.Type != nil:
			fmt.Fprintf(&b, " type %s", o.Type)
		case o.Resource != nil:
			fmt.Fprintf(&b, " resource %q", o.Resource.Name)
		}
		fmt.Fprintln(&b)
	}
	for _, e := range p.Exports {
		fmt.Fprintf(&b, "export %q %q: %s%s\n", e.Interface, e.Name, target(e.Target), signature(p, e.Func))
	}
	return b.String()
}

func def(d *CoreDef) string {
	switch {
	case d == nil:
		return "-"
	case d.Instance == Canonical:
		return fmt.Sprintf("canon %d", d.Canon)
	default:
		return fmt.Sprintf("%d.%s", d.Instance, d.Export)
	}
}

func target(t Target) string {
	if t.Lift == Host {
		return fmt.Sprintf("import %d", t.Host)
	}
	return fmt.Sprintf("lift %d", t.Lift)
}

func options(o Options) string {
	return fmt.Sprintf(" encoding %d memory %s realloc %s post-return %s", o.Encoding, def(o.Memory), def(o.Realloc), def(o.PostReturn))
}

func signature(p *Plan, f *types.Func) string {
	var params []string
	for _, param := range f.Params {
		params = append(params, param.Name+": "+typeText(p, param.Type))
	}
	text := "(" + strings.Join(params, ", ") + ")"
	if f.Result != nil {
		text += " -> " + typeText(p, f.Result)
	}
	return text
}

func typeText(p *Plan, t *types.Type) string {
	switch t.Kind {
	case types.Own, types.Borrow:
		for i, r := range p.Resources {
			if r.Type == t.Resource {
				return fmt.Sprintf("%v<%d>", t.Kind, i)
			}
		}
		return "a type of no resource"
	default:
		return t.Kind.String()
	}
}

// Whatever decodes gives a plan or an error; and what is valid has a plan, unless it is too large or a host can't provide
// what it imports.
func FuzzFlatten(f *testing.F) {
	files, err := filepath.Glob("testdata/*.wasm")
	if err != nil || len(files) == 0 {
		f.Fatal("no components", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := binary.Decode(b, binary.Limits{})
		if err != nil {
			return
		}
		_, err = Flatten(c, coreImports)
		if _, invalid := types.Check(c, types.Features{}); invalid != nil || err == nil {
			return
		}
		for _, reason := range []string{"more than", "a host provides functions"} {
			if strings.Contains(err.Error(), reason) {
				return
			}
		}
		t.Errorf("valid, but there is no plan: %v", err)
	})
}
