package top

import (
	"strings"
	"time"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// What is asked for at a time, at most: what a large terminal shows, or, to look for words that only reactorctl knows, as
// much as the daemon sends at once.
const (
	groupsAsked  = 50
	rowsAsked    = 100
	rowsSearched = 1000
)

// Requests are what a model needs to know.
type Requests struct {
	Filter  Filter
	Summary *reactorv1.SummarizeOpsRequest
	Busiest *reactorv1.ListWorkloadsRequest
	Oldest  *reactorv1.ListOpsRequest // nil: the filter selects none that wait
}

// Requests returns what to ask the daemon for.
func (m *Model) Requests() Requests {
	f, size := m.filter, int32(rowsAsked)
	if len(f.parts) > 0 {
		size = rowsSearched
	}
	selector, ops := strings.Join(f.labels, ","), &reactorv1.OpFilter{Kinds: f.kinds}
	r := Requests{
		Filter:  f,
		Summary: &reactorv1.SummarizeOpsRequest{LabelSelector: selector, Filter: ops, Groups: groupsAsked},
		Busiest: &reactorv1.ListWorkloadsRequest{
			Filter: &reactorv1.WorkloadFilter{LabelSelector: selector, States: f.states}, PageSize: size,
			Order: reactorv1.WorkloadOrder_WORKLOAD_ORDER_BUSIEST_FIRST,
		},
	}
	if f.isWaiting() {
		r.Oldest = &reactorv1.ListOpsRequest{LabelSelector: selector, Filter: ops, PageSize: size, Order: reactorv1.OpOrder_OP_ORDER_OLDEST_FIRST}
	}
	return r
}

// Reading is what a node was doing at a time.
type Reading struct {
	Filter  Filter // that it was asked with
	Node    *reactorv1.Node
	Stats   *reactorv1.Stats
	Summary *reactorv1.SummarizeOpsResponse
	Busiest []*reactorv1.Workload
	Oldest  []*reactorv1.Op
}

func (r *Reading) time() time.Time { return r.Stats.GetTime().AsTime() }

// rates are what happened per second between two readings.
type rates struct {
	known               bool
	cpu, resumes, ended float64 // cpu in processors
	ready               float64 // guests that had no worker, on average
}

// between returns the rates between two readings of one daemon. They are not known if it was started in between.
func between(before, after *Reading) rates {
	if before == nil || before.Node.GetProcessId() != after.Node.GetProcessId() || !before.Node.GetStartTime().AsTime().Equal(after.Node.GetStartTime().AsTime()) {
		return rates{}
	}
	seconds := after.time().Sub(before.time()).Seconds()
	if seconds <= 0 {
		return rates{}
	}
	b, a := before.Stats, after.Stats
	ended := func(s *reactorv1.Stats) float64 { return float64(s.GetSucceeded() + s.GetFailed() + s.GetCancelled()) }
	return rates{
		known:   true,
		cpu:     (a.GetBusyTime().AsDuration() - b.GetBusyTime().AsDuration()).Seconds() / seconds,
		resumes: (float64(a.GetResumes()) - float64(b.GetResumes())) / seconds,
		ended:   (ended(a) - ended(b)) / seconds,
		ready:   (a.GetReadySeconds() - b.GetReadySeconds()) / seconds,
	}
}
