package wit

import (
	"strconv"
	"strings"

	"github.com/reactord/reactord/component/names"
	"github.com/reactord/reactord/component/types"
)

// definition writes a type that a scope defines, and the functions of a resource type.
func (w *writer) definition(depth int, s *writeScope, name string, d *types.Def, methods []types.Extern) {
	if at, ok := w.origin(s, name, d); ok && at.scope == s {
		w.line(depth, "type ", escaped(name), " = ", escaped(at.name), ";")
		return
	}
	base := d
	for base.Alias != nil {
		base = base.Alias
	}
	id := escaped(name)
	if base.Type == nil {
		w.resource(depth, s, name, methods)
		return
	}
	switch t := base.Type; t.Kind {
	case types.Record:
		w.block(depth, "record "+id, len(t.Fields), func(i int) string {
			return escaped(t.Fields[i].Name) + ": " + w.part(s, base, i)
		})
	case types.Variant:
		w.block(depth, "variant "+id, len(t.Cases), func(i int) string {
			if t.Cases[i].Type == nil {
				return escaped(t.Cases[i].Name)
			}
			return escaped(t.Cases[i].Name) + "(" + w.part(s, base, i) + ")"
		})
	case types.Enum:
		w.block(depth, "enum "+id, len(t.Cases), func(i int) string { return escaped(t.Cases[i].Name) })
	case types.Flags:
		w.block(depth, "flags "+id, len(t.Labels), func(i int) string { return escaped(t.Labels[i]) })
	default:
		w.line(depth, "type ", id, " = ", w.structure(s, base), ";")
	}
}

// uses writes the types that are those of other interfaces, which stand before what a scope defines, and returns what else it has.
// Those that follow each other and are of one interface are on one line.
func (w *writer) uses(depth int, s *writeScope, items []types.Extern) (others []types.Extern) {
	var from string
	var list []string
	write := func() {
		if len(list) > 0 {
			w.line(depth, "use ", from, ".{", strings.Join(list, ", "), "};")
		}
	}
	for _, e := range items {
		d, ok := e.Type.(*types.Def)
		at := place{}
		if ok {
			at, ok = w.origin(s, e.Name.Text, d)
		}
		if !ok || at.scope == s {
			others = append(others, e)
			continue
		}
		if f := nameFrom(s, at.scope); f != from {
			write()
			from, list = f, nil
		}
		name := escaped(at.name)
		if at.name != e.Name.Text {
			name += " as " + escaped(e.Name.Text)
		}
		list = append(list, name)
	}
	write()
	return others
}

// origin returns where a type of a scope has its first name, which is not this one: there, or in an interface that WIT can
// refer to.
func (w *writer) origin(s *writeScope, name string, d *types.Def) (place, bool) {
	for a := d.Alias; a != nil; a = a.Alias {
		at, ok := w.places[a]
		if ok && at != (place{s, name}) && (at.scope == s || at.scope.name.Kind == names.Interface) {
			return at, true
		}
	}
	return place{}, false
}

// nameFrom returns how a scope names an interface.
func nameFrom(s, of *writeScope) string {
	if packageOf(of.name) == packageOf(s.name) && s.name.Kind == names.Interface {
		return interfaceOf(of.name)
	}
	return pathOf(of.name)
}

func (w *writer) block(depth int, head string, n int, item func(i int) string) {
	w.line(depth, head, " {")
	for i := range n {
		w.line(depth+1, item(i), ",")
	}
	w.line(depth, "}")
}

func (w *writer) resource(depth int, s *writeScope, name string, methods []types.Extern) {
	if len(methods) == 0 {
		w.line(depth, "resource ", escaped(name), ";")
		return
	}
	w.line(depth, "resource ", escaped(name), " {")
	for _, e := range methods {
		f, ok := e.Type.(*types.Func)
		if !ok {
			continue
		}
		switch n, _ := names.Parse(e.Name.Text); n.Kind {
		case names.Constructor:
			text := "constructor" + w.params(s, f, 0)
			if f.Result != nil && f.Result.Kind != types.Own {
				text += " -> " + w.result(s, f)
			}
			w.line(depth+1, text, ";")
		case names.Static:
			w.line(depth+1, escaped(n.Label), ": static ", w.function(s, f, 0), ";")
		default:
			w.line(depth+1, escaped(n.Label), ": ", w.function(s, f, 1), ";")
		}
	}
	w.line(depth, "}")
}

