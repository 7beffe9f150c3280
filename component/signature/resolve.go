package signature

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/component/types"
)

// Resolved is a Set with its types made again.
type Resolved struct {
	Functions []Resolution
}

// Resolution is a function and its type.
type Resolution struct {
	Interface, Name string
	Func            *types.Func
}

// ConnectionType is the resource type that a parameter may be of: an open connection is given for it.
const ConnectionType = "tcp-socket"

// Connection reports whether an argument of a type is an open connection, by the name of its resource type. Whether that is the
// host's, the host says.
func Connection(t *types.Type) bool { return t.Kind == types.Own && t.Resource.Name == ConnectionType }

// any reports whether f holds for a type of the function that is not a Connection.
func (r *Resolution) any(f func(*types.Type) bool) bool {
	for _, p := range r.Func.Params {
		if !Connection(p.Type) && f(p.Type) {
			return true
		}
	}
	return r.Func.Result != nil && f(r.Func.Result)
}

// Callable reports whether values of all types of the function can be written: streams, futures, error contexts and handles that
// are no Connection can't.
func (r *Resolution) Callable() bool {
	return !r.any(func(t *types.Type) bool { return t.Handles })
}

// Streams reports whether the function takes or returns streams or futures, and nothing else that can't be written.
func (r *Resolution) Streams() bool {
	return !r.Callable() && !r.any(func(t *types.Type) bool { return t.Resources })
}

var errReference = errors.New("a type refers to one that is not before it")

// Resolve makes the types of the set. It fails if the set is not one that Of makes.
func (s *Set) Resolve() (*Resolved, error) {
	r := newReader(s)
	for i := range s.Types {
		if err := r.make(i); err != nil {
			return nil, err
		}
	}
	out := &Resolved{Functions: make([]Resolution, len(s.Functions))}
	for i := range s.Functions {
		f, err := r.function(i)
		if err != nil {
			return nil, err
		}
		out.Functions[i] = *f
	}
	return out, nil
}

// ResolveFunction is Resolve for one of Functions, and makes no types that it does not need.
func (s *Set) ResolveFunction(number int) (*Resolution, error) {
	r := newReader(s)
	needed := make([]bool, len(s.Types))
	need := func(n int) {
		if n >= 0 && n < len(needed) { // others make it fail
			needed[n] = true
		}
	}
	f := &s.Functions[number]
	eachReference(f.Params, nil, need, f.Result)
	for i := len(s.Types) - 1; i >= 0; i-- { // each refers to earlier ones only
		if t := &s.Types[i]; needed[i] {
			eachReference(t.Fields, t.Cases, need, t.Elem, t.Key)
		}
	}
	for i := range s.Types {
		if needed[i] {
			if err := r.make(i); err != nil {
				return nil, err
			}
		}
	}
	return r.function(number)
}

// eachReference calls f with the number of each type that is referred to.
func eachReference(fields []Field, cases []Case, f func(n int), others ...*int) {
	for _, field := range fields {
		f(field.Type)
	}
	for _, c := range cases {
		others = append(others, c.Type)
	}
	for _, n := range others {
		if n != nil {
			f(*n)
		}
	}
}

// reader makes types of a Set.
type reader struct {
	set       *Set
	table     *types.Table
	types     []*types.Type // nil before they are made
	resources []*types.Resource
}

func newReader(s *Set) *reader {
	r := &reader{set: s, table: types.NewTable(), types: make([]*types.Type, len(s.Types)), resources: make([]*types.Resource, len(s.Resources))}
	for i, name := range s.Resources {
		r.resources[i] = &types.Resource{Name: name, Interface: s.Interfaces[i]}
	}
	return r
}

// make makes a type. Those that it refers to have been made.
func (r *reader) make(n int) error {
	t, err := r.typ(&r.set.Types[n])
	if err != nil {
		return fmt.Errorf("type %d: %w", n, err)
	}
	r.types[n] = t
	return nil
}

