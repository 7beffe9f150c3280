package types

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/names"
)

// typeDefinition defines a type.
func (s *scope) typeDefinition(d *binary.Type) error {
	t, err := s.typ(d.Def)
	if err != nil {
		return err
	}
	s.types = append(s.types, t)
	return nil
}

func (s *scope) typ(def binary.TypeDef) (ExternType, error) {
	switch def := def.(type) {
	case *binary.FuncType:
		return s.funcType(def)
	case *binary.ResourceType:
		return s.resourceType(def)
	case *binary.ComponentType:
		inner := newScope(s.checker, componentTypeScope, s)
		if err := inner.declare(def.Decls); err != nil {
			return nil, err
		}
		return inner.finish()
	case *binary.InstanceType:
		inner := newScope(s.checker, instanceTypeScope, s)
		if err := inner.declare(def.Decls); err != nil {
			return nil, err
		}
		return inner.finishInstance()
	default:
		d, err := s.valueType(def)
		if err != nil {
			return nil, err
		}
		return s.newDef(d)
	}
}

func (s *scope) declare(decls []binary.Definition) error {
	for _, d := range decls {
		if err := s.define(d); err != nil {
			return locate(err, d.Pos())
		}
	}
	return nil
}

// resourceType defines a resource type, which only a component itself can.
func (s *scope) resourceType(def *binary.ResourceType) (ExternType, error) {
	if s.kind != componentScope {
		return nil, errors.New("a type cannot define a resource type")
	}
	if def.Dtor != nil {
		f, err := at(s.coreFuncs, "core function", *def.Dtor)
		if err != nil {
			return nil, err
		}
		if !f.is("\x7f", "") {
			return nil, fmt.Errorf("the destructor is a %v, not a (func (param i32))", f)
		}
	}
	r := &Resource{}
	s.defined = append(s.defined, r)
	s.local[r] = true
	return s.newDef(Def{Resource: r})
}

func (s *scope) funcType(def *binary.FuncType) (*Func, error) {
	f := &Func{Async: def.Async, Params: make([]Field, len(def.Params)), ParamDefs: make([]*Def, len(def.Params))}
	seen := labels{what: "parameter"}
	for i, p := range def.Params {
		if err := seen.add(p.Name); err != nil {
			return nil, err
		}
		d, err := s.ref(p.Type)
		if err != nil {
			return nil, err
		}
		f.Params[i] = Field{Name: p.Name, Type: d.Type}
		f.ParamDefs[i] = d
	}
	if def.Result != nil {
		d, err := s.ref(*def.Result)
		if err != nil {
			return nil, err
		}
		if d.Type.Borrows {
			return nil, errors.New("a result cannot have borrowed handles")
		}
		f.Result, f.ResultDef = d.Type, d
	}
	if f.expanded() > MaxExpanded {
		return nil, errExpanded
	}
	return f, s.make(1 + len(def.Params))
}

// ref returns the definition of a value type that is referred to.
func (s *scope) ref(v binary.ValType) (*Def, error) {
	if v.Prim == 0 {
		return s.valueTypeAt(v.Index)
	}
	kind := primKinds[v.Prim]
	if kind == ErrorContext {
		if err := need(s.features.ErrorContext, featureErrorContext, "type"); err != nil {
			return nil, err
		}
	}
	return s.prim(kind), nil
}

var primKinds = map[binary.Prim]Kind{
	binary.Bool: Bool, binary.S8: S8, binary.U8: U8, binary.S16: S16, binary.U16: U16, binary.S32: S32, binary.U32: U32,
	binary.S64: S64, binary.U64: U64, binary.F32: F32, binary.F64: F64, binary.Char: Char, binary.String: String,
	binary.ErrorContext: ErrorContext,
}

// refs returns definitions and their types, nil where there is none.
func (s *scope) refs(types ...*binary.ValType) (defs []*Def, structure []*Type, err error) {
	defs, structure = make([]*Def, len(types)), make([]*Type, len(types))
	for i, t := range types {
		if t == nil {
			continue
		}
		if defs[i], err = s.ref(*t); err != nil {
			return nil, nil, err
		}
		structure[i] = defs[i].Type
	}
	return defs, structure, s.charge(len(types))
}

