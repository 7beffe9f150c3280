package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/reactorctl/internal/since"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// filterFlags select workloads.
type filterFlags struct {
	states     []string
	selector   string
	module     string
	since      since.Flag
	endedSince since.Flag
}

// The states of workloads that have not ended, and of those that have.
var (
	unfinishedStates = []reactorv1.WorkloadState{
		reactorv1.WorkloadState_WORKLOAD_STATE_PENDING, reactorv1.WorkloadState_WORKLOAD_STATE_RUNNING, reactorv1.WorkloadState_WORKLOAD_STATE_WAITING,
	}
	endedStates = []reactorv1.WorkloadState{
		reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED, reactorv1.WorkloadState_WORKLOAD_STATE_FAILED, reactorv1.WorkloadState_WORKLOAD_STATE_CANCELLED,
	}
)

// idsOrLabel refuses a command line that selects workloads both by their ids and by their labels, or by neither.
func idsOrLabel(cmd *cobra.Command, ids []string, selector string) error {
	if (len(ids) == 0) == (selector == "") {
		return usageError(cmd, "give either ids or --label")
	}
	return nil
}

func (f *filterFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.states, "state", nil, "only these `STATES`: pending, running, waiting, succeeded, failed, cancelled")
	flags.StringVarP(&f.selector, "label", "l", "", "only workloads with these `LABELS`, such as app=web,tier!=test or 'app in (web, api)'")
	flags.StringVar(&f.module, "module", "", "only workloads of this `MODULE` (digest or tag)")
	flags.Var(&f.since, "since", "only workloads submitted since then: 90s, 2h30m or 7d ago, or a time such as 2026-01-02T15:04:05Z")
	flags.Var(&f.endedSince, "ended-since", "only workloads that ended since then")
}

func (f *filterFlags) filter(cmd *cobra.Command) (*reactorv1.WorkloadFilter, error) {
	filter := &reactorv1.WorkloadFilter{
		LabelSelector: f.selector, Module: f.module,
		CreatedAfter: f.since.Timestamp(), EndedAfter: f.endedSince.Timestamp(),
	}
	for _, name := range f.states {
		state, ok := reactorv1.WorkloadState_value["WORKLOAD_STATE_"+strings.ToUpper(name)]
		if !ok || state == 0 {
			return nil, usageError(cmd, "--state %q: give pending, running, waiting, succeeded, failed or cancelled", name)
		}
		filter.States = append(filter.States, reactorv1.WorkloadState(state))
	}
	return filter, nil
}
