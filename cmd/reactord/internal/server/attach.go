package server

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor"
	"github.com/reactord/reactord/reactor/api"
)

type attachStream = grpc.BidiStreamingServer[reactorv1.AttachWorkloadRequest, reactorv1.AttachWorkloadResponse]

// AttachWorkload joins a stream to a workload's standard streams:
//
//  1. The handler's goroutine sends output; a second goroutine, receiveStdin, receives input. Each
//     blocks on the slower of guest and client, which is the backpressure of its direction.
//  2. The client's half-close ends the guest's stdin and the second goroutine, nothing else.
//  3. The guest's end makes the handler return. That ends a Recv of the second goroutine, and the end of
//     the context ends its Write. Since gRPC ends the Recv only after the handler has returned, the
//     handler cannot wait for the second goroutine: Stop does.
//  4. A faulty input message cancels the output, with the fault as the cause.
func (w *workloads) AttachWorkload(stream attachStream) error {
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	request, err := toAttach(first)
	if err != nil {
		return err
	}
	attachment, err := w.reactor.AttachWorkload(stream.Context(), request)
	if err != nil {
		return err
	}
	defer attachment.Close()

	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	w.running.Go(func() {
		if err := receiveStdin(ctx, stream, attachment); err != nil {
			cancel(err)
		}
	})
	err = sendOutput(ctx, stream, attachment)
	if cause := context.Cause(ctx); err != nil && cause != nil && stream.Context().Err() == nil {
		return cause
	}
	return err
}

// toAttach returns what the first message asks for.
func toAttach(first *reactorv1.AttachWorkloadRequest) (request api.AttachRequest, err error) {
	switch part := first.GetPart().(type) {
	case *reactorv1.AttachWorkloadRequest_Id:
		return api.AttachRequest{ID: part.Id}, nil
	case *reactorv1.AttachWorkloadRequest_Start:
		start := part.Start
		if n := len(start.GetClient()); n > maxClientName {
			return request, fields{{Path: "start.client", Description: fmt.Sprintf("has %d bytes, more than %d", n, maxClientName)}}.err()
		}
		return api.AttachRequest{
			ID: start.GetId(), Offset: start.GetOffset(), Attempt: start.GetAttempt(), Client: start.GetClient(),
			AttemptStart: toMicroseconds(start.GetAttemptStartUs()),
		}, nil
	}
	return request, fields{{Path: "start", Description: "or id must be the first message"}}.err()
}

// maxClientName bounds the name of a client.
const maxClientName = 128

// receiveStdin passes the client's input to the guest until the half-close.
func receiveStdin(ctx context.Context, stream attachStream, attachment *reactor.Attachment) error {
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			attachment.CloseWrite()
			return nil
		}
		if err != nil {
			return err
		}
		part, ok := req.GetPart().(*reactorv1.AttachWorkloadRequest_Stdin)
		if !ok {
			return fields{{Path: "stdin", Description: "must be set in every message after the first"}}.err()
		}
		if _, err := attachment.Write(ctx, part.Stdin); err != nil {
			if errors.Is(err, io.ErrClosedPipe) {
				continue // the guest reads no more, which the client may not have noticed; its output goes on
			}
			return err
		}
	}
}

// sendOutput sends the guest's output, and then its end.
func sendOutput(ctx context.Context, stream attachStream, attachment *reactor.Attachment) error {
	for {
		out, err := attachment.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		resp := &reactorv1.AttachWorkloadResponse{
			Part:   &reactorv1.AttachWorkloadResponse_Stdout{Stdout: out.Data},
			Offset: out.Offset, Attempt: out.Attempt, AttemptStartUs: fromMicroseconds(out.AttemptStart), MissingBytes: out.Missing,
		}
		if out.Stream == api.Stderr {
			resp.Part = &reactorv1.AttachWorkloadResponse_Stderr{Stderr: out.Data}
		}
		if err := stream.Send(resp); err != nil {
			return err
		}
	}
	ended, err := attachment.Ended(ctx)
	if err != nil {
		return err
	}
	end := max(ended.Status.Usage.LogBytes, attachment.Position())
	return stream.Send(&reactorv1.AttachWorkloadResponse{
		Part:   &reactorv1.AttachWorkloadResponse_Ended{Ended: fromWorkload(ended)},
		Offset: end, Attempt: ended.Status.Attempts, AttemptStartUs: fromMicroseconds(ended.Status.StartTime),
		MissingBytes: end - attachment.Position(),
	})
}
