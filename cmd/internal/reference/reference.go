// Package reference renders the reference page of a command line from the commands themselves. Tests use it to
// compare the committed pages with the commands.
package reference

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Markdown renders root and every command below it as one page.
func Markdown(root *cobra.Command) string {
	root.InitDefaultCompletionCmd()
	var page strings.Builder
	fmt.Fprintf(&page, "# %s\n\nMade from the command itself; a test holds it true.\n", root.Name())
	write(&page, root)
	return page.String()
}

func write(page *strings.Builder, cmd *cobra.Command) {
	if cmd.Hidden || cmd.Name() == "help" {
		return
	}
	cmd.InitDefaultHelpFlag()
	fmt.Fprintf(page, "\n## %s\n\n```\n%s\n```\n", cmd.CommandPath(), strings.TrimRight(help(cmd), "\n"))
	if cmd.Name() == "completion" {
		return // its subcommands are cobra's own, one a shell
	}
	for _, sub := range cmd.Commands() {
		write(page, sub)
	}
}

// help returns what --help prints.
func help(cmd *cobra.Command) string {
	var out strings.Builder
	cmd.SetOut(&out)
	defer cmd.SetOut(nil)
	_ = cmd.Help() // it does not fail
	return out.String()
}
