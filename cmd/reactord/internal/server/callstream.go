package server

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	"github.com/reactord/reactord/cmd/internal/values"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/hostcalls/channel"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/api"
)

type callStream = grpc.BidiStreamingServer[reactorv1.CallRequest, reactorv1.CallResponse]

// Call calls a function with streams and futures:
//
//  1. The handler's goroutine sends what the exchange has for the client. It blocks while the client does not read.
//  2. A second goroutine makes the call, which ends with the context.
//  3. A third one, receiveCall, gives the exchange what the client sends. It never waits for the guest, which windows slow down.
//     As with AttachWorkload, gRPC ends its Recv after the handler has returned.
//  4. A fault of the client's cancels the context, with the fault as the cause, and so the call.
func (w *workloads) Call(stream callStream) error {
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if first.GetOpen() == nil {
		return fields{{Path: "open", Description: "must be the first message"}}.err()
	}
	var bad fields
	spec := toSpec(first.GetOpen().GetSpec(), &bad)
	if err := bad.err(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	x := channel.New()
	var result *api.CallResult
	var failed error
	ended := make(chan struct{}) // then result or failed is set, and the exchange is closed
	w.running.Go(func() {
		defer close(ended)
		result, failed = w.callFunction(ctx, &spec, x)
		x.Close()
	})
	w.running.Go(func() {
		if err := receiveCall(ctx, stream, x); err != nil {
			cancel(err)
		}
	})
	if err := sendCall(ctx, stream, x); err != nil {
		if cause := context.Cause(ctx); stream.Context().Err() == nil && cause != nil {
			return cause
		}
		return err
	}
	<-ended
	if failed != nil {
		return failed
	}
	return stream.Send(&reactorv1.CallResponse{Part: &reactorv1.CallResponse_Ended{Ended: fromCallResult(result)}})
}

// sendCall sends what there is for the client until the call has ended.
func sendCall(ctx context.Context, stream callStream, x *channel.Exchange) error {
	for {
		m, err := x.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(fromChannel(&m)); err != nil {
			return err
		}
	}
}

func fromChannel(m *channel.Message) *reactorv1.CallResponse {
	switch m.Kind {
	case channel.Result:
		return &reactorv1.CallResponse{Part: &reactorv1.CallResponse_Result{Result: &reactorv1.CallResult{Value: values.Message(m.Value)}}}
	case channel.Future:
		return &reactorv1.CallResponse{Part: &reactorv1.CallResponse_Future{Future: &reactorv1.CallFuture{Channel: m.Channel, Value: values.Message(m.Value)}}}
	case channel.Window:
		return &reactorv1.CallResponse{Part: &reactorv1.CallResponse_Window{Window: &reactorv1.CallWindow{Channel: m.Channel, Items: uint64(m.Items), Bytes: uint64(m.Size)}}}
	case channel.Stop:
		return &reactorv1.CallResponse{Part: &reactorv1.CallResponse_Stop{Stop: &reactorv1.CallStop{Channel: m.Channel}}}
	default:
		return &reactorv1.CallResponse{Part: &reactorv1.CallResponse_Items{Items: &reactorv1.CallItems{
			Channel: m.Channel, Values: values.Messages(m.Values), Bytes: m.Bytes, End: m.End,
		}}}
	}
}

// receiveCall takes what the client sends until its half-close.
func receiveCall(ctx context.Context, stream callStream, x *channel.Exchange) error {
	if err := x.Opened(ctx); err != nil {
		return nil //nolint:nilerr // the call has ended
	}
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return faultsOf(x.HalfClose())
		}
		if err != nil {
			return err
		}
		if err := receivePart(req, x); err != nil {
			return err
		}
	}
}

func receivePart(req *reactorv1.CallRequest, x *channel.Exchange) error {
	switch part := req.GetPart().(type) {
	case *reactorv1.CallRequest_Items:
		return receiveItems(part.Items, x)
	case *reactorv1.CallRequest_Future:
		l, ok := values.Literal(part.Future.GetValue())
		if !ok {
			return fields{{Path: "future.value", Description: "has no kind"}}.err()
		}
		return faultsOf(x.Value(part.Future.GetChannel(), &l))
	case *reactorv1.CallRequest_Window:
		return faultsOf(x.Window(part.Window.GetChannel(), part.Window.GetItems(), part.Window.GetBytes()))
	case *reactorv1.CallRequest_Stop:
		return faultsOf(x.Stop(part.Stop.GetChannel()))
	case *reactorv1.CallRequest_Cancel:
		x.Cancel()
		return nil
	default:
		return fields{{Path: "part", Description: "must be items, future, window, stop or cancel after the first message"}}.err()
	}
}

func receiveItems(items *reactorv1.CallItems, x *channel.Exchange) error {
	id := items.GetChannel()
	if b := items.GetBytes(); len(b) > 0 {
		if err := faultsOf(x.Bytes(id, b)); err != nil {
			return err
		}
	}
	if list := items.GetValues(); len(list) > 0 {
		literals := make([]value.Literal, len(list))
		for i, v := range list {
			l, ok := values.Literal(v)
			if !ok {
				return fields{{Path: "items.values", Description: "has a value without a kind"}}.err()
			}
			literals[i] = l
		}
		if err := faultsOf(x.Values(id, literals)); err != nil {
			return err
		}
	}
	if items.GetEnd() {
		return faultsOf(x.End(id))
	}
	return nil
}

// faultsOf is the error for what is wrong with what the client has sent.
func faultsOf(faults []value.Fault) error {
	var bad fields
	for _, f := range faults {
		bad.add(f.Msg, "%s", f.Path)
	}
	return bad.err()
}
