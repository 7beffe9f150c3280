package store

import (
	"slices"
	"time"
)

// Filter selects workloads; the zero value selects all.
type Filter struct {
	States StateSet      // empty: any
	Module *Digest       // nil: any
	Labels []Requirement // all must hold
	// Created and Ended are when the workload was stored, and when it ended. A workload that has not ended matches
	// only if Ended is any time.
	Created, Ended Period
}

// Period is a time from Start on and before End. A zero time is no bound; the zero value is any time.
type Period struct{ Start, End time.Time }

// Has reports whether t is in the period.
func (p Period) Has(t time.Time) bool {
	return (p.Start.IsZero() || !t.Before(p.Start)) && (p.End.IsZero() || t.Before(p.End))
}

// Operator is how a Requirement compares a label.
type Operator uint8

// The operators. As in other label selectors, NotEqual and NotIn also hold if the label is missing.
const (
	Equal Operator = iota
	NotEqual
	Exists
	NotExists
	In
	NotIn
)

// Requirement is one condition on labels.
type Requirement struct {
	Key    string
	Op     Operator
	Value  string   // for Equal and NotEqual
	Values []string // for In and NotIn
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
	case In:
		return ok && slices.Contains(r.Values, value)
	case NotIn:
		return !ok || !slices.Contains(r.Values, value)
	}
	return false
}

// Match reports whether the filter selects the workload.
func (f *Filter) Match(w *Workload) bool {
	return f.MatchLife(w.State, w.Updated, w.Created) && (f.Module == nil || *f.Module == w.Module) && f.MatchLabels(w.Labels)
}

// MatchLife reports whether the filter selects workloads in that state, which they have been in since updated, and that
// were stored at created.
func (f *Filter) MatchLife(state State, updated, created time.Time) bool {
	if f.States != 0 && !f.States.Has(state) || !f.Created.Has(created) {
		return false
	}
	return f.Ended == Period{} || state.Finished() && f.Ended.Has(updated)
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
