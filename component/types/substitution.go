package types

// substitution replaces resource types by others, and definitions by those that they turn out to be. What has none of
// them stays as it is.
type substitution struct {
	*checker
	resources map[*Resource]*Resource
	renames   bool // defs began with definitions to replace
	foreign   bool // types are of another Table: all are interned in this one

	defs  map[*Def]*Def // those to replace, and what others have become
	types map[*Type]*Type
	memo  map[ExternType]ExternType // what functions, instances and components have become
}

func newSubstitution(c *checker) *substitution {
	return &substitution{
		checker: c, resources: map[*Resource]*Resource{},
		defs: map[*Def]*Def{}, types: map[*Type]*Type{}, memo: map[ExternType]ExternType{},
	}
}

// fresh makes new resource types for those that a type has bound, to replace these.
func (s *substitution) fresh(bound []*Resource) ([]*Resource, error) {
	if err := s.make(len(bound)); err != nil {
		return nil, err
	}
	resources := make([]*Resource, len(bound))
	for i, r := range bound {
		resources[i] = &Resource{Name: r.Name}
		s.resources[r] = resources[i]
	}
	return resources, nil
}

// externs returns externs of the same names; the same slice if nothing changes.
func (s *substitution) externs(externs []Extern) ([]Extern, error) {
	if err := s.charge(1 + len(externs)); err != nil {
		return nil, err
	}
	result, changed := externs, false
	for i, e := range externs {
		t, err := s.extern(e.Type)
		if err != nil {
			return nil, err
		}
		if t == e.Type {
			continue
		}
		if !changed {
			if err := s.make(len(externs)); err != nil {
				return nil, err
			}
			result, changed = append([]Extern(nil), externs...), true
		}
		result[i].Type = t
	}
	return result, nil
}

func (s *substitution) extern(t ExternType) (ExternType, error) {
	switch t := t.(type) {
	case *Def:
		return s.def(t)
	case *CoreModule:
		return t, nil
	}
	if result, ok := s.memo[t]; ok {
		return result, nil
	}
	result, err := s.composite(t)
	if err == nil {
		s.memo[t] = result
	}
	return result, err
}

// composite returns what a function, instance or component becomes.
func (s *substitution) composite(t ExternType) (ExternType, error) {
	switch t := t.(type) {
	case *Func:
		return s.function(t)
	case *Instance:
		exports, err := s.externs(t.Exports)
		if err != nil || same(exports, t.Exports) {
			return t, err
		}
		return t.with(exports, t.defined), nil
	case *Component:
		imports, err := s.externs(t.Imports)
		if err != nil {
			return nil, err
		}
		exports, err := s.externs(t.Exports)
		if err != nil || same(imports, t.Imports) && same(exports, t.Exports) {
			return t, err
		}
		c := *t
		c.Imports, c.Exports = imports, exports
		return &c, nil
	}
	return t, nil
}

// same reports whether two slices of the same length are one.
func same[T any](a, b []T) bool { return len(a) == 0 || &a[0] == &b[0] }

func (s *substitution) function(f *Func) (*Func, error) {
	if err := s.charge(1 + len(f.Params)); err != nil {
		return nil, err
	}
	g := Func{Async: f.Async, Params: append([]Field(nil), f.Params...)}
	changed := false
	for i := range g.Params {
		t, err := s.typ(f.Params[i].Type)
		if err != nil {
			return nil, err
		}
		g.Params[i].Type, changed = t, changed || t != f.Params[i].Type
	}
	var err error
	if f.Result != nil {
		if g.Result, err = s.typ(f.Result); err != nil {
			return nil, err
		}
	}
	if g.ParamDefs, err = s.parts(f.ParamDefs); err != nil {
		return nil, err
	}
	if f.ResultDef != nil {
		if g.ResultDef, err = s.def(f.ResultDef); err != nil {
			return nil, err
		}
	}
	if !changed && g.Result == f.Result && g.ResultDef == f.ResultDef && same(g.ParamDefs, f.ParamDefs) {
		return f, nil
	}
	return &g, s.make(1 + len(f.Params))
}

