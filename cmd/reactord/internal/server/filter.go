package server

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/api"
)

func toFilter(p *reactorv1.WorkloadFilter, bad *fields) api.Filter {
	f := api.Filter{
		LabelSelector: p.GetLabelSelector(),
		Module:        p.GetModule(),
		Created: api.Period{
			Start: toTime(p.GetCreatedAfter(), "filter.created_after", bad),
			End:   toTime(p.GetCreatedBefore(), "filter.created_before", bad),
		},
		Ended: api.Period{
			Start: toTime(p.GetEndedAfter(), "filter.ended_after", bad),
			End:   toTime(p.GetEndedBefore(), "filter.ended_before", bad),
		},
	}
	for i, s := range p.GetStates() {
		if s < reactorv1.WorkloadState_WORKLOAD_STATE_PENDING || s > reactorv1.WorkloadState_WORKLOAD_STATE_CANCELLED {
			bad.add("is not a state", "filter.states[%d]", i)
			continue
		}
		f.States = append(f.States, api.State(s))
	}
	return f
}

// toTime returns the zero time, which is no bound, for an absent one.
func toTime(p *timestamppb.Timestamp, path string, bad *fields) time.Time {
	if p == nil {
		return time.Time{}
	}
	if p.CheckValid() != nil {
		bad.add("is not a time", "%s", path)
	}
	return p.AsTime()
}

// view says how much of a workload is sent in lists and watches.
type view reactorv1.WorkloadView

func toView(p reactorv1.WorkloadView, bad *fields) view {
	if _, known := reactorv1.WorkloadView_name[int32(p)]; !known {
		bad.add("is not a view", "view")
	}
	return view(p)
}

// of returns the message of a workload, which it does not change.
func (v view) of(w *api.Workload) *reactorv1.Workload {
	p := fromWorkload(w)
	if p != nil && v != view(reactorv1.WorkloadView_WORKLOAD_VIEW_FULL) {
		p.Spec.Stdin = nil
	}
	return p
}

func setOrder(page *api.Page, p reactorv1.WorkloadOrder, bad *fields) {
	if _, known := reactorv1.WorkloadOrder_name[int32(p)]; !known {
		bad.add("is not an order", "order")
	}
	page.OldestFirst = p == reactorv1.WorkloadOrder_WORKLOAD_ORDER_OLDEST_FIRST
	page.BusiestFirst = p == reactorv1.WorkloadOrder_WORKLOAD_ORDER_BUSIEST_FIRST
}
