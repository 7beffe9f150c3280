package server

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/reactord/reactord/hostcalls/channel"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

type workloads struct {
	reactorv1.UnimplementedWorkloadServiceServer
	reactor *reactor.Reactor
	audit   Audit
	running *sync.WaitGroup                              // goroutines that outlive their handler
	span    func(context.Context) (parent, state string) // of Tracing

	onItemError func(reason string) // is called for each item of a batch that is refused
}

func (w *workloads) SubmitWorkload(ctx context.Context, req *reactorv1.SubmitWorkloadRequest) (*reactorv1.SubmitWorkloadResponse, error) {
	parent, state := w.span(ctx)
	submit, err := toSubmit(req, parent, state)
	if err != nil {
		return nil, err
	}
	workload, created, err := w.reactor.SubmitWorkload(ctx, submit)
	if err != nil {
		auditSubmission(ctx, w.audit, submit.ID, &submit.Spec, false, err)
		return nil, err
	}
	auditSubmission(ctx, w.audit, workload.ID, &submit.Spec, created, nil)
	return &reactorv1.SubmitWorkloadResponse{Workload: fromWorkload(workload), Created: created}, nil
}

// maxBatch bounds the requests of one SubmitWorkloads.
const maxBatch = reactor.MaxBatch

func (w *workloads) SubmitWorkloads(ctx context.Context, req *reactorv1.SubmitWorkloadsRequest) (*reactorv1.SubmitWorkloadsResponse, error) {
	requests := req.GetRequests()
	if len(requests) > maxBatch {
		return nil, fields{{
			Path:        "requests",
			Description: fmt.Sprintf("has %d elements, more than %d; send them in several calls", len(requests), maxBatch),
		}}.err()
	}
	// A request that the reactor has no value for is answered here, the others there.
	results := make([]*reactorv1.SubmitWorkloadsResult, len(requests))
	items := w.batch(len(requests))
	var submits []api.SubmitRequest
	var at []int // the index in requests of each of submits
	parent, state := w.span(ctx)
	for i, r := range requests {
		submit, err := toSubmit(r, parent, state)
		if err != nil {
			results[i] = &reactorv1.SubmitWorkloadsResult{Id: clipEncoded(r.GetId(), maxFieldText), Error: items.err(err)}
			continue
		}
		submits, at = append(submits, submit), append(at, i)
	}
	answers, err := w.reactor.SubmitWorkloads(ctx, submits)
	if err != nil {
		return nil, err
	}
	for i, a := range answers {
		auditSubmission(ctx, w.audit, a.ID, &submits[i].Spec, a.Created, a.Err)
		results[at[i]] = &reactorv1.SubmitWorkloadsResult{Id: clipEncoded(a.ID, maxFieldText), Created: a.Created, Error: items.err(a.Err)}
	}
	return &reactorv1.SubmitWorkloadsResponse{Results: results}, nil
}

// batch makes the errors of a batch's items.
type batch struct {
	text    int // bytes of one message, about
	onError func(reason string)
}

func (w *workloads) batch(items int) batch { return batch{itemText(items), w.onItemError} }

// err returns what clients are told of an item's error; nil for nil.
func (b batch) err(err error) *reactorv1.Error {
	if err == nil {
		return nil
	}
	b.onError(errs.ClassOf(err).String())
	return toItem(err, b.text)
}

// callersSpan returns the headers of the caller's span (W3C Trace Context), which the reactor parses.
func callersSpan(ctx context.Context) (parent, state string) {
	if values := metadata.ValueFromIncomingContext(ctx, "traceparent"); len(values) == 1 {
		return values[0], strings.Join(metadata.ValueFromIncomingContext(ctx, "tracestate"), ",")
	}
	return "", ""
}

func toSubmit(req *reactorv1.SubmitWorkloadRequest, traceParent, traceState string) (api.SubmitRequest, error) {
	var bad fields
	spec := toSpec(req.GetSpec(), &bad)
	return api.SubmitRequest{ID: req.GetId(), Spec: spec, TraceParent: traceParent, TraceState: traceState}, bad.err()
}

func (w *workloads) CallFunction(ctx context.Context, req *reactorv1.CallFunctionRequest) (*reactorv1.CallFunctionResponse, error) {
	var bad fields
	spec := toSpec(req.GetSpec(), &bad)
	if err := bad.err(); err != nil {
		return nil, err
	}
	result, err := w.callFunction(ctx, &spec, nil)
	if err != nil {
		return nil, err
	}
	return fromCallResult(result), nil
}

// callFunction makes a call, and tells what came of its grants when it has ended.
func (w *workloads) callFunction(ctx context.Context, spec *api.Spec, channels *channel.Exchange) (*api.CallResult, error) {
	result, err := w.reactor.CallFunction(ctx, spec, channels)
	auditSubmission(ctx, w.audit, "", spec, err == nil, err)
	return result, err
}

func fromCallResult(r *api.CallResult) *reactorv1.CallFunctionResponse {
	return &reactorv1.CallFunctionResponse{Status: fromStatus(&r.Status), Output: r.Output, OutputDroppedBytes: r.OutputDropped}
}

