package cli

import (
	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) opsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ops [ID]",
		Short: "List what workloads are waiting for",
		Args:  operands(cobra.MaximumNArgs(1)),
		RunE: a.remote(func(cmd *cobra.Command, args []string) error {
			request := &reactorv1.ListOpsRequest{PageSize: 1000}
			if len(args) == 1 {
				request.WorkloadId = args[0]
			}
			all := &reactorv1.ListOpsResponse{}
			for {
				page, err := a.workloads().ListOps(cmd.Context(), request)
				if err != nil {
					return err
				}
				all.Ops = append(all.Ops, page.GetOps()...)
				if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
					break
				}
			}
			if !a.output.IsTable() {
				return a.output.Message(a.Out, all)
			}
			return render.Ops(all.GetOps()).Print(a.screen(), a.output.IsWide())
		}),
	}
}