// valueType returns the definition of a value type.
func (s *scope) valueType(def binary.TypeDef) (Def, error) {
	switch def := def.(type) {
	case binary.PrimType:
		d, err := s.ref(binary.ValType{Prim: def.Prim})
		if err != nil {
			return Def{}, err
		}
		return *d, nil
	case *binary.RecordType:
		return s.record(def)
	case *binary.VariantType:
		return s.variant(def)
	case *binary.TupleType:
		types := make([]*binary.ValType, len(def.Types))
		for i := range def.Types {
			types[i] = &def.Types[i]
		}
		return s.of(s.table.Tuple, types...)
	case *binary.FlagsType:
		return s.labeled("flag", def.Labels, s.table.Flags)
	case *binary.EnumType:
		return s.labeled("case", def.Labels, s.table.Enum)
	case *binary.HandleType:
		return s.handle(def)
	case *binary.ListType:
		if !def.Fixed {
			return s.ofOne(s.table.List, &def.Elem)
		}
		if err := need(s.features.FixedLengthLists, featureFixedLists, "type"); err != nil {
			return Def{}, err
		}
		return s.ofOne(func(elem *Type) (*Type, error) { return s.table.FixedList(elem, def.Length) }, &def.Elem)
	case *binary.OptionType:
		return s.ofOne(s.table.Option, &def.Elem)
	case *binary.StreamType:
		return s.ofOne(s.table.Stream, def.Elem)
	case *binary.FutureType:
		return s.ofOne(s.table.Future, def.Elem)
	case *binary.ResultType:
		return s.of(func(t []*Type) (*Type, error) { return s.table.Result(t[0], t[1]) }, def.OK, def.Err)
	case *binary.MapType:
		return s.of(func(t []*Type) (*Type, error) { return s.table.Map(t[0], t[1]) }, &def.Key, &def.Value)
	}
	return Def{}, fmt.Errorf("a type of this kind is not possible here")
}

// of returns the definition of a type that is made of others.
func (s *scope) of(intern func([]*Type) (*Type, error), types ...*binary.ValType) (Def, error) {
	defs, structure, err := s.refs(types...)
	if err != nil {
		return Def{}, err
	}
	t, err := intern(structure)
	return Def{Type: t, Parts: defs}, err
}

func (s *scope) ofOne(intern func(*Type) (*Type, error), elem *binary.ValType) (Def, error) {
	return s.of(func(t []*Type) (*Type, error) { return intern(t[0]) }, elem)
}

func (s *scope) record(def *binary.RecordType) (Def, error) {
	seen, types := labels{what: "field"}, make([]*binary.ValType, len(def.Fields))
	for i := range def.Fields {
		if err := seen.add(def.Fields[i].Name); err != nil {
			return Def{}, err
		}
		types[i] = &def.Fields[i].Type
	}
	return s.of(func(structure []*Type) (*Type, error) {
		fields := make([]Field, len(structure))
		for i, t := range structure {
			fields[i] = Field{Name: def.Fields[i].Name, Type: t}
		}
		return s.table.fields(Record, fields)
	}, types...)
}

func (s *scope) variant(def *binary.VariantType) (Def, error) {
	seen, types := labels{what: "case"}, make([]*binary.ValType, len(def.Cases))
	for i := range def.Cases {
		if err := seen.add(def.Cases[i].Name); err != nil {
			return Def{}, err
		}
		types[i] = def.Cases[i].Type
	}
	return s.of(func(structure []*Type) (*Type, error) {
		cases := make([]Case, len(structure))
		for i, t := range structure {
			cases[i] = Case{Name: def.Cases[i].Name, Type: t}
		}
		return s.table.cases(Variant, cases)
	}, types...)
}

func (s *scope) labeled(what string, texts []string, intern func([]string) (*Type, error)) (Def, error) {
	seen := labels{what: what}
	for _, text := range texts {
		if err := seen.add(text); err != nil {
			return Def{}, err
		}
	}
	if err := s.charge(len(texts)); err != nil {
		return Def{}, err
	}
	t, err := intern(texts)
	return Def{Type: t}, err
}

func (s *scope) handle(def *binary.HandleType) (Def, error) {
	d, err := s.resourceAt(def.Resource)
	if err != nil {
		return Def{}, err
	}
	intern := s.table.Own
	if def.Borrow {
		intern = s.table.Borrow
	}
	t, err := intern(d.Resource)
	return Def{Type: t, Parts: []*Def{d}}, err
}

// labels checks names of fields, cases, flags and parameters.
type labels struct {
	what string
	seen map[string]string
}

func (l *labels) add(name string) error {
	if !names.IsLabel(name) {
		return fmt.Errorf("%s name %s is not in kebab case", l.what, quote(name))
	}
	key := names.LabelKey(name)
	if previous, ok := l.seen[key]; ok {
		return fmt.Errorf("%s name %s conflicts with the previous name %s", l.what, quote(name), quote(previous))
	}
	if l.seen == nil {
		l.seen = map[string]string{}
	}
	l.seen[key] = name
	return nil
}
