package server

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/api"
)

func (w *workloads) ListOps(ctx context.Context, req *reactorv1.ListOpsRequest) (*reactorv1.ListOpsResponse, error) {
	var bad fields
	filter := toOpFilter(req.GetFilter(), &bad)
	filter.WorkloadID, filter.LabelSelector = req.GetWorkloadId(), req.GetLabelSelector()
	page := toPage(req)
	if _, known := reactorv1.OpOrder_name[int32(req.GetOrder())]; !known {
		bad.add("is not an order", "order")
	}
	page.OldestFirst = req.GetOrder() == reactorv1.OpOrder_OP_ORDER_OLDEST_FIRST
	if err := bad.err(); err != nil {
		return nil, err
	}
	ops, next, err := w.reactor.ListOps(ctx, filter, page)
	if err != nil {
		return nil, err
	}
	resp := &reactorv1.ListOpsResponse{Ops: fromOps(ops), NextPageToken: next}
	if req.GetWorkloadId() != "" && req.GetPageToken() == "" {
		resp.Activity, resp.Stuck = fromActivity(w.reactor.Activity(req.GetWorkloadId())), w.reactor.Stuck(req.GetWorkloadId())
	}
	return resp, nil
}

func (w *workloads) SummarizeOps(ctx context.Context, req *reactorv1.SummarizeOpsRequest) (*reactorv1.SummarizeOpsResponse, error) {
	var bad fields
	filter := toOpFilter(req.GetFilter(), &bad)
	filter.LabelSelector = req.GetLabelSelector()
	if err := bad.err(); err != nil {
		return nil, err
	}
	summary, err := w.reactor.SummarizeOps(ctx, filter, int(req.GetGroups()))
	if err != nil {
		return nil, err
	}
	resp := &reactorv1.SummarizeOpsResponse{Others: summary.Others, Waiting: summary.Waiting, Stuck: summary.Stuck}
	for _, g := range summary.Groups {
		resp.Groups = append(resp.Groups, &reactorv1.OpGroup{
			Kind: reactorv1.OpKind(g.Kind), Target: g.Target, Count: g.Count,
			OldestStartTime: fromTime(g.OldestStartTime), OldestWorkloadId: g.OldestWorkloadID, Peers: g.Peers,
		})
	}
	return resp, nil
}

func toOpFilter(p *reactorv1.OpFilter, bad *fields) api.OpFilter {
	filter := api.OpFilter{Target: p.GetTarget(), MinAge: p.GetMinAge().AsDuration()}
	if age := p.GetMinAge(); age != nil && (age.CheckValid() != nil || filter.MinAge < 0) {
		bad.add("must be a duration of zero or more", "filter.min_age")
	}
	for i, kind := range p.GetKinds() {
		if _, known := reactorv1.OpKind_name[int32(kind)]; !known || kind == 0 {
			bad.add("is not a kind", "filter.kinds[%d]", i)
			continue
		}
		filter.Kinds = append(filter.Kinds, api.OpKind(kind)) //nolint:gosec // few kinds
	}
	return filter
}

func fromOps(list []api.Op) []*reactorv1.Op {
	ops := make([]*reactorv1.Op, len(list))
	for i, op := range list {
		ops[i] = &reactorv1.Op{
			WorkloadId:  op.WorkloadID,
			Kind:        reactorv1.OpKind(op.Kind),
			Target:      op.Target,
			StartTime:   fromTime(op.StartTime),
			Deadline:    fromTime(op.Deadline),
			Bytes:       op.Bytes,
			Transferred: op.Transferred,
			Grant:       op.Grant,
			Reason:      op.Reason,
			Peer:        op.Peer,
		}
	}
	return ops
}

func fromWaits(list []api.WaitUsage) []*reactorv1.WaitUsage {
	waits := make([]*reactorv1.WaitUsage, len(list))
	for i, w := range list {
		waits[i] = &reactorv1.WaitUsage{Kind: reactorv1.OpKind(w.Kind), Time: durationpb.New(w.Time), Count: w.Count}
	}
	return waits
}
