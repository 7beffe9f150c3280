package compose

import "github.com/reactord/reactord/component/binary"

// typeDef copies a type of the scope.
func (s *scope) typeDef(def binary.TypeDef) (binary.TypeDef, error) {
	m := mapper{s: s}
	var copied binary.TypeDef
	switch def := def.(type) {
	case *binary.RecordType:
		copied = &binary.RecordType{Fields: m.labeled(def.Fields)}
	case *binary.VariantType:
		cases := make([]binary.Case, len(def.Cases))
		for i, c := range def.Cases {
			cases[i] = binary.Case{Name: c.Name, Type: m.optional(c.Type)}
		}
		copied = &binary.VariantType{Cases: cases}
	case *binary.ListType:
		copied = &binary.ListType{Elem: m.val(def.Elem), Fixed: def.Fixed, Length: def.Length}
	case *binary.TupleType:
		types := make([]binary.ValType, len(def.Types))
		for i, t := range def.Types {
			types[i] = m.val(t)
		}
		copied = &binary.TupleType{Types: types}
	case *binary.OptionType:
		copied = &binary.OptionType{Elem: m.val(def.Elem)}
	case *binary.ResultType:
		copied = &binary.ResultType{OK: m.optional(def.OK), Err: m.optional(def.Err)}
	case *binary.HandleType:
		copied = &binary.HandleType{Borrow: def.Borrow, Resource: m.index(def.Resource)}
	case *binary.StreamType:
		copied = &binary.StreamType{Elem: m.optional(def.Elem)}
	case *binary.FutureType:
		copied = &binary.FutureType{Elem: m.optional(def.Elem)}
	case *binary.MapType:
		copied = &binary.MapType{Key: m.val(def.Key), Value: m.val(def.Value)}
	case *binary.FuncType:
		copied = &binary.FuncType{Async: def.Async, Params: m.labeled(def.Params), Result: m.optional(def.Result)}
	case *binary.ComponentType:
		decls, err := s.nested(def.Decls, 1)
		return &binary.ComponentType{Decls: decls}, err
	case *binary.InstanceType:
		decls, err := s.nested(def.Decls, 1)
		return &binary.InstanceType{Decls: decls}, err
	case *binary.ResourceType:
		return nil, errOwnType
	default: // primitive types, flags and enums refer to nothing
		copied = def
	}
	return copied, m.err
}

// mapper gives types the indices of the target. Its first fault sticks.
type mapper struct {
	s   *scope
	err error
}

func (m *mapper) index(index uint32) uint32 {
	if m.err != nil {
		return 0
	}
	index, m.err = m.s.index(binary.TypeSort, index)
	return index
}

func (m *mapper) val(t binary.ValType) binary.ValType {
	if t.Prim == 0 {
		t.Index = m.index(t.Index)
	}
	return t
}

func (m *mapper) optional(t *binary.ValType) *binary.ValType {
	if t == nil {
		return nil
	}
	return new(m.val(*t))
}

func (m *mapper) labeled(list []binary.Labeled) []binary.Labeled {
	copied := make([]binary.Labeled, len(list))
	for i, l := range list {
		copied[i] = binary.Labeled{Name: l.Name, Type: m.val(l.Type)}
	}
	return copied
}
