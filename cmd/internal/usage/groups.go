package usage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// exclusive is the annotation of cobra with the groups of flags of which one at most may be given; each is a list of names.
const exclusive = "cobra_annotation_mutually_exclusive"

// checkGroups has cmd, and the commands below, answer flags that are missing or exclude each other with an *Error, before cobra would with
// its own words.
func checkGroups(cmd *cobra.Command) {
	for _, below := range cmd.Commands() {
		checkGroups(below)
	}
	next := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if faults := groupFaults(cmd.Flags()); len(faults) > 0 {
			return &Error{cmd.CommandPath(), faults}
		}
		if next == nil {
			return nil
		}
		return next(cmd, args)
	}
}

func groupFaults(flags *pflag.FlagSet) (faults []string) {
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Changed && slices.Contains(f.Annotations[cobra.BashCompOneRequiredFlag], "true") {
			faults = append(faults, fmt.Sprintf("--%s is needed", f.Name))
		}
		for _, group := range f.Annotations[exclusive] {
			if given := givenOf(flags, group); len(given) > 1 {
				faults = append(faults, strings.Join(given, " and ")+" exclude each other")
			}
		}
	})
	return dedupe(faults)
}

// givenOf returns which flags of a group were given.
func givenOf(flags *pflag.FlagSet, group string) (given []string) {
	for name := range strings.FieldsSeq(group) {
		if flags.Changed(name) {
			given = append(given, "--"+name)
		}
	}
	return given
}