// parts returns what definitions become; the same slice if nothing changes.
func (s *substitution) parts(parts []*Def) ([]*Def, error) {
	result, changed := parts, false
	for i, part := range parts {
		if part == nil {
			continue
		}
		d, err := s.def(part)
		if err != nil {
			return nil, err
		}
		if d == part {
			continue
		}
		if !changed {
			result, changed = append([]*Def(nil), parts...), true
		}
		result[i] = d
	}
	return result, nil
}

// def returns what a definition becomes, and before it those that it is an alias of, which may be many.
func (s *substitution) def(d *Def) (*Def, error) {
	if s.keeps(d) {
		return d, nil
	}
	var chain []*Def
	for a := d; a != nil && s.defs[a] == nil; a = a.Alias {
		chain = append(chain, a)
	}
	for i := len(chain) - 1; i >= 0; i-- {
		if s.defs[chain[i]] != nil { // it is a part of one before it
			continue
		}
		result, err := s.definition(chain[i])
		if err != nil {
			return nil, err
		}
		s.defs[chain[i]] = result
	}
	return s.defs[d], nil
}

// keeps reports whether nothing in a definition can change.
func (s *substitution) keeps(d *Def) bool {
	switch {
	case s.renames || s.foreign:
		return false
	case d.Resource != nil:
		return s.resources[d.Resource] == nil
	}
	return !d.Type.open
}

// definition returns what a definition becomes. Its Alias is in s.defs.
func (s *substitution) definition(d *Def) (*Def, error) {
	if err := s.charge(1 + len(d.Parts)); err != nil {
		return nil, err
	}
	e := *d
	if d.Alias != nil {
		e.Alias = s.defs[d.Alias]
	}
	if d.Resource != nil {
		e.Resource = s.resource(d.Resource)
		if e.Resource == d.Resource && e.Alias == d.Alias {
			return d, nil
		}
		return s.newDef(e)
	}
	var err error
	if e.Type, err = s.typ(d.Type); err != nil {
		return nil, err
	}
	if e.Parts, err = s.parts(d.Parts); err != nil {
		return nil, err
	}
	if e.Type == d.Type && e.Alias == d.Alias && same(e.Parts, d.Parts) {
		return d, nil
	}
	return s.newDef(e)
}

func (s *substitution) resource(r *Resource) *Resource {
	if other := s.resources[r]; other != nil {
		return other
	}
	return r
}

func (s *substitution) typ(t *Type) (*Type, error) {
	if t == nil || !t.open && !s.foreign {
		return t, nil
	}
	if result := s.types[t]; result != nil {
		return result, nil
	}
	if err := s.charge(1 + len(t.Fields) + len(t.Cases)); err != nil {
		return nil, err
	}
	result, err := s.rebuild(t)
	if err == nil {
		s.types[t] = result
	}
	return result, err
}

// rebuild interns a type whose parts are what those of t become.
func (s *substitution) rebuild(t *Type) (*Type, error) {
	elem, err := s.typ(t.Elem)
	if err != nil {
		return nil, err
	}
	switch t.Kind {
	case List:
		if t.Fixed {
			return s.table.FixedList(elem, t.Length)
		}
		return s.table.List(elem)
	case Option:
		return s.table.Option(elem)
	case Map:
		key, err := s.typ(t.Key)
		if err != nil {
			return nil, err
		}
		return s.table.Map(key, elem)
	case Stream:
		return s.table.Stream(elem)
	case Future:
		return s.table.Future(elem)
	case Own:
		return s.table.Own(s.resource(t.Resource))
	case Borrow:
		return s.table.Borrow(s.resource(t.Resource))
	case Flags:
		return s.table.Flags(t.Labels)
	case Record, Tuple:
		fields := append([]Field(nil), t.Fields...)
		for i := range fields {
			if fields[i].Type, err = s.typ(fields[i].Type); err != nil {
				return nil, err
			}
		}
		return s.table.fields(t.Kind, fields)
	case Variant, Enum, Result:
		cases := append([]Case(nil), t.Cases...)
		for i := range cases {
			if cases[i].Type, err = s.typ(cases[i].Type); err != nil {
				return nil, err
			}
		}
		return s.table.cases(t.Kind, cases)
	}
	return s.table.Prim(t.Kind), nil
}
