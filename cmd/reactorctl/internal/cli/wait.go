package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) waitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "wait ID...",
		Short: "Wait for workloads to end, and exit as they did",
		Long: `Wait for workloads to end. The exit status is the workload's; of several, that of the first that
did not succeed.

` + exitHelp,
		Args: operands(cobra.MinimumNArgs(1)),
		RunE: a.remote(func(cmd *cobra.Command, args []string) error { return a.waitAll(cmd.Context(), args) }),
	}
}

// waitAll waits for every id. The exit status is that of the only workload, or of the first of several that
// did not succeed.
func (a *app) waitAll(ctx context.Context, ids []string) error {
	var first error
	failed := 0
	for _, id := range ids {
		response, err := a.workloads().WaitWorkload(ctx, &reactorv1.WaitWorkloadRequest{Id: id})
		if err != nil {
			return err
		}
		w := response.GetWorkload()
		if err := workloadExit(w); err != nil {
			failed++
			if first == nil {
				first = err
			}
		}
		if len(ids) == 1 || !a.output.IsTable() {
			if err := a.printEnd(a.Out, w); err != nil {
				return err
			}
		}
	}
	if len(ids) > 1 && a.output.IsTable() {
		fmt.Fprintf(a.Out, "%d workloads: %d succeeded, %d did not\n", len(ids), len(ids)-failed, failed)
	}
	return first
}

func (a *app) printEnd(w io.Writer, workload *reactorv1.Workload) error {
	if !a.output.IsTable() {
		return a.output.Message(w, workload)
	}
	_, err := fmt.Fprintln(w, render.End(workload))
	return err
}
