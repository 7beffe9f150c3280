package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) attachCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "attach ID",
		Short: "Connect to a workload's standard streams, and exit as it does",
		Long: `Connect to the standard streams of a workload that was submitted with --interactive, and exit as
it does. The end of this command's input closes the guest's. An interrupt detaches and leaves the
workload running. The guest's output is printed unchanged, including control characters.

` + exitHelp,
		Args: operands(cobra.ExactArgs(1)),
		RunE: a.remote(func(cmd *cobra.Command, args []string) error { return a.attach(cmd.Context(), args[0]) }),
	}
}

func (a *app) attach(ctx context.Context, id string) error {
	stream, err := a.workloads().AttachWorkload(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(attachID(id)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	// A read from a terminal cannot be interrupted, so nothing waits for this goroutine: it ends with its
	// input or with the process. From here on only it sends.
	go sendInput(stream, a.In)
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		switch part := response.GetPart().(type) {
		case *reactorv1.AttachWorkloadResponse_Stdout:
			_, err = a.raw.Out.Write(part.Stdout)
		case *reactorv1.AttachWorkloadResponse_Stderr:
			_, err = a.raw.Err.Write(part.Stderr)
		case *reactorv1.AttachWorkloadResponse_Ended:
			return a.ended(part.Ended)
		}
		if err != nil {
			return err
		}
	}
}

func attachID(id string) *reactorv1.AttachWorkloadRequest {
	return &reactorv1.AttachWorkloadRequest{Part: &reactorv1.AttachWorkloadRequest_Id{Id: id}}
}

// sendInput copies in to the guest and half-closes at its end. It need not report a failed send: the
// receiver gets the stream's error.
func sendInput(stream reactorv1.WorkloadService_AttachWorkloadClient, in io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := in.Read(buffer)
		if n > 0 {
			data := append([]byte(nil), buffer[:n]...)
			part := &reactorv1.AttachWorkloadRequest_Stdin{Stdin: data}
			if stream.Send(&reactorv1.AttachWorkloadRequest{Part: part}) != nil {
				return
			}
		}
		if err != nil {
			_ = stream.CloseSend() // as above: the receiver gets the stream's error
			return
		}
	}
}