// function writes a function type without its first parameters.
func (w *writer) function(s *writeScope, f *types.Func, without int) string {
	text := "func" + w.params(s, f, without)
	if f.Async {
		text = "async " + text
	}
	if f.Result != nil {
		text += " -> " + w.result(s, f)
	}
	return text
}

func (w *writer) params(s *writeScope, f *types.Func, without int) string {
	var params []string
	for i := without; i < len(f.Params); i++ {
		text := f.Params[i].Type.String()
		if i < len(f.ParamDefs) {
			text = w.reference(s, f.ParamDefs[i])
		}
		params = append(params, escaped(f.Params[i].Name)+": "+text)
	}
	return "(" + strings.Join(params, ", ") + ")"
}

func (w *writer) result(s *writeScope, f *types.Func) string {
	if f.ResultDef == nil {
		return f.Result.String()
	}
	return w.reference(s, f.ResultDef)
}

// reference writes a type by its name, if it has one in the scope.
func (w *writer) reference(s *writeScope, d *types.Def) string {
	if d == nil {
		return "_"
	}
	base := d
	for a := d; a != nil; base, a = a, a.Alias {
		if name, ok := s.local[a]; ok {
			return escaped(name)
		}
	}
	return w.structure(s, base)
}

// part writes a type that another is made of.
func (w *writer) part(s *writeScope, d *types.Def, i int) string {
	if i >= len(d.Parts) {
		return "_"
	}
	return w.reference(s, d.Parts[i])
}

// structure writes a type that has no name.
func (w *writer) structure(s *writeScope, d *types.Def) string {
	t := d.Type
	if t == nil {
		return "resource" // of no name
	}
	if w.cut || w.text.Len() > MaxText {
		return t.Kind.String()
	}
	switch t.Kind {
	case types.List:
		if t.Fixed {
			return "list<" + w.part(s, d, 0) + ", " + strconv.FormatUint(uint64(t.Length), 10) + ">"
		}
		return "list<" + w.part(s, d, 0) + ">"
	case types.Option:
		return "option<" + w.part(s, d, 0) + ">"
	case types.Stream, types.Future:
		if t.Elem == nil {
			return t.Kind.String()
		}
		return t.Kind.String() + "<" + w.part(s, d, 0) + ">"
	case types.Result:
		return w.resultType(s, d)
	case types.Tuple:
		parts := make([]string, len(d.Parts))
		for i := range parts {
			parts[i] = w.part(s, d, i)
		}
		return "tuple<" + strings.Join(parts, ", ") + ">"
	case types.Map:
		return "map<" + w.part(s, d, 0) + ", " + w.part(s, d, 1) + ">"
	case types.Own:
		return w.part(s, d, 0)
	case types.Borrow:
		return "borrow<" + w.part(s, d, 0) + ">"
	default:
		return t.String()
	}
}

func (w *writer) resultType(s *writeScope, d *types.Def) string {
	ok, failed := d.Type.Cases[0].Type != nil, d.Type.Cases[1].Type != nil
	switch {
	case ok && failed:
		return "result<" + w.part(s, d, 0) + ", " + w.part(s, d, 1) + ">"
	case ok:
		return "result<" + w.part(s, d, 0) + ">"
	case failed:
		return "result<_, " + w.part(s, d, 1) + ">"
	default:
		return "result"
	}
}

// escaped returns a name so that it is not taken for a keyword.
func escaped(name string) string {
	switch name {
	case "use", "type", "func", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "f32", "f64", "char", "resource", "own",
		"borrow", "record", "flags", "variant", "enum", "bool", "string", "option", "result", "future", "stream",
		"error-context", "list", "map", "as", "from", "static", "interface", "tuple", "world", "import", "export", "package",
		"constructor", "include", "with", "async":
		return "%" + name
	}
	return name
}
