package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) logsCommand() *cobra.Command {
	var (
		follow bool
		tail   int
		stream string
	)
	cmd := &cobra.Command{
		Use:   "logs ID",
		Short: "Print what a workload wrote",
		Long: "Print what a workload wrote: its standard output to standard output, its standard error to standard error.\n\n" +
			"The output is printed unchanged, including control characters; -o json shows it encoded.",
		Args: operands(cobra.ExactArgs(1)),
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "print new output until the workload has ended")
	cmd.Flags().IntVarP(&tail, "tail", "n", -1, "start this many lines before the end")
	cmd.Flags().StringVar(&stream, "stream", "", "only stdout or stderr")
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		request := &reactorv1.ReadLogsRequest{Id: args[0], Follow: follow}
		switch stream {
		case "":
		case "stdout":
			request.Stream = reactorv1.OutputStream_OUTPUT_STREAM_STDOUT
		case "stderr":
			request.Stream = reactorv1.OutputStream_OUTPUT_STREAM_STDERR
		default:
			return usageError(cmd, "--stream %q: give stdout or stderr", stream)
		}
		if cmd.Flags().Changed("tail") {
			if tail < 0 {
				return usageError(cmd, "--tail %d: give a number of lines", tail)
			}
			lines := uint32(min(tail, 1<<31))
			request.TailLines = &lines
		}
		return a.copyLogs(cmd.Context(), request)
	})
	return cmd
}

// copyLogs writes each stream of a log to the command's stream of the same name.
func (a *app) copyLogs(ctx context.Context, request *reactorv1.ReadLogsRequest) error {
	stream, err := a.workloads().ReadLogs(ctx, request)
	if err != nil {
		return err
	}
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !a.output.IsTable() {
			err = a.output.Message(a.Out, response)
		} else {
			err = a.writeLog(response)
		}
		if err != nil {
			return err
		}
	}
}

func (a *app) writeLog(response *reactorv1.ReadLogsResponse) error {
	to := a.raw.Out
	if response.GetStream() == reactorv1.OutputStream_OUTPUT_STREAM_STDERR {
		to = a.raw.Err
	}
	if _, err := to.Write(response.GetData()); err != nil {
		return err
	}
	if n := response.GetDroppedBytes(); n > 0 {
		fmt.Fprintf(a.Err, "reactorctl: %d more bytes were not kept: the log was full (raise --log-bytes)\n", n)
	}
	return nil
}
