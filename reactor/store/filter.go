package store

// Filter selects workloads; the zero value selects all.
type Filter struct {
	States StateSet      // empty: any
	Module *Digest       // nil: any
	Labels []Requirement // all must hold
}

// Operator is how a Requirement compares a label.
type Operator uint8

// The operators. As in other label selectors, NotEqual also holds if the label is missing.
const (
	Equal Operator = iota
	NotEqual
	Exists
	NotExists
)

// Requirement is one condition on labels.
type Requirement struct {
	Key   string
	Op    Operator
	Value string // for Equal and NotEqual
}

// Match reports whether the requirement holds for the labels.
func (r Requirement) Match(labels map[string]string) bool {
	value, ok := labels[r.Key]
	switch r.Op {
	case Equal:
		return ok && value == r.Value
	case NotEqual:
		return !ok || value != r.Value
	case Exists:
		return ok
	case NotExists:
		return !ok
	}
	return false
}

// Match reports whether the filter selects the workload.
func (f *Filter) Match(w *Workload) bool {
	return f.match(w.State, w.Module) && f.MatchLabels(w.Labels)
}

func (f *Filter) match(state State, module Digest) bool {
	return (f.States == 0 || f.States.Has(state)) && (f.Module == nil || *f.Module == module)
}

// MatchLabels reports whether the filter's requirements hold for the labels.
func (f *Filter) MatchLabels(labels map[string]string) bool {
	for _, r := range f.Labels {
		if !r.Match(labels) {
			return false
		}
	}
	return true
}
