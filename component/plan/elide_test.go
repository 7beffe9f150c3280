package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/reactord/reactord/component/binary"
)

func canonical(number int) CoreDef {
	return CoreDef{Sort: binary.CoreFuncSort, Instance: Canonical, Canon: number}
}

func exported(instance int, name string) CoreDef {
	return CoreDef{Sort: binary.CoreFuncSort, Instance: instance, Export: name}
}

func table(instance int) CoreDef {
	return CoreDef{Sort: binary.CoreTableSort, Instance: instance, Export: "table"}
}

func memory(instance int) CoreDef {
	return CoreDef{Sort: binary.CoreMemorySort, Instance: instance, Export: "memory"}
}

// shimOf is a shim with a function for each type, "0" and so on, for the slot of that number.
func shimOf(types ...string) Form {
	shim := &Shim{Table: "table", Size: len(types), Funcs: map[string]ShimFunc{}}
	for slot, t := range types {
		shim.Funcs[fmt.Sprint(slot)] = ShimFunc{slot, t}
	}
	return Form{Shim: shim}
}

// fixupOf is a fix-up that imports a function for each type, then the table.
func fixupOf(types ...string) Form {
	fixup := &Fixup{Table: len(types), Start: -1}
	for i, t := range types {
		fixup.Slots = append(fixup.Slots, FixupFunc{i, t})
	}
	return Form{Fixup: fixup}
}

// starting is a fix-up that calls an import, besides.
func starting(f Form, start int) Form {
	f.Starts, f.Fixup.Start = true, start
	return f
}

// made is a step that instantiates a module of some form.
type made struct {
	form    Form
	imports []CoreDef
}

