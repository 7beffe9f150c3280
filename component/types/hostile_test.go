package types

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/binary"
)

// component builds a component of definitions.
type builder struct{ defs []binary.Definition }

func (b *builder) add(defs ...binary.Definition) *builder {
	b.defs = append(b.defs, defs...)
	return b
}

func (b *builder) typ(def binary.TypeDef) *builder { return b.add(&binary.Type{Def: def}) }

func (b *builder) component() *binary.Component { return &binary.Component{Definitions: b.defs} }

func (b *builder) nested() *binary.NestedComponent {
	return &binary.NestedComponent{Component: b.component()}
}

func named(name string) binary.Name      { return binary.Name{Text: name} }
func ref(i uint32) binary.ValType        { return binary.ValType{Index: i} }
func prim(p binary.Prim) *binary.ValType { return &binary.ValType{Prim: p} }

func typeDesc(bound binary.Bound, i uint32) binary.ExternDesc {
	return binary.ExternDesc{Kind: binary.TypeExtern, Bound: bound, Index: i}
}

// TestHostileComponents has components whose types are small as they are written, and very large, very many or very much
// work otherwise. Each test takes a moment only.
func TestHostileComponents(t *testing.T) {
	instance := func(decls ...binary.Definition) *binary.InstanceType { return &binary.InstanceType{Decls: decls} }
	exportDecl := func(name string, desc binary.ExternDesc) *binary.ExportDecl {
		return &binary.ExportDecl{Name: named(name), Desc: desc}
	}
	outer := func(sort binary.Sort, count, i uint32) *binary.Alias {
		return &binary.Alias{Kind: binary.OuterAlias, Sort: sort, Count: count, Index: i}
	}
	instanceDesc := func(i uint32) binary.ExternDesc { return binary.ExternDesc{Kind: binary.InstanceExtern, Index: i} }
	for _, tt := range []struct {
		name, want string // an error; empty: valid
		build      func(b *builder)
	}{
		{"a type that doubles 60 times", "1000000 parts", func(b *builder) {
			b.typ(&binary.ListType{Elem: *prim(binary.U8)})
			for i := range uint32(60) {
				b.typ(&binary.ResultType{OK: &binary.ValType{Index: 2 * i}, Err: &binary.ValType{Index: 2 * i}})
				b.typ(&binary.ListType{Elem: ref(2*i + 1)})
			}
		}},
		{"a function of many long types", "1000000 parts", func(b *builder) {
			b.typ(binary.PrimType{Prim: binary.U8})
			for i := range uint32(18) {
				b.typ(&binary.TupleType{Types: []binary.ValType{ref(i), ref(i)}})
			}
			b.typ(&binary.FuncType{Params: []binary.Labeled{{Name: "a", Type: ref(18)}, {Name: "b", Type: ref(18)}}})
		}},
		{"types that are nested without end", "100 deep", func(b *builder) {
			b.typ(binary.PrimType{Prim: binary.U8})
			for i := range uint32(1000) {
				b.typ(&binary.OptionType{Elem: ref(i)})
			}
		}},
		{"instance types that are nested by their indices", "100 deep", func(b *builder) {
			b.typ(instance())
			for i := range uint32(1000) {
				b.typ(instance(outer(binary.TypeSort, 1, i), exportDecl("i", instanceDesc(0))))
			}
		}},
		{"instances whose resource types double", "too many types", func(b *builder) {
			b.typ(instance(exportDecl("r", typeDesc(binary.SubResource, 0))))
			for i := range uint32(60) {
				b.typ(instance(outer(binary.TypeSort, 1, i), exportDecl("a", instanceDesc(0)), exportDecl("b", instanceDesc(0))))
			}
		}},
		{"instances without resource types that double", "1000000 parts", func(b *builder) {
			b.typ(&binary.FuncType{}).typ(instance(outer(binary.TypeSort, 1, 0), exportDecl("f", binary.ExternDesc{Kind: binary.FuncExtern})))
			for i := range uint32(60) {
				b.typ(instance(outer(binary.TypeSort, 1, i+1), exportDecl("a", instanceDesc(0)), exportDecl("b", instanceDesc(0))))
			}
		}},
		{"components that multiply", "1000000 parts", func(b *builder) {
			b.typ(&binary.ResourceType{}).add(&binary.Instance{Inline: true, Exports: []binary.InlineExport{{Name: named("r"), Ref: binary.Ref{Sort: binary.TypeSort}}}})
			b.add((&builder{}).add(&binary.Instance{Inline: true}, &binary.Export{Name: named("i"), Ref: binary.Ref{Sort: binary.InstanceSort}}).nested())
			for i := range uint32(60) {
				inner := (&builder{}).add(outer(binary.ComponentSort, 1, i), &binary.Instance{}, &binary.Instance{})
				inner.add(&binary.Export{Name: named("a"), Ref: binary.Ref{Sort: binary.InstanceSort}})
				inner.add(&binary.Export{Name: named("b"), Ref: binary.Ref{Sort: binary.InstanceSort, Index: 1}})
				b.add(inner.nested())
			}
		}},
		{"a large component instantiated often", "too many types", func(b *builder) {
			inner := (&builder{}).typ(&binary.ResourceType{})
			for i := range 2000 {
				inner.add(&binary.Export{Name: named(fmt.Sprint("r", i)), Ref: binary.Ref{Sort: binary.TypeSort}})
			}
			b.add(inner.nested())
			for range 1000 {
				b.add(&binary.Instance{})
			}
		}},
		{"an import with many functions given often", "too many steps", func(b *builder) {
			decls := []binary.Definition{&binary.Type{Def: &binary.FuncType{}}}
			for i := range 2000 {
				decls = append(decls, exportDecl(fmt.Sprint("f", i), binary.ExternDesc{Kind: binary.FuncExtern}))
			}
			inner := (&builder{}).typ(instance(decls...)).add(&binary.Import{Name: named("i"), Desc: instanceDesc(0)})
			b.typ(instance(decls...)).add(&binary.Import{Name: named("i"), Desc: instanceDesc(0)}, inner.nested())
			for range 5000 {
				b.add(&binary.Instance{Args: []binary.Arg{{Name: "i", Ref: binary.Ref{Sort: binary.InstanceSort}}}})
			}
		}},
		{"outer aliases of a large type by many components", "", func(b *builder) {
			b.typ(binary.PrimType{Prim: binary.U8})
			for i := range uint32(18) {
				b.typ(&binary.TupleType{Types: []binary.ValType{ref(i), ref(i)}})
			}
			for range 10_000 {
				b.add((&builder{}).add(outer(binary.TypeSort, 1, 18)).nested())
			}
		}},
		{"a chain of type imports", "", func(b *builder) {
			b.add(&binary.Import{Name: named("r"), Desc: typeDesc(binary.SubResource, 0)})
			decls := []binary.Definition{exportDecl("r", typeDesc(binary.SubResource, 0))}
			for i := range uint32(50_000) {
				decls = append(decls, exportDecl(fmt.Sprint("r", i), typeDesc(binary.EqBound, i)))
			}
			b.typ(instance(decls...)).add(&binary.Import{Name: named("i"), Desc: instanceDesc(1)}, &binary.Import{Name: named("j"), Desc: instanceDesc(1)})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &builder{}
			tt.build(b)
			_, err := Check(b.component(), everything)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error is %v, want %q in it", err, tt.want)
			}
			var fault *binary.Error
			if err != nil && (!errors.As(err, &fault) || fault.Kind != binary.TooLarge) {
				t.Errorf("%#v is not of the kind %v", err, binary.TooLarge)
			}
		})
	}
}

