package plan

import (
	"errors"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
)

// typeDefinition adds a type.
func (s *scope) typeDefinition(d *binary.Type) error {
	it, err := s.typeItem(d)
	if err != nil {
		return err
	}
	s.add(item{sort: binary.TypeSort, typ: it})
	return nil
}

// typeItem evaluates a type. Those of instances and components wait until they are used.
func (s *scope) typeItem(d *binary.Type) (typeItem, error) {
	switch def := d.Def.(type) {
	case *binary.ResourceType:
		return s.resourceType(d, def)
	case *binary.FuncType:
		fn, err := s.funcType(def, d.Pos())
		return typeItem{fn: fn}, err
	case *binary.InstanceType, *binary.ComponentType:
		return typeItem{decls: &typeClosure{def, s}}, nil
	default:
		t, err := s.defined(def, d.Pos())
		return typeItem{value: t}, err
	}
}

// resourceType makes a resource type of this component instance.
func (s *scope) resourceType(d *binary.Type, def *binary.ResourceType) (typeItem, error) {
	r := Resource{Type: &types.Resource{}, Instance: s.instance}
	if def.Dtor != nil {
		it, err := s.get(binary.CoreFuncSort, *def.Dtor, d.Pos())
		if err != nil {
			return typeItem{}, err
		}
		r.Dtor = &it.core
	}
	return s.addResource(r), nil
}

func (f *flattener) addResource(r Resource) typeItem {
	f.resources[r.Type] = len(f.plan.Resources)
	f.plan.Resources = append(f.plan.Resources, r)
	return typeItem{resource: r.Type}
}

func (s *scope) funcType(def *binary.FuncType, offset int) (*types.Func, error) {
	fn := &types.Func{Async: def.Async}
	var err error
	if fn.Params, err = s.fields(def.Params, offset); err != nil {
		return nil, err
	}
	fn.Result, err = s.valueType(def.Result, offset)
	return fn, err
}

func (s *scope) fields(labeled []binary.Labeled, offset int) ([]types.Field, error) {
	fields := make([]types.Field, len(labeled))
	for i, l := range labeled {
		t, err := s.valueType(&l.Type, offset)
		if err != nil {
			return nil, err
		}
		fields[i] = types.Field{Name: l.Name, Type: t}
	}
	return fields, nil
}

// valueType returns the type that v refers to; nil if v is.
func (s *scope) valueType(v *binary.ValType, offset int) (*types.Type, error) {
	if v == nil {
		return nil, nil
	}
	if v.Prim != 0 {
		return s.primitive(v.Prim, offset)
	}
	it, err := s.get(binary.TypeSort, v.Index, offset)
	if err != nil {
		return nil, err
	}
	if it.typ.value == nil {
		return nil, fault(offset, "type index %d is not a value type", v.Index)
	}
	return it.typ.value, nil
}

func (s *scope) primitive(p binary.Prim, offset int) (*types.Type, error) {
	if p == binary.ErrorContext {
		return s.plan.Types.ErrorContext(), nil
	}
	kind, ok := kinds[p]
	if !ok {
		return nil, fault(offset, "the type 0x%02x is not supported", byte(p))
	}
	return s.plan.Types.Prim(kind), nil
}

var kinds = map[binary.Prim]types.Kind{
	binary.Bool: types.Bool, binary.S8: types.S8, binary.U8: types.U8, binary.S16: types.S16, binary.U16: types.U16,
	binary.S32: types.S32, binary.U32: types.U32, binary.S64: types.S64, binary.U64: types.U64, binary.F32: types.F32,
	binary.F64: types.F64, binary.Char: types.Char, binary.String: types.String,
}

// defined evaluates the definition of a value type.
func (s *scope) defined(def binary.TypeDef, offset int) (*types.Type, error) {
	t, err := s.intern(def, offset)
	if err != nil {
		if known, ok := errors.AsType[*Error](err); ok {
			return nil, known
		}
		return nil, fault(offset, "%v", err)
	}
	return t, nil
}

func (s *scope) intern(def binary.TypeDef, offset int) (*types.Type, error) {
	table := s.plan.Types
	switch def := def.(type) {
	case binary.PrimType:
		return s.primitive(def.Prim, offset)
	case *binary.RecordType:
		fields, err := s.fields(def.Fields, offset)
		if err != nil {
			return nil, err
		}
		return table.Record(fields)
	case *binary.TupleType:
		elems := make([]*types.Type, len(def.Types))
		for i := range elems {
			var err error
			if elems[i], err = s.valueType(&def.Types[i], offset); err != nil {
				return nil, err
			}
		}
		return table.Tuple(elems)
	case *binary.VariantType:
		cases := make([]types.Case, len(def.Cases))
		for i, c := range def.Cases {
			t, err := s.valueType(c.Type, offset)
			if err != nil {
				return nil, err
			}
			cases[i] = types.Case{Name: c.Name, Type: t}
		}
		return table.Variant(cases)
	case *binary.EnumType:
		return table.Enum(def.Labels)
	case *binary.FlagsType:
		return table.Flags(def.Labels)
	case *binary.HandleType:
		return s.handle(def, offset)
	case *binary.ResultType:
		return s.ofTwo(def.OK, def.Err, offset, table.Result)
	case *binary.MapType:
		return s.ofTwo(&def.Key, &def.Value, offset, table.Map)
	case *binary.ListType:
		if def.Fixed {
			return s.of(&def.Elem, offset, func(elem *types.Type) (*types.Type, error) { return table.FixedList(elem, def.Length) })
		}
		return s.of(&def.Elem, offset, table.List)
	case *binary.OptionType:
		return s.of(&def.Elem, offset, table.Option)
	case *binary.StreamType:
		return s.of(def.Elem, offset, table.Stream)
	case *binary.FutureType:
		return s.of(def.Elem, offset, table.Future)
	default:
		return nil, fault(offset, "%T is not supported", def)
	}
}

// of evaluates a type that has an element.
func (s *scope) of(elem *binary.ValType, offset int, intern func(*types.Type) (*types.Type, error)) (*types.Type, error) {
	t, err := s.valueType(elem, offset)
	if err != nil {
		return nil, err
	}
	return intern(t)
}

// ofTwo evaluates a type that has two.
func (s *scope) ofTwo(a, b *binary.ValType, offset int, intern func(_, _ *types.Type) (*types.Type, error)) (*types.Type, error) {
	first, err := s.valueType(a, offset)
	if err != nil {
		return nil, err
	}
	second, err := s.valueType(b, offset)
	if err != nil {
		return nil, err
	}
	return intern(first, second)
}

func (s *scope) handle(def *binary.HandleType, offset int) (*types.Type, error) {
	it, err := s.get(binary.TypeSort, def.Resource, offset)
	if err != nil {
		return nil, err
	}
	if it.typ.resource == nil {
		return nil, fault(offset, "type index %d is not a resource type", def.Resource)
	}
	if def.Borrow {
		return s.plan.Types.Borrow(it.typ.resource)
	}
	return s.plan.Types.Own(it.typ.resource)
}
