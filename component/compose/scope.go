package compose

import (
	"errors"

	"github.com/reactord/reactord/component/binary"
)

// errOwnType is the fault of an import whose type needs more than types and other imports.
var errOwnType = errors.New("its type comes from an instance that the component makes itself")

// maxDepth bounds how many definitions can stand behind each other. It is far more than the depth of types, because
// imports and aliases of types count, too.
const maxDepth = 10_000

// scope copies definitions of a component, or declarations of an instance type, to a target, and gives them the indices of
// the target. It copies what it is asked for, with what that needs.
type scope struct {
	spaces [sorts][]binary.Definition // of the source, by index
	copied map[binary.Ref]uint32      // source to target
	depth  int                        // of definitions that are being copied
	to     *target
	outer  *scope // around an instance type

	// importIndex returns the index in the target of an import; of a component only.
	importIndex func(*binary.Import) (uint32, error)
}

func newScope(defs []binary.Definition, to *target, outer *scope) *scope {
	s := &scope{copied: map[binary.Ref]uint32{}, to: to, outer: outer}
	for _, def := range defs {
		sort := sortOf(def)
		s.spaces[sort] = append(s.spaces[sort], def)
	}
	return s
}

// index returns the index in the target of what has an index in the source.
func (s *scope) index(sort binary.Sort, index uint32) (uint32, error) {
	ref := binary.Ref{Sort: sort, Index: index}
	if copied, ok := s.copied[ref]; ok {
		return copied, nil
	}
	if int(index) >= len(s.spaces[sort]) {
		return 0, errors.New("an index in its type is out of bounds")
	}
	if s.depth++; s.depth > maxDepth {
		return 0, errors.New("its type is nested too deep")
	}
	copied, err := s.copy(s.spaces[sort][index])
	s.depth--
	if err == nil {
		s.copied[ref] = copied
	}
	return copied, err
}

// copy copies a definition that types of imports may need.
func (s *scope) copy(def binary.Definition) (uint32, error) {
	switch def := def.(type) {
	case *binary.Type:
		copied, err := s.typeDef(def.Def)
		return s.added(&binary.Type{Def: copied}, err)
	case *binary.CoreType:
		copied, err := s.coreType(def, 0)
		return s.added(copied, err)
	case *binary.Alias:
		return s.alias(def)
	case *binary.Import:
		if s.importIndex != nil {
			return s.importIndex(def)
		}
	case *binary.Export:
		return s.index(def.Sort, def.Index)
	}
	return 0, errOwnType
}

// funcDesc returns the type of a function in terms of the types that the result exports, or nil if the component does not
// say it. Without it, the function would have the types as the instance exports them, which have no name outside.
func (s *scope) funcDesc(index uint32) *binary.ExternDesc {
	var desc binary.ExternDesc
	switch def := s.spaces[binary.FuncSort][index].(type) {
	case *binary.Canon:
		desc = binary.ExternDesc{Kind: binary.FuncExtern, Index: def.Type}
	case *binary.Export:
		if def.Desc == nil {
			return nil
		}
		desc = *def.Desc
	default:
		return nil
	}
	if desc, err := s.externDesc(desc); err == nil {
		return &desc
	}
	return nil
}

func (s *scope) added(def binary.Definition, err error) (uint32, error) {
	if err != nil {
		return 0, err
	}
	return s.to.add(def), nil
}

func (s *scope) alias(a *binary.Alias) (uint32, error) {
	switch {
	case a.Kind == binary.ExportAlias:
		instance, err := s.index(binary.InstanceSort, a.Instance)
		return s.added(&binary.Alias{Kind: a.Kind, Sort: a.Sort, Instance: instance, Name: a.Name}, err)
	case a.Kind == binary.OuterAlias && a.Count == 0:
		return s.index(a.Sort, a.Index)
	case a.Kind == binary.OuterAlias:
		copied, err := s.outerAlias(a, 0)
		return s.added(copied, err)
	}
	return 0, errOwnType
}

// outerAlias copies an alias that stands in types nested to a depth in the scope. Scopes stand around each other in the
// target as they do in the source, so the count stays.
func (s *scope) outerAlias(a *binary.Alias, depth int) (*binary.Alias, error) {
	around := s
	for range int64(a.Count) - int64(depth) {
		if around = around.outer; around == nil {
			return nil, errors.New("an alias in its type leads out of the component")
		}
	}
	index, err := around.index(a.Sort, a.Index)
	return &binary.Alias{Kind: a.Kind, Sort: a.Sort, Count: a.Count, Index: index}, err
}

func (s *scope) externDesc(d binary.ExternDesc) (binary.ExternDesc, error) {
	if d.Kind == binary.TypeExtern && d.Bound == binary.SubResource {
		return d, nil
	}
	sort := binary.TypeSort
	if d.Kind == binary.CoreModuleExtern {
		sort = binary.CoreTypeSort
	}
	var err error
	d.Index, err = s.index(sort, d.Index)
	return d, err
}

// coreType copies a core type that stands in types nested to a depth in the scope.
func (s *scope) coreType(t *binary.CoreType, depth int) (*binary.CoreType, error) {
	if t.Module == nil {
		return &binary.CoreType{Func: t.Func}, nil
	}
	decls, err := s.nested(t.Module.Decls, depth+1)
	return &binary.CoreType{Module: &binary.CoreModuleType{Decls: decls}}, err
}

// nested copies the declarations of a type that is nested to a depth in the scope. What stands within it keeps its
// indices; only aliases to the scope and those around it change.
func (s *scope) nested(decls []binary.Definition, depth int) ([]binary.Definition, error) {
	copied := make([]binary.Definition, len(decls))
	for i, decl := range decls {
		var err error
		switch decl := decl.(type) {
		case *binary.Alias:
			copied[i] = decl
			if decl.Kind == binary.OuterAlias && int64(decl.Count) >= int64(depth) {
				copied[i], err = s.outerAlias(decl, depth)
			}
		case *binary.CoreType:
			copied[i], err = s.coreType(decl, depth)
		case *binary.Type:
			def := decl.Def
			switch nested := def.(type) {
			case *binary.ComponentType:
				inner, e := s.nested(nested.Decls, depth+1)
				def, err = &binary.ComponentType{Decls: inner}, e
			case *binary.InstanceType:
				inner, e := s.nested(nested.Decls, depth+1)
				def, err = &binary.InstanceType{Decls: inner}, e
			}
			copied[i] = &binary.Type{Def: def}
		default:
			copied[i] = decl
		}
		if err != nil {
			return nil, err
		}
	}
	return copied, nil
}
