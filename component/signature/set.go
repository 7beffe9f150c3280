package signature

import (
	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/component/types"
)

// Set is the functions that a component exports. Stores keep it as JSON, so the names there must not change.
type Set struct {
	Functions []Function `json:"functions,omitempty"`
	Types     []Type     `json:"types,omitempty"` // each refers to earlier ones only
	Resources []string   `json:"resources,omitempty"`
	// Interfaces are those by which Resources are imported from the host; empty if a component defines one, or nobody knows.
	Interfaces map[int]string `json:"interfaces,omitempty"`
}

// Function is an exported function. Types are numbers in Set.Types.
type Function struct {
	Interface string  `json:"interface,omitempty"` // that it is exported in, such as "ns:pkg/iface@1.0.0"; empty if in none
	Name      string  `json:"name"`
	Async     bool    `json:"async,omitempty"`
	Params    []Field `json:"params,omitempty"`
	Result    *int    `json:"result,omitempty"`
}

// Type is a value type.
type Type struct {
	Kind     string   `json:"kind"` // the word in WIT: "u8", "record"
	Fields   []Field  `json:"fields,omitempty"`
	Cases    []Case   `json:"cases,omitempty"`
	Labels   []string `json:"labels,omitempty"`
	Elem     *int     `json:"elem,omitempty"`
	Key      *int     `json:"key,omitempty"`
	Resource *int     `json:"resource,omitempty"` // in Set.Resources
	Length   *uint32  `json:"length,omitempty"`   // of a list of a fixed length
}

// Field is a field of a record, a type of a tuple, which has no name, or a parameter.
type Field struct {
	Name string `json:"name,omitempty"`
	Type int    `json:"type"`
}

// Case is a case of a variant, an enum, an option or a result.
type Case struct {
	Name string `json:"name"`
	Type *int   `json:"type,omitempty"`
}

// Of returns the functions of a plan.
func Of(p *plan.Plan) *Set {
	w := writer{set: &Set{}, types: map[*types.Type]int{}, resources: map[*types.Resource]int{}}
	for _, e := range p.Exports {
		w.set.Functions = append(w.set.Functions, Function{
			Interface: e.Interface, Name: e.Name, Async: e.Func.Async, Params: w.fields(e.Func.Params), Result: w.optional(e.Func.Result),
		})
	}
	return w.set
}

// Size returns about how many bytes the set takes, in memory and as a message.
func (s *Set) Size() int {
	const each = 16 // of anything, besides its name
	size := 0
	fields := func(fields []Field) {
		for i := range fields {
			size += each + len(fields[i].Name)
		}
	}
	for i := range s.Functions {
		f := &s.Functions[i]
		size += 2*each + len(f.Interface) + len(f.Name)
		fields(f.Params)
	}
	for i := range s.Types {
		t := &s.Types[i]
		size += 2 * each
		fields(t.Fields)
		for j := range t.Cases {
			size += each + len(t.Cases[j].Name)
		}
		for _, label := range t.Labels {
			size += each + len(label)
		}
	}
	for i, name := range s.Resources {
		size += each + len(name) + len(s.Interfaces[i])
	}
	return size
}

// writer writes types into a Set, each once.
type writer struct {
	set       *Set
	types     map[*types.Type]int
	resources map[*types.Resource]int
}

func (w *writer) fields(fields []types.Field) []Field {
	var out []Field
	for _, f := range fields {
		out = append(out, Field{f.Name, w.typ(f.Type)})
	}
	return out
}

func (w *writer) optional(t *types.Type) *int {
	if t == nil {
		return nil
	}
	n := w.typ(t)
	return &n
}

// typ returns the number of a type. The depth of types has a bound.
func (w *writer) typ(t *types.Type) int {
	if n, ok := w.types[t]; ok {
		return n
	}
	out := Type{Kind: t.Kind.String(), Fields: w.fields(t.Fields), Labels: t.Labels}
	for _, c := range t.Cases {
		out.Cases = append(out.Cases, Case{c.Name, w.optional(c.Type)})
	}
	if t.Kind != types.Option {
		out.Elem, out.Key = w.optional(t.Elem), w.optional(t.Key)
	}
	if t.Fixed {
		out.Length = &t.Length
	}
	if t.Resource != nil {
		out.Resource = w.resource(t.Resource)
	}
	n := len(w.set.Types)
	w.types[t] = n
	w.set.Types = append(w.set.Types, out)
	return n
}

func (w *writer) resource(r *types.Resource) *int {
	n, ok := w.resources[r]
	if !ok {
		n = len(w.set.Resources)
		w.resources[r] = n
		w.set.Resources = append(w.set.Resources, r.Name)
		if r.Interface != "" {
			if w.set.Interfaces == nil {
				w.set.Interfaces = map[int]string{}
			}
			w.set.Interfaces[n] = r.Interface
		}
	}
	return &n
}
