package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/cmd/reactord/internal/daemon"
)

// checkConfigCommand shows the settings that a daemon started with the same flags would have.
func checkConfigCommand() *cobra.Command {
	var format string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "check-config",
		Short: "Check the settings, and show where each of them comes from",
		Long: `Check the settings that a daemon with the same flags and environment would have, and show them: their
values on this machine, where each of them comes from, and whether a daemon that runs takes up a change
at SIGHUP or at its next start. If anything is wrong, check-config says all of it and exits with status 1.`,
		Example: `  reactord check-config --config /etc/reactord/reactord.yaml
  reactord check-config -o json`,
		Args:         usage.Subcommands,
		SilenceUsage: true,
	}
	cmd.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print only what is wrong")
	withSettings(cmd, func(cmd *cobra.Command, _ []string, cfg config.Config) error {
		write := map[string]func(io.Writer, []config.Setting) error{"table": printSettings, "json": printSettingsJSON}[format]
		if write == nil {
			return fmt.Errorf("--output: %q is neither table nor json", format)
		}
		if err := daemon.Check(cfg); err != nil {
			return &config.FaultsError{Faults: faultsOf(err)}
		}
		if quiet {
			return nil
		}
		return write(printable.NewWriter(cmd.OutOrStdout()), cfg.Resolved().Settings())
	})
	return cmd
}

func printSettings(w io.Writer, settings []config.Setting) error {
	const columnGap = 2
	table := tabwriter.NewWriter(w, 0, 0, columnGap, ' ', 0)
	fmt.Fprintln(table, "SETTING\tVALUE\tFROM\tCHANGES AT")
	for _, s := range settings {
		at := "start"
		if s.Reloaded {
			at = "reload"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.Name, cmp.Or(s.Value, "-"), s.Source, at)
	}
	return table.Flush()
}

func printSettingsJSON(w io.Writer, settings []config.Setting) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(settings)
}
