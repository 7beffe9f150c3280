package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/cmd/internal/screen"
	"github.com/reactord/reactord/cmd/internal/table"
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
	cmd.Flags().StringVarP(&format, "output", "o", "table", "the `FORMAT`: table or json")
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
		return write(cmd.OutOrStdout(), cfg.Resolved().Settings())
	})
	return cmd
}

// printSettings writes a table. On a terminal, values and sources that are too wide go on in the next line: nothing of a
// setting is cut.
func printSettings(w io.Writer, settings []config.Setting) error {
	s := screen.New(w, os.Getenv)
	return s.Print(settingLines(settings, s.Width())...)
}

func settingLines(settings []config.Setting, room int) []screen.Line {
	columns := []table.Column{{Title: "SETTING"}, {Title: "VALUE"}, {Title: "FROM"}, {Title: "CHANGES AT"}}
	cells := make([][]string, len(settings))
	widths := make([]int, len(columns))
	for i, column := range columns {
		widths[i] = screen.Width(column.Title)
	}
	for i, s := range settings {
		at := "start"
		if s.Reloaded {
			at = "reload"
		}
		cells[i] = []string{s.Name, printable.String(cmp.Or(s.Shown, "-")), printable.String(s.Source), at}
		for j, cell := range cells[i] {
			widths[j] = max(widths[j], screen.Width(cell))
		}
	}
	const name, value, source, at, gaps, least = 0, 1, 2, 3, 6, 20
	valueRoom, sourceRoom := widths[value], widths[source]
	if room > 0 {
		free := room - widths[name] - widths[at] - gaps
		sourceRoom = max(min(sourceRoom, max(free-valueRoom, free/2)), least)
		valueRoom = max(min(valueRoom, free-sourceRoom), least)
	}
	var rows []table.Row
	for _, c := range cells {
		values, sources := table.Wrap(c[value], valueRoom), table.Wrap(c[source], sourceRoom)
		rows = append(rows, table.Cells(c[name], values[0], sources[0], c[at]))
		for i := 1; i < max(len(values), len(sources)); i++ {
			rows = append(rows, table.Cells("", cellOf(values, i), cellOf(sources, i), ""))
		}
	}
	return table.Lines(columns, rows, 0)
}

// cellOf is an element of a list, or empty behind its end.
func cellOf(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

func printSettingsJSON(w io.Writer, settings []config.Setting) error {
	encoder := json.NewEncoder(printable.NewWriter(w))
	encoder.SetIndent("", "  ")
	return encoder.Encode(settings)
}
