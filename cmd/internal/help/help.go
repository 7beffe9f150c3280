package help

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/screen"
)

const (
	// Columns is the width where there is no terminal.
	Columns = 80
	// minColumns and maxColumns limit the width on a terminal: longer lines are tiring to read.
	minColumns, maxColumns = 60, 100
)

// Install has root, and the commands below, print their help as wide as s allows.
func Install(root *cobra.Command, s *screen.Screen) {
	columns := func() int {
		if width := s.Width(); width > 0 {
			return min(max(width, minColumns), maxColumns)
		}
		return Columns
	}
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		if _, err := fmt.Fprint(cmd.OutOrStdout(), text(cmd, columns())); err != nil {
			cmd.PrintErrln(err)
		}
	})
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprint(cmd.OutOrStderr(), usage(cmd, columns()))
		return err
	})
}

// text returns the help of a command.
func text(cmd *cobra.Command, columns int) string {
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	return Fill(about, columns) + "\n\n" + usage(cmd, columns)
}

// usage returns how a command is called.
func usage(cmd *cobra.Command, columns int) string {
	var b bytes.Buffer
	b.WriteString("Usage:\n")
	if cmd.Runnable() {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s [command]\n", cmd.CommandPath())
	}
	section := func(title, body string) {
		if body = strings.TrimRight(body, " \n"); body != "" {
			fmt.Fprintf(&b, "\n%s:\n%s\n", title, body)
		}
	}
	if len(cmd.Aliases) > 0 {
		section("Aliases", "  "+cmd.NameAndAliases())
	}
	section("Examples", cmd.Example)
	section("Available Commands", commands(cmd, columns))
	section("Flags", cmd.LocalFlags().FlagUsagesWrapped(columns))
	section("Global Flags", cmd.InheritedFlags().FlagUsagesWrapped(columns))
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nUse \"%s [command] --help\" for more about a command.\n", cmd.CommandPath())
	}
	return b.String()
}

// commands lists the commands below cmd, each with its aliases.
func commands(cmd *cobra.Command, columns int) string {
	var list strings.Builder
	var listed []*cobra.Command
	widest := 0
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			listed = append(listed, sub)
			widest = max(widest, len(sub.NameAndAliases()))
		}
	}
	for _, sub := range listed {
		b := block{columns: columns, out: &list, first: fmt.Sprintf("  %-*s   ", widest, sub.NameAndAliases())}
		b.indent, b.words = len(b.first), strings.Fields(sub.Short)
		b.end()
	}
	return list.String()
}
