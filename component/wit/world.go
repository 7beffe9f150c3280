package wit

import (
	"strings"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/names"
	"github.com/reactord/reactord/component/types"
)

// MaxText bounds what World writes, in bytes. Types may be long when they are written out.
const MaxText = 1 << 20

// World writes what a component imports and exports as WIT: its world, and then the interfaces by package. What WIT has no
// words for, such as an import of a component, becomes a comment. Text beyond MaxText is cut, and a comment says so.
func World(c *types.Component) string {
	w := &writer{places: map[*types.Def]place{}, scopes: map[string]*writeScope{}}
	root := w.newScope("", nil)
	for _, e := range c.Imports {
		w.collect(root, e)
	}
	for _, e := range c.Exports {
		w.collect(root, e)
	}
	w.line(0, "package root:component;")
	w.line(0, "")
	w.line(0, "world root {")
	w.imports(root, c.Imports)
	if len(c.Imports) > 0 && len(c.Exports) > 0 {
		w.line(0, "")
	}
	w.directed(root, "export", c.Exports)
	w.line(0, "}")
	w.packages()
	return w.text.String()
}

// place is where a type has its name.
type place struct {
	scope *writeScope
	name  string
}

// writeScope is the world, or an interface.
type writeScope struct {
	name  names.Name // of an interface that has a package
	items []types.Extern
	local map[*types.Def]string // types that have a name here
	has   map[string]bool       // names of items
}

// writer writes one world.
type writer struct {
	text   strings.Builder
	cut    bool
	places map[*types.Def]place
	scopes map[string]*writeScope // by the whole name of the interface
	order  []*writeScope
}

func (w *writer) newScope(name string, i *types.Instance) *writeScope {
	s := w.scopes[name]
	if s == nil {
		parsed, _ := names.Parse(name)
		s = &writeScope{name: parsed, local: map[*types.Def]string{}, has: map[string]bool{}}
		w.scopes[name] = s
		if parsed.Kind == names.Interface {
			w.order = append(w.order, s)
		}
	}
	if i != nil {
		for _, e := range i.Exports {
			w.collect(s, e)
			if !s.has[e.Name.Text] {
				s.has[e.Name.Text] = true
				s.items = append(s.items, e)
			}
		}
	}
	return s
}

// collect notes where types have names.
func (w *writer) collect(s *writeScope, e types.Extern) {
	switch t := e.Type.(type) {
	case *types.Instance:
		if s.name.Kind == names.Interface {
			return // an instance within an instance: WIT has no word for it
		}
		w.newScope(e.Name.Text, t)
	case *types.Def:
		for d := t; d != nil; d = d.Alias {
			if _, ok := s.local[d]; !ok {
				s.local[d] = e.Name.Text
			}
			if _, ok := w.places[d]; !ok {
				w.places[d] = place{s, e.Name.Text}
			}
		}
	}
}

// line writes a line, unless the text is long enough.
func (w *writer) line(depth int, parts ...string) {
	if w.cut {
		return
	}
	if w.text.Len() > MaxText {
		w.cut = true
		w.text.WriteString("// the rest is cut\n")
		return
	}
	if len(parts) > 0 && parts[0] != "" {
		w.text.WriteString(strings.Repeat("  ", depth))
	}
	for _, p := range parts {
		w.text.WriteString(p)
	}
	w.text.WriteByte('\n')
}

// imports writes the imports of the world: functions last, types before them.
func (w *writer) imports(root *writeScope, externs []types.Extern) {
	var defs, functions, others []types.Extern
	for _, e := range externs {
		switch e.Type.(type) {
		case *types.Def:
			defs = append(defs, e)
		case *types.Func:
			functions = append(functions, e)
		default:
			others = append(others, e)
		}
	}
	w.directed(root, "import", others)
	w.directed(root, "import", w.uses(1, root, defs))
	w.directed(root, "import", functions)
}

// directed writes imports or exports of the world.
func (w *writer) directed(root *writeScope, direction string, externs []types.Extern) {
	for _, e := range externs {
		name := e.Name.Text
		switch t := e.Type.(type) {
		case *types.Instance:
			if parsed, err := names.Parse(name); err == nil && parsed.Kind == names.Interface {
				w.line(1, direction, " ", pathOf(parsed), ";")
				continue
			}
			w.line(1, direction, " ", escaped(name), ": interface {")
			w.body(2, w.scopes[name])
			w.line(1, "}")
		case *types.Func:
			w.line(1, direction, " ", escaped(name), ": ", w.function(root, t, 0), ";")
		case *types.Def:
			w.definition(1, root, name, t, nil)
		default:
			w.line(1, "// ", direction, " ", name, ": ", sortOf(e.Kind))
		}
	}
}

// packages writes the interfaces, those of a package together, in the order in which they are met.
func (w *writer) packages() {
	var order []string
	byPackage := map[string][]*writeScope{}
	for _, s := range w.order {
		p := packageOf(s.name)
		if byPackage[p] == nil {
			order = append(order, p)
		}
		byPackage[p] = append(byPackage[p], s)
	}
	for _, p := range order {
		w.line(0, "")
		w.line(0, "package ", p, " {")
		for i, s := range byPackage[p] {
			if i > 0 {
				w.line(0, "")
			}
			w.line(1, "interface ", interfaceOf(s.name), " {")
			w.body(2, s)
			w.line(1, "}")
		}
		w.line(0, "}")
	}
}

// body writes the items of an interface: functions of a resource type stand with it.
func (w *writer) body(depth int, s *writeScope) {
	methods := map[string][]types.Extern{}
	for _, e := range s.items {
		if n, err := names.Parse(e.Name.Text); err == nil && n.Resource != "" {
			methods[n.Resource] = append(methods[n.Resource], e)
		}
	}
	for _, e := range w.uses(depth, s, s.items) {
		switch t := e.Type.(type) {
		case *types.Def:
			w.definition(depth, s, e.Name.Text, t, methods[e.Name.Text])
		case *types.Func:
			if n, err := names.Parse(e.Name.Text); err == nil && n.Resource != "" && s.has[n.Resource] {
				continue
			}
			w.line(depth, escaped(e.Name.Text), ": ", w.function(s, t, 0), ";")
		default:
			w.line(depth, "// ", e.Name.Text, ": ", sortOf(e.Kind))
		}
	}
}

// packageOf writes the package of an interface, with its version.
func packageOf(n names.Name) string { return packageName(n) + version(n) }

// pathOf writes an interface as those of other packages name it.
func pathOf(n names.Name) string { return packageName(n) + "/" + interfaceOf(n) + version(n) }

func packageName(n names.Name) string {
	namespace, label, _ := strings.Cut(n.Package, ":")
	return escaped(namespace) + ":" + escaped(label)
}

func interfaceOf(n names.Name) string {
	_, label, _ := strings.Cut(n.Path, "/")
	return escaped(label)
}

func version(n names.Name) string {
	if n.Version == "" {
		return ""
	}
	return "@" + n.Version
}

func sortOf(k binary.ExternKind) string {
	switch k {
	case binary.CoreModuleExtern:
		return "a core module"
	case binary.ComponentExtern:
		return "a component"
	case binary.InstanceExtern:
		return "an instance"
	default:
		return "a value"
	}
}
