package types

import (
	"fmt"

	"github.com/reactord/reactord/component/binary"
)

// Component is the type of a component: what it imports and what it exports, each in order.
type Component struct {
	Imports, Exports []Extern

	importIndex, exportIndex map[string]int
	imported                 []*Resource // those that the imports bring in: variables of the type
	defined                  []*Resource // those of the exports that each instantiation makes anew
	extent
}

// Import returns the import of a name.
func (c *Component) Import(name string) (Extern, bool) { return find(c.Imports, c.importIndex, name) }

// Export returns the export of a name.
func (c *Component) Export(name string) (Extern, bool) { return find(c.Exports, c.exportIndex, name) }

// Instance is the type of an instance: what it exports, in order.
type Instance struct {
	Exports []Extern

	index   map[string]int
	defined []*Resource // those that the type itself brings in; an instance that exists has none
	extent
}

// NewInstance returns the type of an instance with exports of different names.
func NewInstance(exports []Extern) *Instance {
	return &Instance{Exports: exports, index: indexOf(exports), extent: extentOf(exports)}
}

// with returns the type of an instance that has the same exports with other types.
func (i *Instance) with(exports []Extern, defined []*Resource) *Instance {
	return &Instance{Exports: exports, index: i.index, defined: defined, extent: i.extent}
}

// Export returns the export of a name.
func (i *Instance) Export(name string) (Extern, bool) { return find(i.Exports, i.index, name) }

// Extern is an import or an export. What Kind says is that the Type describes it; of a TypeExtern, that it is the Type.
type Extern struct {
	Name binary.Name
	Kind binary.ExternKind
	Type ExternType
}

// ExternType is one of *Func, *Instance, *Component, *CoreModule, and of a TypeExtern *Def too.
type ExternType interface{ externType() }

// Def is a value type or a resource type as the component defines it. While equal value types are one *Type, each
// definition is a Def of its own: of two records with the same fields, a function means the one it refers to by name.
// So from a Def WIT can be written.
//
// An import or export of a type, and each of an instance, is a new Def, whose Alias is the one it is equal to.
type Def struct {
	Type     *Type     // nil: a resource type
	Resource *Resource // of a resource type
	// Parts are what Type is made of: one for each field; for each case, nil where it has no type; for the element of a
	// list, option, stream or future, nil if it has no type; for key and value of a map; for ok and error of a result;
	// for the resource type of own and borrow.
	Parts []*Def
	Alias *Def // or nil
}

// CoreModule is the type of a core module.
type CoreModule struct {
	imports []coreImport
	names   []string // of exports, in order
	exports map[string]*coreExtern
}

func newCoreModule() *CoreModule { return &CoreModule{exports: map[string]*coreExtern{}} }

func (m *CoreModule) export(name string, e *coreExtern) error {
	if m.exports[name] != nil {
		return fmt.Errorf("the core module exports %s twice", quote(name))
	}
	m.exports[name] = e
	m.names = append(m.names, name)
	return nil
}

func (*Func) externType()       {}
func (*Instance) externType()   {}
func (*Component) externType()  {}
func (*CoreModule) externType() {}
func (*Def) externType()        {}

func find(externs []Extern, index map[string]int, name string) (Extern, bool) {
	i, ok := index[name]
	if !ok {
		return Extern{}, false
	}
	return externs[i], true
}

func indexOf(externs []Extern) map[string]int {
	index := make(map[string]int, len(externs))
	for i, e := range externs {
		index[e.Name.Text] = i
	}
	return index
}

// extent is how large a type of an instance or component is when it is written out.
type extent struct{ depth, expanded uint32 }

// extentOf returns the extent of what has the externs.
func extentOf(externs ...[]Extern) extent {
	x := extent{0, 1}
	for _, list := range externs {
		for _, e := range list {
			y := extent{0, 1}
			switch t := e.Type.(type) {
			case *Instance:
				y = t.extent
			case *Component:
				y = t.extent
			case *Func:
				y.expanded = t.expanded()
			case *Def:
				if t.Type != nil {
					y.expanded = t.Type.expanded
				}
			case *CoreModule:
				y.expanded = uint32(len(t.imports) + len(t.names))
			}
			x.depth, x.expanded = max(x.depth, y.depth), min(x.expanded+y.expanded, MaxExpanded+1)
		}
	}
	x.depth++
	return x
}

// check returns an error if the extent is beyond the bounds of types.
func (x extent) check() error {
	switch {
	case x.depth > MaxDepth:
		return errDepth
	case x.expanded > MaxExpanded:
		return errExpanded
	}
	return nil
}
