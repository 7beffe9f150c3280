package server

import (
	"context"
	"errors"
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
	id, ok := first.GetPart().(*reactorv1.AttachWorkloadRequest_Id)
	if !ok {
		return fields{{Path: "id", Description: "must be the first message"}}.err()
	}
	attachment, err := w.reactor.AttachWorkload(stream.Context(), id.Id)
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
		resp := &reactorv1.AttachWorkloadResponse{Part: &reactorv1.AttachWorkloadResponse_Stdout{Stdout: out.Data}}
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
	return stream.Send(&reactorv1.AttachWorkloadResponse{
		Part: &reactorv1.AttachWorkloadResponse_Ended{Ended: fromWorkload(ended)},
	})
}
