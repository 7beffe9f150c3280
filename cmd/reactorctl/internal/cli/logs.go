package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/reactord/reactord/cmd/internal/quantity"
	"github.com/reactord/reactord/cmd/reactorctl/internal/logs"
	"github.com/reactord/reactord/cmd/reactorctl/internal/since"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// maxFollowed bounds the logs that are followed at once: each is a call that lasts.
const maxFollowed = 64

// logsFlags are the flags of logs.
type logsFlags struct {
	follow, timestamps bool
	stream, selector   string
	since              since.Flag
	tail               uint32
	offset             uint64
}

func (a *app) logsCommand() *cobra.Command {
	var flags logsFlags
	cmd := &cobra.Command{
		Use:   "logs ID... | logs --label SELECTOR",
		Short: "Print what workloads wrote",
		Long: fmt.Sprintf(`Print what a workload wrote: its standard output to standard output, its standard error to standard
error. Of several, each line begins with the workload's id.

The daemon keeps the beginning of the output and the newest. What is missing between is told on standard
error, in its place, and so is the beginning of a further attempt. If the daemon is gone, logs --follow
waits for it. At most %d logs are followed at once.

The output is printed unchanged, including control characters; -o json shows it encoded, and where each
piece of it begins: --offset starts there.`, maxFollowed),
		Example: `  reactorctl logs -f --tail 20 web-1
  reactorctl logs --since 10m --timestamps web-1
  reactorctl logs -f -l app=web`,
	}
	f := cmd.Flags()
	f.BoolVarP(&flags.follow, "follow", "f", false, "print new output until the workload has ended")
	f.VarP(quantity.CountFlag(&flags.tail, 0), "tail", "n", "start this many lines before the end")
	f.BoolVarP(&flags.timestamps, "timestamps", "t", false, "begin each line with the time at which it was begun")
	f.Var(&flags.since, "since", "leave out what was written before: 90s, 2h30m or 7d ago, or a time such as 2026-01-02T15:04:05Z")
	f.StringVarP(&flags.selector, "label", "l", "", "print the logs of the workloads with these `LABELS`, such as app=web")
	f.StringVar(&flags.stream, "stream", "", "only this `STREAM`, stdout or stderr")
	f.Var(quantity.CountFlag(&flags.offset, 0), "offset", "start at this byte of all that the workload wrote")
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		request, err := flags.request(cmd)
		if err != nil {
			return err
		}
		if err := idsOrLabel(cmd, args, flags.selector); err != nil {
			return err
		}
		ids := args
		if flags.selector != "" {
			if ids, err = a.selected(cmd.Context(), flags.selector); err != nil {
				return err
			}
		}
		switch {
		case len(ids) > 1 && !a.output.IsTable():
			return usageError(cmd, "%d workloads are selected: --output shows the log of one", len(ids))
		case len(ids) > 1 && flags.offset > 0:
			return usageError(cmd, "%d workloads are selected: --offset is a position in the log of one", len(ids))
		case len(ids) > maxFollowed && flags.follow:
			return usageError(cmd, "%d workloads are selected: at most %d can be followed at once", len(ids), maxFollowed)
		}
		printer := &logs.Printer{Out: a.raw.Out, Err: a.raw.Err, Notes: a.Err, Timestamps: flags.timestamps}
		return a.printLogs(cmd.Context(), printer, ids, request)
	})
	return cmd
}

// request returns the request that the flags ask for, without an id.
func (flags *logsFlags) request(cmd *cobra.Command) (*reactorv1.ReadLogsRequest, error) {
	request := &reactorv1.ReadLogsRequest{Follow: flags.follow, Offset: flags.offset, Since: flags.since.Timestamp()}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	switch flags.stream {
	case "":
	case "stdout":
		request.Stream = reactorv1.OutputStream_OUTPUT_STREAM_STDOUT
	case "stderr":
		request.Stream = reactorv1.OutputStream_OUTPUT_STREAM_STDERR
	default:
		fault("--stream %q: give stdout or stderr", flags.stream)
	}
	if cmd.Flags().Changed("tail") {
		request.TailLines = &flags.tail
		if flags.offset > 0 {
			fault("give either --tail or --offset")
		}
	}
	if len(faults) > 0 {
		return nil, usageError(cmd, "%w", errors.Join(faults...))
	}
	return request, nil
}

// printLogs prints the logs of workloads: one after the other, or all at once if they are followed.
func (a *app) printLogs(ctx context.Context, printer *logs.Printer, ids []string, request *reactorv1.ReadLogsRequest) error {
	prefixes := []string{""}
	if len(ids) > 1 {
		prefixes = logs.Prefixes(ids)
	}
	if !request.GetFollow() || len(ids) == 1 {
		for i, id := range ids {
			if err := a.printLog(ctx, printer.Log(prefixes[i]), id, request); err != nil {
				return named(err, id, len(ids))
			}
		}
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() {
			if err := a.printLog(ctx, printer.Log(prefixes[i]), id, request); err != nil {
				cancel(named(err, id, len(ids))) // the first is the cause, also if it comes of an interrupt
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// named puts the id of one of several workloads before an error.
func named(err error, id string, of int) error {
	if of == 1 {
		return err
	}
	return fmt.Errorf("%s: %w", id, err)
}

// printLog prints the log of one workload.
func (a *app) printLog(ctx context.Context, log *logs.Log, id string, request *reactorv1.ReadLogsRequest) error {
	request = proto.CloneOf(request)
	request.Id = id
	source := logs.Source{Client: a.workloads(), Follower: a.follower, Request: request}
	take := log.Take
	if !a.output.IsTable() {
		take = func(r *reactorv1.ReadLogsResponse) error { return a.output.Message(a.Out, r) }
	}
	err := source.Run(ctx, take)
	if closed := log.Close(); err == nil {
		err = closed
	}
	return err
}
