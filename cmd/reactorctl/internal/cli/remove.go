package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) removeCommand() *cobra.Command {
	var (
		flags filterFlags
		force bool
	)
	cmd := &cobra.Command{
		Use:     "rm ID... | rm --label SELECTOR",
		Aliases: []string{"delete"},
		Short:   "Delete workloads that have ended, with their results and output",
		Args:    operands(cobra.ArbitraryArgs),
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "cancel those that have not ended, then delete them")
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		filter, err := flags.filter(cmd)
		if err != nil {
			return err
		}
		filtered := !proto.Equal(filter, &reactorv1.WorkloadFilter{})
		if (len(args) > 0) == filtered {
			return usageError(cmd, "give either ids or a filter, such as --label")
		}
		r := remover{app: a, ctx: cmd.Context(), force: force}
		if len(args) > 0 {
			r.remove(args)
			return r.result()
		}
		if !force {
			if filter.States, err = endedOnly(filter.GetStates()); err != nil {
				return usageError(cmd, "%w", err)
			}
		}
		return r.removeAll(filter)
	})
	return cmd
}

// workloadCommand is another way to the command rm, for those who look for it beside module rm.
func (a *app) workloadCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "workload", Hidden: true, Args: cobra.ArbitraryArgs, RunE: helpOnly, Short: "Delete workloads"}
	cmd.AddCommand(a.removeCommand())
	return cmd
}

// endedOnly returns the states that a filter without --force selects: of those given, or of all, the ones of workloads that
// have ended.
func endedOnly(states []reactorv1.WorkloadState) ([]reactorv1.WorkloadState, error) {
	if len(states) == 0 {
		return endedStates, nil
	}
	for _, state := range states {
		if !slices.Contains(endedStates, state) {
			return nil, errors.New("only workloads that have ended are deleted; with --force the others are cancelled first")
		}
	}
	return states, nil
}

// remover deletes workloads.
type remover struct {
	*app
	ctx   context.Context
	force bool

	removed, failures int
	failed            error // the first failures
	unreached         error // no daemon has answered
}

const (
	// removals is how many deletions are under way at a time, so that the daemon commits some together.
	removals = 16
	// shownFailures is how many failures are told one by one.
	shownFailures = 10
)

// removeAll removes what a filter selects.
func (r *remover) removeAll(filter *reactorv1.WorkloadFilter) error {
	for token := ""; ; {
		page, err := r.workloads().ListWorkloads(r.ctx, &reactorv1.ListWorkloadsRequest{Filter: filter, PageSize: 1000, PageToken: token})
		if err != nil {
			return err
		}
		r.tellUnreadable("workload", page.GetUnreadableIds())
		ids := make([]string, len(page.GetWorkloads()))
		for i, w := range page.GetWorkloads() {
			ids[i] = w.GetId()
		}
		r.remove(ids)
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	if r.removed == 0 && r.failures == 0 {
		fmt.Fprintln(r.Err, "nothing to delete")
	}
	return r.result()
}

// remove removes workloads by their ids, and prints each that it removed.
func (r *remover) remove(ids []string) {
	if r.force && len(ids) > 0 {
		// What can't be cancelled has ended, or can't be deleted either.
		if _, err := r.workloads().CancelWorkloads(r.ctx, &reactorv1.CancelWorkloadsRequest{Ids: ids}); err != nil {
			r.fail(err)
			return
		}
	}
	var group errgroup.Group
	group.SetLimit(removals)
	var mu sync.Mutex
	for _, id := range ids {
		group.Go(func() error {
			_, err := r.workloads().DeleteWorkload(r.ctx, &reactorv1.DeleteWorkloadRequest{Id: id})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				r.onRefused(id, err, len(ids) == 1)
				return nil
			}
			r.removed++
			if r.output.IsTable() {
				fmt.Fprintf(r.Out, "%s deleted\n", id)
			}
			return nil
		})
	}
	_ = group.Wait() // its functions return nil
}

// onRefused notes why a workload was not deleted. The error of a single one is told with all it has to say.
func (r *remover) onRefused(id string, err error, single bool) {
	switch {
	case !isRefusal(err):
		r.unreached = err
	case single:
		r.fail(err)
	case len(absentIDs(err)) > 0:
		r.fail(&absentError{id, fmt.Sprintf("%s: %s", id, status.Convert(err).Message())})
	default:
		r.fail(fmt.Errorf("%s: %s", id, status.Convert(err).Message()))
	}
}

func (r *remover) fail(err error) {
	if r.failures++; r.failures <= shownFailures {
		r.failed = errors.Join(r.failed, err)
	}
}

// result returns the failures, in one error.
func (r *remover) result() error {
	if r.unreached != nil {
		return r.unreached
	}
	if more := r.failures - shownFailures; more > 0 {
		return errors.Join(r.failed, fmt.Errorf("and %d more", more))
	}
	return r.failed
}