func (w *workloads) GetWorkload(ctx context.Context, req *reactorv1.GetWorkloadRequest) (*reactorv1.GetWorkloadResponse, error) {
	workload, err := w.reactor.GetWorkload(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	return &reactorv1.GetWorkloadResponse{Workload: fromWorkload(workload)}, nil
}

func (w *workloads) ListWorkloads(ctx context.Context, req *reactorv1.ListWorkloadsRequest) (*reactorv1.ListWorkloadsResponse, error) {
	var bad fields
	filter := toFilter(req.GetFilter(), &bad)
	view := toView(req.GetView(), &bad)
	page := toPage(req)
	setOrder(&page, req.GetOrder(), &bad)
	if err := bad.err(); err != nil {
		return nil, err
	}
	return fitting(page, func(page api.Page) (*reactorv1.ListWorkloadsResponse, int, error) {
		list, err := w.reactor.ListWorkloads(ctx, filter, page)
		resp := &reactorv1.ListWorkloadsResponse{NextPageToken: list.Next, UnreadableIds: list.Unreadable, Cursor: list.Cursor}
		for _, workload := range list.Workloads {
			resp.Workloads = append(resp.Workloads, view.of(workload))
		}
		return resp, len(list.Workloads) + len(list.Unreadable), err
	})
}

func (w *workloads) WatchWorkloads(req *reactorv1.WatchWorkloadsRequest, stream grpc.ServerStreamingServer[reactorv1.WatchWorkloadsResponse]) error {
	var bad fields
	filter := toFilter(req.GetFilter(), &bad)
	view := toView(req.GetView(), &bad)
	if err := bad.err(); err != nil {
		return err
	}
	return w.reactor.WatchWorkloads(stream.Context(), filter, req.GetCursor(), func(e api.WatchEvent) error {
		return stream.Send(&reactorv1.WatchWorkloadsResponse{
			Cursor:   e.Cursor,
			Workload: view.of(e.Workload),
			Draining: e.Draining,
		})
	})
}

func (w *workloads) WaitWorkload(ctx context.Context, req *reactorv1.WaitWorkloadRequest) (*reactorv1.WaitWorkloadResponse, error) {
	workload, err := w.reactor.WaitWorkload(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	return &reactorv1.WaitWorkloadResponse{Workload: fromWorkload(workload)}, nil
}

func (w *workloads) DeleteWorkload(ctx context.Context, req *reactorv1.DeleteWorkloadRequest) (*reactorv1.DeleteWorkloadResponse, error) {
	if err := w.reactor.DeleteWorkload(ctx, req.GetId()); err != nil {
		return nil, err
	}
	return &reactorv1.DeleteWorkloadResponse{}, nil
}

func (w *workloads) CancelWorkloads(ctx context.Context, req *reactorv1.CancelWorkloadsRequest) (*reactorv1.CancelWorkloadsResponse, error) {
	answer, err := w.reactor.CancelWorkloads(ctx, api.CancelRequest{
		IDs:           req.GetIds(),
		LabelSelector: req.GetLabelSelector(),
	})
	if err != nil {
		return nil, err
	}
	resp := &reactorv1.CancelWorkloadsResponse{Total: uint64(answer.Total), Cancelled: uint64(answer.Cancelled)}
	items := w.batch(len(answer.Results))
	for _, r := range answer.Results {
		resp.Results = append(resp.Results, &reactorv1.CancelWorkloadsResult{
			Id:        clipEncoded(r.ID, maxFieldText),
			Cancelled: r.Cancelled,
			Error:     items.err(r.Err),
		})
	}
	return resp, nil
}

func (w *workloads) ReadLogs(req *reactorv1.ReadLogsRequest, stream grpc.ServerStreamingServer[reactorv1.ReadLogsResponse]) error {
	var bad fields
	selected := req.GetStream()
	if selected < reactorv1.OutputStream_OUTPUT_STREAM_UNSPECIFIED || selected > reactorv1.OutputStream_OUTPUT_STREAM_STDERR {
		bad.add("is not a stream", "stream")
	}
	since := toTime(req.GetSince(), "since", &bad)
	if err := bad.err(); err != nil {
		return err
	}
	return w.reactor.ReadLogs(stream.Context(), api.LogRequest{
		ID:           req.GetId(),
		Stream:       api.Stream(selected),
		Follow:       req.GetFollow(),
		TailLines:    req.TailLines,
		Offset:       req.GetOffset(),
		Attempt:      req.GetAttempt(),
		AttemptStart: toMicroseconds(req.GetAttemptStartUs()),
		Since:        since,
	}, func(c api.LogChunk) error {
		return stream.Send(&reactorv1.ReadLogsResponse{
			Stream:         reactorv1.OutputStream(c.Stream),
			Data:           c.Data,
			Time:           fromTime(c.Time),
			DroppedBytes:   c.DroppedBytes,
			Offset:         c.Offset,
			Attempt:        c.Attempt,
			AttemptStartUs: fromMicroseconds(c.AttemptStart),
			MissingBytes:   c.Missing,
		})
	})
}
