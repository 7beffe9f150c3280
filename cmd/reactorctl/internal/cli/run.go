package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// cancelGrace is how long an interrupted run tries to learn which workloads it started, and then to cancel them.
// A second interrupt ends it at once.
const cancelGrace = 10 * time.Second

func (a *app) runCommand() *cobra.Command {
	var flags specFlags
	cmd := &cobra.Command{
		Use:   "run [flags] MODULE [ARG...]",
		Short: "Submit a module, stream its output, and exit as it does",
		Long: `Submit a module, stream its output, and exit as it does. An interrupt cancels it. What comes after
MODULE are the guest's arguments, so reactorctl's own flags come before it.

The guest's output is printed unchanged, including control characters; --output applies to the ids
of --detach and the workloads of --count. With --interactive the guest reads this command's standard
input. With --count several workloads run: their output is kept for reactorctl logs, and a summary is
printed.

` + exitHelp,
		Example: `  reactorctl run ./examples/hello
  reactorctl run --dir .:/data:ro ./guest.wasm --verbose /data/input.txt
  echo hello | reactorctl run -i ./cat.wasm`,
		Args: moduleThenArguments,
	}
	flags.add(cmd)
	flags.addWaiting(cmd, true)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		ids, err := a.submit(cmd, &flags, args)
		if err != nil {
			if cmd.Context().Err() != nil && len(ids) > 0 {
				return a.cancelInterrupted(ids)
			}
			return err
		}
		if !flags.waits(cmd) {
			return a.printSubmitted(cmd.Context(), ids)
		}
		err = a.follow(cmd.Context(), ids, flags.interactive)
		if cmd.Context().Err() != nil {
			return a.cancelInterrupted(ids)
		}
		return err
	})
	return cmd
}

// follow streams the output of the workloads until they have ended.
func (a *app) follow(ctx context.Context, ids []string, interactive bool) error {
	switch {
	case len(ids) > 1:
		return a.waitAll(ctx, ids)
	case interactive:
		return a.attach(ctx, ids[0])
	}
	if err := a.copyLogs(ctx, &reactorv1.ReadLogsRequest{Id: ids[0], Follow: true}); err != nil {
		return err
	}
	response, err := a.workloads().WaitWorkload(ctx, &reactorv1.WaitWorkloadRequest{Id: ids[0]})
	if err != nil {
		return err
	}
	return a.ended(response.GetWorkload())
}

// ended prints what an invoked export returned, or why the workload did not succeed, and returns the
// exit status.
func (a *app) ended(w *reactorv1.Workload) error {
	err := workloadExit(w)
	for _, result := range w.GetStatus().GetResults() {
		fmt.Fprintln(a.Out, result)
	}
	if err != nil {
		fmt.Fprintf(a.Err, "reactorctl: workload %s\n", render.End(w))
		a.tellCrash(w)
	}
	return err
}

func (a *app) cancelInterrupted(ids []string) error {
	ctx, stop := context.WithTimeout(context.Background(), cancelGrace)
	defer stop()
	response, err := a.workloads().CancelWorkloads(ctx, &reactorv1.CancelWorkloadsRequest{Ids: ids})
	if err != nil {
		return fmt.Errorf("interrupted, and the workload could not be cancelled (try `reactorctl cancel %s`): %w", ids[0], err)
	}
	cancelled := 0
	for _, result := range response.GetResults() {
		if result.GetCancelled() {
			cancelled++
		}
	}
	fmt.Fprintf(a.Err, "reactorctl: interrupted; cancelled %d of %d\n", cancelled, len(ids))
	return exitStatus(exitCancelled)
}