// TestMessagesAreShort has names that are as long as they may be, in all that is nested.
func TestMessagesAreShort(t *testing.T) {
	long := strings.Repeat("a", 90_000)
	b := &builder{}
	b.typ(binary.PrimType{Prim: binary.U8}).typ(binary.PrimType{Prim: binary.U16})
	for i := range uint32(90) { // two types that differ at the bottom
		b.typ(&binary.RecordType{Fields: []binary.Labeled{{Name: fmt.Sprint(long, i), Type: ref(2 * i)}}})
		b.typ(&binary.RecordType{Fields: []binary.Labeled{{Name: fmt.Sprint(long, i), Type: ref(2*i + 1)}}})
	}
	desc := typeDesc(binary.EqBound, 181)
	b.add(&binary.Export{Name: named(long), Ref: binary.Ref{Sort: binary.TypeSort, Index: 180}, Desc: &desc})
	if _, err := Check(b.component(), everything); err == nil || len(err.Error()) > maxMessage+100 || !strings.Contains(err.Error(), `: field "aaa`) {
		t.Errorf("%d bytes: %.200v", len(err.Error()), err)
	}
	for _, name := range []string{long + "_", "[method]" + long + ".a", "a:b/" + long + "_"} {
		c := &binary.Component{Definitions: []binary.Definition{
			&binary.Type{Def: &binary.FuncType{}}, &binary.Import{Name: named(name), Desc: binary.ExternDesc{Kind: binary.FuncExtern}},
		}}
		if _, err := Check(c, everything); err == nil || len(err.Error()) > maxMessage+100 {
			t.Errorf("%.20s: %.200v", name, err)
		}
	}
}

