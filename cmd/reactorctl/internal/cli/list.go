package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

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
