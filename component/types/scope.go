package types

import (
	"fmt"

	"github.com/reactord/reactord/component/binary"
)

// scopeKind is what has the definitions of a scope.
type scopeKind uint8

const (
	componentScope scopeKind = iota
	componentTypeScope
	instanceTypeScope
)

// scope is a component, or the type of a component or instance, while it is checked: its index spaces, and what it
// imports and exports so far.
type scope struct {
	*checker
	kind  scopeKind
	outer *scope

	coreTypes     []coreType
	coreFuncs     []*coreFunc
	coreTables    []*coreExtern
	coreMemories  []*coreExtern
	coreGlobals   []*coreExtern
	coreModules   []*CoreModule
	coreInstances []map[string]*coreExtern
	types         []ExternType // *Def, *Func, *Component or *Instance
	funcs         []*Func
	components    []*Component
	instances     []*Instance

	imports, exports side
	// importable and exportable are the types that have a name for those outside on that side.
	importable, exportable *nameSet

	imported []*Resource        // resource types that imports bring in
	defined  []*Resource        // those that are defined here, or come with instances
	local    map[*Resource]bool // those of defined that a definition here makes
	explicit map[*Resource]bool // those that exports give a name
	explored map[*Instance]bool // whose exports are in explicit
}

func newScope(c *checker, kind scopeKind, outer *scope) *scope {
	return &scope{
		checker: c, kind: kind, outer: outer,
		imports: newSide(true), exports: newSide(false), importable: newNameSet(c, nil), exportable: newNameSet(c, nil),
		local: map[*Resource]bool{}, explicit: map[*Resource]bool{}, explored: map[*Instance]bool{},
	}
}

// at returns the element of an index space.
func at[T any](space []T, what string, index uint32) (T, error) {
	if uint64(index) >= uint64(len(space)) {
		var none T
		return none, fmt.Errorf("%s index %d is out of bounds", what, index)
	}
	return space[index], nil
}

func (s *scope) typeAt(index uint32) (ExternType, error) { return at(s.types, "type", index) }

// valueTypeAt returns the definition of a value type.
func (s *scope) valueTypeAt(index uint32) (*Def, error) {
	t, err := s.typeAt(index)
	if err != nil {
		return nil, err
	}
	if d, ok := t.(*Def); ok && d.Type != nil {
		return d, nil
	}
	return nil, fmt.Errorf("type index %d is %s, not a value type", index, describe(t))
}

// resourceAt returns the definition of a resource type.
func (s *scope) resourceAt(index uint32) (*Def, error) {
	t, err := s.typeAt(index)
	if err != nil {
		return nil, err
	}
	if d, ok := t.(*Def); ok && d.Resource != nil {
		return d, nil
	}
	return nil, fmt.Errorf("type index %d is %s, not a resource type", index, describe(t))
}

func (s *scope) funcTypeAt(index uint32) (*Func, error) {
	t, err := s.typeAt(index)
	if err != nil {
		return nil, err
	}
	if f, ok := t.(*Func); ok {
		return f, nil
	}
	return nil, fmt.Errorf("type index %d is %s, not a function type", index, describe(t))
}

// externAt returns what a reference of a sort that can leave the component refers to.
func (s *scope) externAt(ref binary.Ref) (Extern, error) {
	var (
		e   Extern
		err error
	)
	switch ref.Sort {
	case binary.CoreModuleSort:
		e.Kind = binary.CoreModuleExtern
		e.Type, err = at(s.coreModules, "core module", ref.Index)
	case binary.FuncSort:
		e.Kind = binary.FuncExtern
		e.Type, err = at(s.funcs, "function", ref.Index)
	case binary.TypeSort:
		e.Kind = binary.TypeExtern
		e.Type, err = s.typeAt(ref.Index)
	case binary.ComponentSort:
		e.Kind = binary.ComponentExtern
		e.Type, err = at(s.components, "component", ref.Index)
	case binary.InstanceSort:
		e.Kind = binary.InstanceExtern
		e.Type, err = at(s.instances, "instance", ref.Index)
	default:
		err = fmt.Errorf("a %v cannot leave its component", ref.Sort)
	}
	return e, err
}

// add adds what an extern describes to its index space.
func (s *scope) add(e Extern) {
	switch t := e.Type.(type) {
	case *CoreModule:
		s.coreModules = append(s.coreModules, t)
	case *Func:
		if e.Kind == binary.FuncExtern {
			s.funcs = append(s.funcs, t)
			return
		}
		s.types = append(s.types, t)
	case *Component:
		if e.Kind == binary.ComponentExtern {
			s.components = append(s.components, t)
			return
		}
		s.types = append(s.types, t)
	case *Instance:
		if e.Kind == binary.InstanceExtern {
			s.instances = append(s.instances, t)
			return
		}
		s.types = append(s.types, t)
	case *Def:
		s.types = append(s.types, t)
	}
}

// extern returns what a description says. A type that it makes is a new definition.
func (s *scope) extern(desc binary.ExternDesc, name string) (Extern, error) {
	e := Extern{Kind: desc.Kind}
	if desc.Kind == binary.TypeExtern && desc.Bound == binary.SubResource {
		d, err := s.newDef(Def{Resource: &Resource{Name: name}})
		e.Type = d
		return e, err
	}
	if desc.Kind == binary.CoreModuleExtern {
		t, err := at(s.coreTypes, "core type", desc.Index)
		if err != nil {
			return e, err
		}
		if t.module == nil {
			return e, fmt.Errorf("core type index %d is not the type of a module", desc.Index)
		}
		e.Type = t.module
		return e, nil
	}
	t, err := s.typeAt(desc.Index)
	if err != nil {
		return e, err
	}
	ok := true
	switch desc.Kind {
	case binary.FuncExtern:
		_, ok = t.(*Func)
	case binary.ComponentExtern:
		_, ok = t.(*Component)
	case binary.InstanceExtern:
		_, ok = t.(*Instance)
	case binary.TypeExtern:
		t, err = s.renamed(t)
	}
	if !ok {
		return e, fmt.Errorf("type index %d is %s, not that of %s", desc.Index, describe(t), describeKind(desc.Kind))
	}
	e.Type = t
	return e, err
}

// renamed returns a new definition that is equal to the type, if it has definitions.
func (s *scope) renamed(t ExternType) (ExternType, error) {
	d, ok := t.(*Def)
	if !ok {
		return t, nil
	}
	return s.newDef(Def{Type: d.Type, Resource: d.Resource, Parts: d.Parts, Alias: d})
}

// describe says what a type is.
func describe(t ExternType) string {
	switch t := t.(type) {
	case *Func:
		return "a function type"
	case *Component:
		return "a component type"
	case *Instance:
		return "an instance type"
	case *CoreModule:
		return "the type of a core module"
	case *Def:
		if t.Resource != nil {
			return "a resource type"
		}
		return "a value type"
	}
	return "a core type"
}

// describeKind says what an extern is.
func describeKind(kind binary.ExternKind) string {
	switch kind {
	case binary.CoreModuleExtern:
		return "a core module"
	case binary.FuncExtern:
		return "a function"
	case binary.TypeExtern:
		return "a type"
	case binary.ComponentExtern:
		return "a component"
	}
	return "an instance"
}
