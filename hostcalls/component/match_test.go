package component

import (
	"strings"
	"testing"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/plan"
)

// TestImportsAreCompared: all that a component imports is compared with what the host has, whether it is used or not.
func TestImportsAreCompared(t *testing.T) {
	host, _, err := newHostInterfaces([]Interface{
		{Functions: []Function{{Name: "two", Type: "func() -> u32"}}},
		{
			Name: "a:b/c", Version: "0.2.0", Types: "resource one; resource two; type again = one; record point { x: u32, y: u32 }",
			Functions: []Function{{Name: "f", Type: "func()"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	u32 := binary.ValType{Prim: binary.U32}
	point := func(fields ...string) *binary.Type {
		record := &binary.RecordType{}
		for _, name := range fields {
			record.Fields = append(record.Fields, binary.Labeled{Name: name, Type: u32})
		}
		return &binary.Type{Def: record}
	}
	equal := func(name string, index uint32) *binary.ExportDecl {
		return &binary.ExportDecl{Name: binary.Name{Text: name}, Desc: binary.ExternDesc{Kind: binary.TypeExtern, Index: index}}
	}
	resource := func(name string) *binary.ExportDecl {
		return &binary.ExportDecl{Name: binary.Name{Text: name}, Desc: binary.ExternDesc{Kind: binary.TypeExtern, Bound: binary.SubResource}}
	}
	instance := binary.ExternDesc{Kind: binary.InstanceExtern}
	for _, tt := range []struct {
		name    string
		imports string
		decls   []binary.Definition
		missing string // empty: nothing
	}{
		{"the same type", "a:b/c@0.2.0", []binary.Definition{point("x", "y"), equal("point", 0)}, ""},
		{"a type with other fields", "a:b/c@0.2.0", []binary.Definition{point("x"), equal("point", 0)}, "a:b/c@0.2.0#point (of another type: "},
		{"a type of the component's own", "a:b/c@0.2.0", []binary.Definition{point("x"), equal("pixel", 0)}, ""},
		{"a type where the host has a resource type", "a:b/c@0.2.0", []binary.Definition{point("x"), equal("one", 0)}, "a:b/c@0.2.0#one (of another type: it is a resource type, not a value type)"},
		{"a type where the host has a function", "a:b/c@0.2.0", []binary.Definition{point("x"), equal("f", 0)}, "a:b/c@0.2.0#f (of another type: it is a function, not a type)"},
		{"the same resource type", "a:b/c@0.2.0", []binary.Definition{resource("one"), equal("again", 0)}, ""},
		{"another resource type", "a:b/c@0.2.0", []binary.Definition{resource("two"), equal("again", 0)}, "a:b/c@0.2.0#again (of another type: it is another resource type)"},
		{"a resource type that is not there", "a:b/c@0.2.0", []binary.Definition{resource("three"), equal("again", 0)}, "a:b/c@0.2.0#three (a resource type)"},
		{"an instance of types that the host does not have", "a:b/d@0.2.0", []binary.Definition{point("x"), equal("point", 0)}, ""},
		{"an instance within one", "a:b/c@0.2.0", []binary.Definition{&binary.Type{Def: &binary.InstanceType{}}, &binary.ExportDecl{Name: binary.Name{Text: "f"}, Desc: instance}},
			"a:b/c@0.2.0#f (of another type: it is a function, not an instance)"},
		{"an instance where the host has a function", "two", nil, "two (of another type: it is a function, not an instance)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			flat, err := plan.Flatten(&binary.Component{Definitions: []binary.Definition{
				&binary.Type{Def: &binary.InstanceType{Decls: tt.decls}},
				&binary.Import{Name: binary.Name{Text: tt.imports}, Desc: instance},
			}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			missing := host.match(flat).missing
			if got := strings.Join(missing, ", "); tt.missing == "" && got != "" || !strings.HasPrefix(got, tt.missing) {
				t.Errorf("missing %q, want %q", got, tt.missing)
			}
			if len(missing) > 1 {
				t.Errorf("%d are missing: %q", len(missing), missing)
			}
		})
	}
}

// TestLinkableImports: what the host does not have may come from other workloads if its values mean the same there.
func TestLinkableImports(t *testing.T) {
	host, _, err := newHostInterfaces([]Interface{
		{Name: "a:b/c", Version: "0.2.0", Types: "resource one;", Functions: []Function{{Name: "f", Type: "func()"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	function := func(param *binary.ValType) []binary.Definition {
		f := &binary.FuncType{}
		if param != nil {
			f.Params = []binary.Labeled{{Name: "a", Type: *param}}
		}
		return []binary.Definition{&binary.Type{Def: f}, &binary.ExportDecl{Name: binary.Name{Text: "g"}, Desc: binary.ExternDesc{Kind: binary.FuncExtern}}}
	}
	u32 := binary.ValType{Prim: binary.U32}
	stream := binary.ValType{Index: 0}
	streaming := []binary.Definition{
		&binary.Type{Def: &binary.StreamType{}},
		&binary.Type{Def: &binary.FuncType{Params: []binary.Labeled{{Name: "a", Type: stream}}}},
		&binary.ExportDecl{Name: binary.Name{Text: "g"}, Desc: binary.ExternDesc{Kind: binary.FuncExtern, Index: 1}},
	}
	resource := &binary.ExportDecl{Name: binary.Name{Text: "r"}, Desc: binary.ExternDesc{Kind: binary.TypeExtern, Bound: binary.SubResource}}
	withResource := []binary.Definition{
		resource, &binary.Type{Def: &binary.FuncType{}},
		&binary.ExportDecl{Name: binary.Name{Text: "g"}, Desc: binary.ExternDesc{Kind: binary.FuncExtern, Index: 1}},
	}
	for _, tt := range []struct {
		name    string
		imports string
		decls   []binary.Definition
		links   int
		missing string
	}{
		{"of an interface that nobody has", "a:b/d@1.0.0", function(&u32), 1, ""},
		{"without parameters", "a:b/d", function(nil), 1, ""},
		{"of an interface of the host's", "a:b/c@0.2.0", function(&u32), 0, "a:b/c@0.2.0#g"},
		{"of WASI", "wasi:none/such@0.2.0", function(&u32), 0, "wasi:none/such@0.2.0"},
		{"of an interface with a resource type", "a:b/d@1.0.0", withResource, 0, "a:b/d@1.0.0 (no other workload can give it: r is a resource type)"},
		{"with a stream", "a:b/d@1.0.0", streaming, 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			flat, err := plan.Flatten(&binary.Component{Definitions: []binary.Definition{
				&binary.Type{Def: &binary.InstanceType{Decls: tt.decls}},
				&binary.Import{Name: binary.Name{Text: tt.imports}, Desc: binary.ExternDesc{Kind: binary.InstanceExtern}},
			}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			m := host.match(flat)
			if got := strings.Join(m.missing, ", "); got != tt.missing || len(m.links) != tt.links {
				t.Errorf("missing %q, want %q; %d may come from others, want %d", got, tt.missing, len(m.links), tt.links)
			}
		})
	}
}