// TestFeatures checks that what is in no release is refused by its name, and only that.
func TestFeatures(t *testing.T) {
	core := func(d *binary.Canon) []binary.Definition { return []binary.Definition{d} }
	future := &binary.Type{Def: &binary.FutureType{}}
	for _, tt := range []struct {
		feature string
		defs    []binary.Definition
	}{
		{featureErrorContext, []binary.Definition{&binary.Type{Def: binary.PrimType{Prim: binary.ErrorContext}}}},
		{featureErrorContext, core(&binary.Canon{Builtin: binary.ErrorContextDrop})},
		{featureFixedLists, []binary.Definition{&binary.Type{Def: &binary.ListType{Elem: *prim(binary.U8), Fixed: true, Length: 2}}}},
		{featureThreads, core(&binary.Canon{Builtin: binary.ThreadIndex})},
		{featureThreads, core(&binary.Canon{Builtin: binary.ContextGet, SlotType: binary.CoreI32, Slot: 1})},
		{featureMoreAsync, core(&binary.Canon{Builtin: binary.SubtaskCancel, Async: true})},
		{featureMoreAsync, []binary.Definition{future, &binary.Canon{Builtin: binary.FutureRead}}},
		{featureNames, []binary.Definition{
			&binary.Type{Def: &binary.FuncType{}}, &binary.Import{Name: named("wasi:io/poll@0.2"), Desc: binary.ExternDesc{Kind: binary.FuncExtern}},
		}},
		{featureNames, []binary.Definition{
			&binary.Type{Def: &binary.InstanceType{}}, &binary.Import{
				Name: binary.Name{Text: "wasi:io/poll@0.2", Attributes: []binary.Attribute{{Kind: binary.VersionSuffix, Value: ".12"}}},
				Desc: binary.ExternDesc{Kind: binary.InstanceExtern},
			},
		}},
	} {
		c := &binary.Component{Definitions: tt.defs}
		var fault *binary.Error
		if _, err := Check(c, Features{}); !errors.As(err, &fault) || fault.Kind != binary.Unsupported || fault.Feature != tt.feature {
			t.Errorf("got %v, want %s refused", err, tt.feature)
		}
		if _, err := Check(c, everything); err != nil {
			t.Errorf("%s is on: %v", tt.feature, err)
		}
	}
}

// FuzzCheck checks whatever binary.Decode accepts. What is valid without any feature is valid with all, and fits where it
// is asked for itself.
func FuzzCheck(f *testing.F) {
	for _, a := range assertions(f) {
		f.Add(a.Binary)
	}
	names, err := filepath.Glob("../*/testdata/*.wasm")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := check(b, Features{})
		if err == nil {
			if _, err := check(b, everything); err != nil {
				t.Errorf("all features make it invalid: %v", err)
			}
			walk := newWalk(newChecker(Features{}))
			if err := walk.extern(c); err != nil || len(walk.found) > 0 {
				t.Errorf("the component's type refers to resource types from elsewhere: %d, %v", len(walk.found), err)
			}
			itself := Extern{Kind: binary.ComponentExtern, Type: c}
			var large *tooLarge
			if err := NewMatcher().Match(itself, itself); err != nil && !errors.As(err, &large) && !errors.Is(err, errNodes) {
				t.Errorf("the component does not match itself: %v", err)
			}
			return
		}
		var fault *binary.Error
		if !errors.As(err, &fault) || fault.Offset < 0 || fault.Offset > len(b) {
			t.Errorf("%#v has no offset within %d bytes", err, len(b))
		}
	})
}