// function makes a function, whose types have been made.
func (r *reader) function(number int) (*Resolution, error) {
	f := &r.set.Functions[number]
	params, err := r.fields(f.Params)
	if err != nil {
		return nil, fmt.Errorf("function %q: %w", f.Name, err)
	}
	result, err := r.optional(f.Result)
	if err != nil {
		return nil, fmt.Errorf("function %q: %w", f.Name, err)
	}
	return &Resolution{f.Interface, f.Name, &types.Func{Async: f.Async, Params: params, Result: result}}, nil
}

func (r *reader) at(n int) (*types.Type, error) {
	if n < 0 || n >= len(r.types) || r.types[n] == nil {
		return nil, errReference
	}
	return r.types[n], nil
}

func (r *reader) optional(n *int) (*types.Type, error) {
	if n == nil {
		return nil, nil
	}
	return r.at(*n)
}

func (r *reader) fields(fields []Field) ([]types.Field, error) {
	var out []types.Field
	for _, f := range fields {
		t, err := r.at(f.Type)
		if err != nil {
			return nil, err
		}
		out = append(out, types.Field{Name: f.Name, Type: t})
	}
	return out, nil
}

func (r *reader) cases(cases []Case) ([]types.Case, error) {
	var out []types.Case
	for _, c := range cases {
		t, err := r.optional(c.Type)
		if err != nil {
			return nil, err
		}
		out = append(out, types.Case{Name: c.Name, Type: t})
	}
	return out, nil
}

// kinds are the kinds by their words.
var kinds = func() map[string]types.Kind {
	m := map[string]types.Kind{}
	for k := types.Bool; k <= types.ErrorContext; k++ {
		m[k.String()] = k
	}
	return m
}()

func (r *reader) typ(t *Type) (*types.Type, error) {
	kind, ok := kinds[t.Kind]
	if !ok {
		return nil, fmt.Errorf("there is no kind %q", t.Kind)
	}
	elem, err := r.optional(t.Elem)
	if err != nil {
		return nil, err
	}
	key, err := r.optional(t.Key)
	if err != nil {
		return nil, err
	}
	fields, err := r.fields(t.Fields)
	if err != nil {
		return nil, err
	}
	cases, err := r.cases(t.Cases)
	if err != nil {
		return nil, err
	}
	return r.intern(kind, t, fields, cases, elem, key)
}

func (r *reader) intern(kind types.Kind, t *Type, fields []types.Field, cases []types.Case, elem, key *types.Type) (*types.Type, error) {
	switch kind {
	case types.List:
		if elem == nil {
			return nil, errors.New("a list needs an element")
		}
		if t.Length != nil {
			return r.table.FixedList(elem, *t.Length)
		}
		return r.table.List(elem)
	case types.Record:
		return r.table.Record(fields)
	case types.Tuple:
		elems := make([]*types.Type, len(fields))
		for i, f := range fields {
			elems[i] = f.Type
		}
		return r.table.Tuple(elems)
	case types.Variant:
		return r.table.Variant(cases)
	case types.Enum:
		names := make([]string, len(cases))
		for i, c := range cases {
			names[i] = c.Name
		}
		return r.table.Enum(names)
	case types.Option:
		if len(cases) != 2 || cases[1].Type == nil {
			return nil, errors.New("an option needs a type")
		}
		return r.table.Option(cases[1].Type)
	case types.Result:
		if len(cases) != 2 {
			return nil, errors.New("a result has two cases")
		}
		return r.table.Result(cases[0].Type, cases[1].Type)
	case types.Flags:
		return r.table.Flags(t.Labels)
	case types.Map:
		if elem == nil || key == nil {
			return nil, errors.New("a map needs a key and a value")
		}
		return r.table.Map(key, elem)
	case types.Own, types.Borrow:
		return r.handle(kind, t)
	case types.Stream:
		return r.table.Stream(elem)
	case types.Future:
		return r.table.Future(elem)
	case types.ErrorContext:
		return r.table.ErrorContext(), nil
	default:
		return r.table.Prim(kind), nil
	}
}

func (r *reader) handle(kind types.Kind, t *Type) (*types.Type, error) {
	if t.Resource == nil || *t.Resource < 0 || *t.Resource >= len(r.resources) {
		return nil, errors.New("a handle needs a resource type")
	}
	if kind == types.Borrow {
		return r.table.Borrow(r.resources[*t.Resource])
	}
	return r.table.Own(r.resources[*t.Resource])
}
