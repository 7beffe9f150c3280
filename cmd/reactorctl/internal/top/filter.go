package top

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// FilterHelp says what filters there are.
const FilterHelp = "words that must all hold: app=web (a label), state:waiting, kind:timer, or a part of an id, a name, a label or a target"

// Filter selects workloads. The zero value selects all.
type Filter struct {
	text   string
	labels []string
	states []reactorv1.WorkloadState
	kinds  []reactorv1.OpKind
	parts  []string // in lower case
}

// ParseFilter reads a filter: words that must all hold.
func ParseFilter(text string) (Filter, error) {
	f := Filter{text: strings.Join(strings.Fields(text), " ")}
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, ":")
		switch {
		case name == "state" && value != "":
			number, known := reactorv1.WorkloadState_value["WORKLOAD_STATE_"+strings.ToUpper(value)]
			state := reactorv1.WorkloadState(number)
			if live := []reactorv1.WorkloadState{reactorv1.WorkloadState_WORKLOAD_STATE_RUNNING, reactorv1.WorkloadState_WORKLOAD_STATE_WAITING}; !known || !slices.Contains(live, state) {
				return Filter{}, fmt.Errorf("state:%s: give running or waiting", value)
			}
			f.states = append(f.states, state)
		case name == "kind" && value != "":
			number, known := reactorv1.OpKind_value["OP_KIND_"+strings.ToUpper(value)]
			if !known || number == 0 {
				return Filter{}, fmt.Errorf("kind:%s is no kind of operation, such as timer, read or accept", value)
			}
			f.kinds = append(f.kinds, reactorv1.OpKind(number))
		case strings.Contains(word, "="):
			f.labels = append(f.labels, word)
		default:
			f.parts = append(f.parts, strings.ToLower(word))
		}
	}
	return f, nil
}

// String returns the filter as ParseFilter reads it.
func (f Filter) String() string { return f.text }

// hasAll reports whether each part is a part of one of the texts.
func (f Filter) hasAll(texts ...string) bool {
	for _, part := range f.parts {
		if !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), part) }) {
			return false
		}
	}
	return true
}

// workload reports whether the filter selects a workload that the daemon has selected by its labels and state.
func (f Filter) workload(w *reactorv1.Workload) bool {
	ops := w.GetStatus().GetWaitingFor()
	isKind := func(op *reactorv1.Op) bool { return slices.Contains(f.kinds, op.GetKind()) }
	if len(f.kinds) > 0 && !slices.ContainsFunc(ops, isKind) {
		return false
	}
	texts := []string{w.GetId(), w.GetSpec().GetName(), render.Labels(w.GetSpec().GetLabels()), render.State(w)}
	for _, op := range ops {
		texts = append(texts, render.OpKind(op.GetKind()), op.GetTarget())
	}
	return f.hasAll(texts...)
}

// op reports whether the filter selects an operation that the daemon has selected by its kind.
func (f Filter) op(op *reactorv1.Op) bool {
	return f.hasAll(op.GetWorkloadId(), render.OpKind(op.GetKind()), op.GetTarget(), render.OpGrant(op))
}

// isWaiting reports whether the filter selects workloads that wait.
func (f Filter) isWaiting() bool {
	return len(f.states) == 0 || slices.Contains(f.states, reactorv1.WorkloadState_WORKLOAD_STATE_WAITING)
}