func TestElide(t *testing.T) {
	code := Form{}
	for _, tt := range []struct {
		name  string
		steps []made
		late  []CoreDef // destructors
		want  string    // the steps that are left, and the destructors
	}{
		{
			"a shim and its fix-up, which starts the program",
			[]made{
				{shimOf("a", "b"), nil},
				{code, []CoreDef{exported(0, "1"), canonical(5), exported(0, "0")}},
				{starting(fixupOf("a", "b"), 3), []CoreDef{canonical(6), canonical(7), table(0), exported(1, "_initialize")}},
				{code, []CoreDef{memory(1), exported(0, "0")}},
			},
			[]CoreDef{exported(1, "drop"), exported(3, "drop")},
			"(canon 7, canon 5, canon 6) calls 0._initialize; (0.memory, canon 6); dtors 0.drop 1.drop",
		},
		{
			"a fix-up without a shim",
			[]made{
				{code, nil}, {code, nil},
				{Form{Starts: true, Fixup: &Fixup{Table: -1, Start: 0}}, []CoreDef{exported(0, "_initialize")}},
				{code, []CoreDef{exported(1, "f")}},
			},
			nil,
			"(); () calls 0._initialize; (1.f); dtors",
		},
		{
			"an adapter, which needs the memory of the program that needs it",
			[]made{
				{shimOf("a", "b"), nil},
				{code, []CoreDef{exported(0, "0"), exported(0, "1")}},
				{code, []CoreDef{memory(1), exported(0, "0")}},
				{fixupOf("a", "b"), []CoreDef{canonical(5), exported(2, "fd_write"), table(0)}},
			},
			nil,
			"(); (canon 5, 0.1); (1.memory, canon 5); (canon 5, 2.fd_write, 0.table); dtors",
		},
		{
			"destructors are called late",
			[]made{{shimOf("a", "b"), nil}, {code, []CoreDef{exported(0, "0")}}, {fixupOf("a", "b"), []CoreDef{canonical(5), exported(1, "drop"), table(0)}}},
			[]CoreDef{exported(0, "1")},
			"(canon 5); dtors 0.drop",
		},
		{
			"a shim of a shim",
			[]made{
				{shimOf("a"), nil}, {shimOf("a"), nil}, {code, []CoreDef{exported(0, "0")}},
				{fixupOf("a"), []CoreDef{exported(1, "0"), table(0)}}, {fixupOf("a"), []CoreDef{canonical(5), table(1)}},
			},
			nil,
			"(canon 5); dtors",
		},
		{
			"shims of each other",
			[]made{
				{shimOf("a"), nil}, {shimOf("a"), nil}, {code, []CoreDef{exported(0, "0")}},
				{fixupOf("a"), []CoreDef{exported(1, "0"), table(0)}}, {fixupOf("a"), []CoreDef{exported(0, "0"), table(1)}},
			},
			nil,
			"(); (0.0); (0.0, 0.table); dtors",
		},
		{
			"the host calls no canonical functions",
			[]made{{shimOf("a"), nil}, {code, []CoreDef{exported(0, "0")}}, {fixupOf("a"), []CoreDef{canonical(5), table(0)}}},
			[]CoreDef{exported(0, "0")},
			"(); (canon 5); (canon 5, 0.table); dtors 0.0",
		},
		{
			"code runs before the table is filled",
			[]made{{shimOf("a"), nil}, {Form{Starts: true}, []CoreDef{exported(0, "0")}}, {fixupOf("a"), []CoreDef{canonical(5), table(0)}}},
			nil,
			"(); (0.0); (canon 5, 0.table); dtors",
		},
		{
			"a call of another fix-up runs before the table is filled",
			[]made{
				{code, nil}, {shimOf("a"), nil}, {code, []CoreDef{exported(1, "0")}},
				{Form{Starts: true, Fixup: &Fixup{Table: -1, Start: 0}}, []CoreDef{exported(2, "_initialize")}},
				{fixupOf("a"), []CoreDef{canonical(5), table(1)}},
			},
			nil,
			"(); (); (1.0) calls 2._initialize; (canon 5, 1.table); dtors",
		},
		{
			"a call through the table would trap",
			[]made{{shimOf("a"), nil}, {code, []CoreDef{exported(0, "0")}}, {fixupOf("b"), []CoreDef{canonical(5), table(0)}}},
			nil,
			"(); (0.0); (canon 5, 0.table); dtors",
		},
		{
			"a slot stays empty",
			[]made{{shimOf("a", "a"), nil}, {code, []CoreDef{exported(0, "1")}}, {fixupOf("a"), []CoreDef{canonical(5), table(0)}}},
			nil,
			"(); (0.1); (canon 5, 0.table); dtors",
		},
		{
			"the table is too small",
			[]made{{shimOf("a"), nil}, {code, []CoreDef{exported(0, "0")}}, {fixupOf("a", "a"), []CoreDef{canonical(5), canonical(6), table(0)}}},
			nil,
			"(); (0.0); (canon 5, canon 6, 0.table); dtors",
		},
		{
			"others have the table",
			[]made{{shimOf("a"), nil}, {code, []CoreDef{exported(0, "0"), table(0)}}, {fixupOf("a"), []CoreDef{canonical(5), table(0)}}},
			nil,
			"(); (0.0, 0.table); (canon 5, 0.table); dtors",
		},
		{
			"the table is no shim's",
			[]made{{code, nil}, {code, []CoreDef{exported(0, "0")}}, {fixupOf("a"), []CoreDef{canonical(5), table(0)}}},
			nil,
			"(); (0.0); (canon 5, 0.table); dtors",
		},
		{
			"the host is started",
			[]made{{code, nil}, {Form{Starts: true, Fixup: &Fixup{Table: -1, Start: 0}}, []CoreDef{canonical(5)}}},
			nil,
			"(); (canon 5); dtors",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forms := map[*binary.CoreModule]Form{}
			p := &Plan{}
			for i, s := range tt.steps {
				module := &binary.CoreModule{Offset: i}
				forms[module] = s.form
				p.Modules = append(p.Modules, module)
				p.Steps = append(p.Steps, Step{Module: i, Imports: s.imports})
			}
			for i := range tt.late {
				p.Resources = append(p.Resources, Resource{Dtor: &tt.late[i]})
			}
			p.Elide(func(m *binary.CoreModule) Form { return forms[m] })
			if got := steps(p); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// steps writes the steps of a plan, and its destructors.
func steps(p *Plan) string {
	list := func(defs []CoreDef) string {
		var texts []string
		for i := range defs {
			texts = append(texts, def(&defs[i]))
		}
		return strings.Join(texts, ", ")
	}
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "(%s)", list(s.Imports))
		if len(s.Calls) > 0 {
			fmt.Fprintf(&b, " calls %s", list(s.Calls))
		}
		b.WriteString("; ")
	}
	b.WriteString("dtors")
	for _, r := range p.Resources {
		b.WriteString(" " + def(r.Dtor))
	}
	return b.String()
}
