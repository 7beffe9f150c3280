package types

import (
	"fmt"

	"github.com/reactord/reactord/component/binary"
)

// nameSet is the types that have a name for those outside: records, variants, enums, flags and resource types that an
// import or export refers to have to be imported or exported themselves.
//
// Explainer.md, External Visibility of Types.
type nameSet struct {
	*checker
	outer     *nameSet // whose names are here too, or nil
	types     map[*Def]bool
	known     map[*Def]bool // those without a name of their own whose parts are named
	instances map[*Instance]bool
}

func newNameSet(c *checker, outer *nameSet) *nameSet {
	return &nameSet{c, outer, map[*Def]bool{}, map[*Def]bool{}, map[*Instance]bool{}}
}

// has reports whether a type has a name, or is made of types that have, if it needs none.
func (n *nameSet) has(d *Def) (bool, error) {
	if d == nil || n.knows(d) {
		return true, nil
	}
	if d.Type == nil {
		return false, nil
	}
	switch d.Type.Kind {
	case Record, Variant, Enum, Flags:
		return false, nil
	}
	ok, err := n.hasParts(d)
	if ok {
		n.known[d] = true
	}
	return ok, err
}

func (n *nameSet) knows(d *Def) bool {
	for ; n != nil; n = n.outer {
		if n.types[d] || n.known[d] {
			return true
		}
	}
	return false
}

// hasParts reports whether what a type is made of has names.
func (n *nameSet) hasParts(d *Def) (bool, error) { return n.hasAll(d.Parts) }

func (n *nameSet) hasAll(defs []*Def) (bool, error) {
	if err := n.charge(1 + len(defs)); err != nil {
		return false, err
	}
	for _, d := range defs {
		if ok, err := n.has(d); !ok {
			return false, err
		}
	}
	return true, nil
}

func (n *nameSet) hasFunc(f *Func) (bool, error) {
	ok, err := n.hasAll(f.ParamDefs)
	if !ok || f.ResultDef == nil {
		return ok, err
	}
	return n.has(f.ResultDef)
}

// hasType reports whether what a type is made of has names.
func (n *nameSet) hasType(t ExternType) (bool, error) {
	switch t := t.(type) {
	case *Def:
		return n.hasParts(t)
	case *Func:
		return n.hasFunc(t)
	case *Instance: // what it exports has names within it
		if err := n.charge(1); err != nil {
			return false, err
		}
		return nameInstance([]*nameSet{newNameSet(n.checker, n)}, t)
	}
	return true, nil // components are complete in themselves
}

// name gives the types of an import or export names, and checks that all types that it refers to have some.
func (s *scope) name(side *side, e Extern) error {
	if d, ok := e.Type.(*Def); ok && d.Resource != nil {
		side.resources[d] = e.Name.Text
		side.called[e.Name.Text] = true
	}
	if s.kind == instanceTypeScope {
		return nil // the component that imports or exports such an instance sees to it
	}
	sets := []*nameSet{s.exportable}
	if side.imports {
		sets = []*nameSet{s.importable, s.exportable}
	}
	ok, err := nameExtern(sets, e)
	if err == nil && !ok {
		err = fmt.Errorf("%s refers to a type that has no name outside: it has to be imported or exported before", quote(e.Name.Text))
	}
	return err
}

// nameExtern reports whether all types that an import or export refers to have names in the first of the sets, and adds
// its own to all of them.
func nameExtern(sets []*nameSet, e Extern) (bool, error) {
	if i, ok := e.Type.(*Instance); ok && e.Kind == binary.InstanceExtern {
		return nameInstance(sets, i)
	}
	ok, err := sets[0].hasType(e.Type)
	if !ok || err != nil {
		return false, err
	}
	if d, ok := e.Type.(*Def); ok {
		for _, set := range sets {
			set.types[d] = true
		}
	}
	return true, nil
}

func nameInstance(sets []*nameSet, i *Instance) (bool, error) {
	if sets[0].instances[i] {
		return true, nil
	}
	if err := sets[0].charge(1 + len(i.Exports)); err != nil {
		return false, err
	}
	for _, e := range i.Exports {
		if ok, err := nameExtern(sets, e); !ok || err != nil {
			return false, err
		}
	}
	for _, set := range sets {
		set.instances[i] = true
	}
	return true, nil
}
