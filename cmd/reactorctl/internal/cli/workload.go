package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status [ID]",
		Short: "Show a workload, or without an id the daemon's statistics",
		Args:  operands(cobra.MaximumNArgs(1)),
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
			return render.Workload(a.Out, response.GetWorkload())
		}),
	}
}

// filterFlags select workloads.
type filterFlags struct {
	states   []string
	selector string
	module   string
}

func (f *filterFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.states, "state", nil, "only these states: pending, running, waiting, succeeded, failed, cancelled")
	cmd.Flags().StringVarP(&f.selector, "label", "l", "", "only workloads with these labels, such as app=web,tier!=test")
	cmd.Flags().StringVar(&f.module, "module", "", "only workloads of this module (digest or tag)")
}

func (f *filterFlags) filter(cmd *cobra.Command) (*reactorv1.WorkloadFilter, error) {
	filter := &reactorv1.WorkloadFilter{LabelSelector: f.selector, Module: f.module}
	for _, name := range f.states {
		state, ok := reactorv1.WorkloadState_value["WORKLOAD_STATE_"+strings.ToUpper(name)]
		if !ok || state == 0 {
			return nil, usageError(cmd, "--state %q: give pending, running, waiting, succeeded, failed or cancelled", name)
		}
		filter.States = append(filter.States, reactorv1.WorkloadState(state))
	}
	return filter, nil
}

func (a *app) listCommand() *cobra.Command {
	var (
		flags filterFlags
		limit int
		watch bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List workloads, newest first",
		Args:  operands(cobra.NoArgs),
	}
	flags.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 100, "list at most this many; 0 for all")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "then print each change as it happens")
	cmd.RunE = a.remote(func(cmd *cobra.Command, _ []string) error {
		filter, err := flags.filter(cmd)
		if err != nil {
			return err
		}
		if watch {
			return a.watch(cmd, filter)
		}
		return a.list(cmd, filter, limit)
	})
	return cmd
}

func (a *app) list(cmd *cobra.Command, filter *reactorv1.WorkloadFilter, limit int) error {
	all := &reactorv1.ListWorkloadsResponse{}
	for limit == 0 || len(all.Workloads) < limit {
		request := &reactorv1.ListWorkloadsRequest{Filter: filter, PageSize: 1000, PageToken: all.GetNextPageToken()}
		if limit > 0 {
			request.PageSize = int32(min(limit-len(all.Workloads), 1000))
		}
		page, err := a.workloads().ListWorkloads(cmd.Context(), request)
		if err != nil {
			return err
		}
		all.Workloads = append(all.Workloads, page.GetWorkloads()...)
		all.UnreadableIds = append(all.UnreadableIds, page.GetUnreadableIds()...)
		if all.NextPageToken = page.GetNextPageToken(); all.NextPageToken == "" {
			break
		}
	}
	a.tellUnreadable("workload", all.GetUnreadableIds())
	if !a.output.IsTable() {
		return a.output.Message(a.Out, all)
	}
	if err := render.Workloads(a.Out, all.GetWorkloads(), a.output.IsWide()); err != nil {
		return err
	}
	if all.GetNextPageToken() != "" {
		fmt.Fprintf(a.Err, "there are more; --limit 0 lists all\n")
	}
	return nil
}

// tellUnreadable prints which records of a list were left out.
func (a *app) tellUnreadable(kind string, names []string) {
	const most = 10
	for i, name := range names {
		if i == most {
			fmt.Fprintf(a.Err, "%d more are left out\n", len(names)-most)
			return
		}
		fmt.Fprintf(a.Err, "%s %q is left out: its record is damaged, see the daemon's log\n", kind, name)
	}
}

func (a *app) watch(cmd *cobra.Command, filter *reactorv1.WorkloadFilter) error {
	stream, err := a.workloads().WatchWorkloads(cmd.Context(), &reactorv1.WatchWorkloadsRequest{Filter: filter, Cursor: "0"})
	if err != nil {
		return err
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		switch {
		case response.GetDraining():
			fmt.Fprintln(a.Err, "reactorctl: the daemon is shutting down")
			return nil
		case !a.output.IsTable():
			err = a.output.Message(a.Out, response)
		case response.GetWorkload() != nil:
			err = render.Change(a.Out, response.GetWorkload())
		}
		if err != nil {
			return err
		}
	}
}

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

func (a *app) cancelCommand() *cobra.Command {
	var selector string
	cmd := &cobra.Command{
		Use:   "cancel ID... | cancel --label SELECTOR",
		Short: "Cancel workloads",
	}
	cmd.Flags().StringVarP(&selector, "label", "l", "", "cancel the workloads with these labels, such as app=web")
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		if (len(args) == 0) == (selector == "") {
			return usageError(cmd, "give either ids or --label")
		}
		response, err := a.workloads().CancelWorkloads(cmd.Context(), &reactorv1.CancelWorkloadsRequest{Ids: args, LabelSelector: selector})
		if err != nil {
			return err
		}
		return a.printCancelled(response)
	})
	return cmd
}

func (a *app) printCancelled(response *reactorv1.CancelWorkloadsResponse) error {
	if !a.output.IsTable() {
		if err := a.output.Message(a.Out, response); err != nil {
			return err
		}
	}
	var failed error
	shown := 0
	for _, result := range response.GetResults() {
		if result.GetError() != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %s", result.GetId(), result.GetError().GetMessage()))
			continue
		}
		shown++
		if a.output.IsTable() {
			fmt.Fprintf(a.Out, "%s cancelled\n", result.GetId())
		}
	}
	if len(response.GetResults()) == 0 {
		fmt.Fprintln(a.Err, "nothing to cancel")
	}
	if response.GetTotal() <= uint64(len(response.GetResults())) {
		return failed
	}
	beyond := response.GetCancelled() - uint64(shown)
	if a.output.IsTable() {
		fmt.Fprintf(a.Out, "and %d more cancelled\n", beyond)
	}
	if left := response.GetTotal() - uint64(len(response.GetResults())) - beyond; left > 0 {
		failed = errors.Join(failed, fmt.Errorf("and %d more that had ended already", left))
	}
	return failed
}

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
			return render.Ops(a.Out, all.GetOps())
		}),
	}
}
