package cli

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) modulePruneCommand() *cobra.Command {
	var (
		unused time.Duration
		dryRun bool
	)
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove the modules that nothing refers to",
		Long: "Remove the modules that nothing refers to: those without tags of which there are no workloads. Workloads that have\n" +
			"ended count until they are deleted (`reactorctl rm`, or the daemon's retention).",
		Args: operands(cobra.NoArgs),
	}
	cmd.Flags().DurationVar(&unused, "unused-for", 0, "keep those that were pushed or submitted within this `DURATION`, such as 24h")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would be removed")
	cmd.RunE = a.remote(func(cmd *cobra.Command, _ []string) error {
		response, err := a.modules().PruneModules(cmd.Context(), &reactorv1.PruneModulesRequest{
			UnusedFor: durationpb.New(unused), DryRun: dryRun,
		})
		if err != nil {
			return err
		}
		return a.printPruned(response, dryRun)
	})
	return cmd
}

func (a *app) printPruned(response *reactorv1.PruneModulesResponse, dryRun bool) error {
	if !a.output.IsTable() {
		return a.output.Message(a.Out, response)
	}
	removed, freed := "removed", "freed"
	if dryRun {
		removed, freed = "would be removed", "would be freed"
	}
	for _, m := range response.GetModules() {
		name := m.GetName()
		if name != "" {
			name = " (" + name + ")"
		}
		fmt.Fprintf(a.Out, "%s%s %s\n", render.ShortDigest(m.GetDigest()), name, removed)
	}
	if n := response.GetTotal() - uint64(len(response.GetModules())); n > 0 {
		fmt.Fprintf(a.Out, "and %s more\n", humanize.Comma(int64(n)))
	}
	if response.GetTotal() == 0 {
		fmt.Fprintln(a.Err, "nothing to remove: each module has a tag, a workload, or was used lately")
		return nil
	}
	_, err := fmt.Fprintf(a.Out, "%s %s\n", render.Size(response.GetFreedBytes()), freed)
	return err
}
