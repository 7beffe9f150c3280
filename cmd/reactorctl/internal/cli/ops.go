package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/quantity"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) opsCommand() *cobra.Command {
	var selector string
	limit := 100
	cmd := &cobra.Command{
		Use:   "ops [ID]",
		Short: "List what workloads are waiting for",
		Args:  operands(cobra.MaximumNArgs(1)),
	}
	cmd.Flags().StringVarP(&selector, "label", "l", "", "only of workloads with these labels, such as app=web,tier!=test or 'app in (web, api)'")
	cmd.Flags().Var(quantity.CountFlag(&limit, 0), "limit", "list at most this many; 0 for all")
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		request := &reactorv1.ListOpsRequest{LabelSelector: selector}
		if len(args) == 1 {
			request.WorkloadId = args[0]
		}
		if request.GetWorkloadId() != "" && selector != "" {
			return usageError(cmd, "give either an id or --label")
		}
		all, err := a.ops(cmd.Context(), request, limit)
		if err != nil {
			return err
		}
		if !a.output.IsTable() {
			return a.output.Message(a.Out, all)
		}
		if err := render.Ops(all.GetOps()).Print(a.screen(), a.output.IsWide()); err != nil {
			return err
		}
		if all.GetNextPageToken() != "" {
			fmt.Fprintln(a.Err, "there are more; --limit 0 lists all")
		}
		return nil
	})
	return cmd
}

// ops returns the operations that a request selects as one page, up to a number of them; zero is no limit.
func (a *app) ops(ctx context.Context, request *reactorv1.ListOpsRequest, limit int) (*reactorv1.ListOpsResponse, error) {
	all := &reactorv1.ListOpsResponse{}
	for {
		size := pageSize
		if limit > 0 {
			size = min(limit-len(all.GetOps()), pageSize)
		}
		request.PageSize = int32(size) //nolint:gosec // pageSize at most
		page, err := a.workloads().ListOps(ctx, request)
		if err != nil {
			return nil, err
		}
		all.Ops = append(all.Ops, page.GetOps()...)
		all.NextPageToken = page.GetNextPageToken()
		if request.PageToken = all.GetNextPageToken(); request.PageToken == "" || len(all.GetOps()) == limit {
			return all, nil
		}
	}
}
