package cli

import (
	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		SuggestFor: []string{"describe", "inspect", "show", "get"},
		Use:        "status [ID]",
		Short:      "Show a workload, or without an id the daemon's statistics",
		Args:       operands(cobra.MaximumNArgs(1)),
		RunE: a.remote(func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.printStats(cmd.Context())
			}
			response, err := a.workloads().GetWorkload(cmd.Context(), &reactorv1.GetWorkloadRequest{Id: args[0]})
			if err != nil {
				return err
			}
			if !a.output.IsTable() {
				return a.output.Message(a.Out, response.GetWorkload())
			}
			return render.Workload(a.screen(), response.GetWorkload())
		}),
	}
}
