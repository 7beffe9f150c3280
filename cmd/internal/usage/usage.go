package usage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Error is the error for a command line that is wrong.
type Error struct {
	Command string   // whose help says what would be right
	Faults  []string // all of them
}

// Error returns the faults: the only one in a line, several in a line each.
func (e *Error) Error() string {
	if len(e.Faults) == 1 {
		if strings.HasSuffix(e.Faults[0], "?") {
			return fmt.Sprintf("%s See `%s --help`", e.Faults[0], e.Command)
		}
		return fmt.Sprintf("%s; see `%s --help`", e.Faults[0], e.Command)
	}
	return fmt.Sprintf("%d faults; see `%s --help`\n  %s", len(e.Faults), e.Command, strings.Join(e.Faults, "\n  "))
}

// Errorf returns the error for one fault.
func Errorf(cmd *cobra.Command, format string, args ...any) error {
	return &Error{cmd.CommandPath(), []string{fmt.Errorf(format, args...).Error()}}
}

// Of returns the error for the faults that are joined in err; nil for nil.
func Of(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return &Error{cmd.CommandPath(), texts(err)}
}

// texts returns the texts of the errors that are joined in err, each in a line.
func texts(err error) (all []string) {
	// One that only wraps others is a fault of its own.
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []string{err.Error()}
	}
	for _, err := range joined.Unwrap() {
		all = append(all, texts(err)...)
	}
	return all
}

// Subcommands accepts no argument: it is for a command that only groups others, or that is run without arguments.
func Subcommands(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !cmd.HasAvailableSubCommands():
		return wrongNumber(cmd, args)
	}
	return unknownCommand(cmd, args[0])
}

// Arguments is a check of cobra's with the usage as its error.
func Arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) != nil {
			return wrongNumber(cmd, args)
		}
		return nil
	}
}

func wrongNumber(cmd *cobra.Command, args []string) error {
	return Errorf(cmd, "usage: `%s`; arguments given: %d", cmd.UseLine(), len(args))
}

// AddCompletions adds cobra's command for completions to root, which has all of its other commands. Unlike cobra's own it
// fails for a shell that it does not know.
func AddCompletions(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion := subcommand(root, "completion")
	if completion == nil {
		return
	}
	completion.Args = Subcommands
	completion.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	for _, shell := range completion.Commands() {
		shell.Args = Arguments(cobra.NoArgs)
	}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	var known []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			known = append(append(known, sub.Name()), sub.Aliases...)
		}
	}
	if other := meant(cmd, name); other != nil {
		return Errorf(cmd, "unknown command %q: see `%s`", name, other.CommandPath())
	}
	if near := Nearest(name, known); near != "" {
		return Errorf(cmd, "unknown command %q: did you mean %q?", name, near)
	}
	return Errorf(cmd, "unknown command %q", name)
}

// meant returns the command at or below cmd that says that it is to be suggested for a name, or nil.
func meant(cmd *cobra.Command, name string) *cobra.Command {
	if slices.Contains(cmd.SuggestFor, name) {
		return cmd
	}
	for _, sub := range cmd.Commands() {
		if found := meant(sub, name); found != nil {
			return found
		}
	}
	return nil
}

// HelpCommand returns the help command, which unlike cobra's own fails for a command that does not exist.
func HelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND...]",
		Short: "Print the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			found := cmd.Root()
			for _, name := range args {
				sub := subcommand(found, name)
				if sub == nil {
					return unknownCommand(found, name)
				}
				found = sub
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			found := cmd.Root()
			for _, name := range args {
				if found = subcommand(found, name); found == nil {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
			}
			var names []string
			for _, sub := range found.Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, sub.Name()+"\t"+sub.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func subcommand(cmd *cobra.Command, name string) *cobra.Command {
	for _, sub := range cmd.Commands() {
		if sub.Name() == name || sub.HasAlias(name) {
			return sub
		}
	}
	return nil
}
