package usage

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// CheckFlags has root, and the commands below, answer wrong flags with an *Error that has all that are wrong in args, the
// command line. It is called when root has all its commands.
func CheckFlags(root *cobra.Command, args []string) {
	checkGroups(root)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		_, rest, findErr := root.Find(args)
		faults := []string{flagFault(cmd.Flags(), err)}
		if findErr == nil {
			faults = flagFaults(cmd.Flags(), rest)
		}
		return &Error{cmd.CommandPath(), faults}
	})
}

// flagFaults returns all faults of the flags in args. The flags' values are meaningless afterwards.
func flagFaults(flags *pflag.FlagSet, args []string) (faults []string) {
	flags.VisitAll(func(f *pflag.Flag) { f.Value = &recorder{Value: f.Value, flag: f, faults: &faults} })
	args = slices.Clone(args)
	for range len(args) + 1 { // parsing ends at a fault of other kinds, which is then left out
		err := flags.Parse(args)
		if err == nil || errors.Is(err, pflag.ErrHelp) {
			break
		}
		faults = append(faults, flagFault(flags, err))
		at := culprit(args, err)
		if at < 0 {
			break
		}
		end := at + 1
		if !strings.Contains(args[at], "=") && end < len(args) && !strings.HasPrefix(args[end], "-") {
			end++ // probably its value
		}
		args = slices.Delete(args, at, end)
	}
	return dedupe(faults)
}

// recorder is a flag's value that notes what it refuses instead of ending the parsing.
type recorder struct {
	pflag.Value
	flag   *pflag.Flag
	faults *[]string
}

func (r *recorder) Set(text string) error {
	if err := r.Value.Set(text); err != nil {
		*r.faults = append(*r.faults, valueFault(r.flag, text, err))
	}
	return nil
}

// culprit returns the index of the argument that an error is about, or -1.
func culprit(args []string, err error) int {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if short := e.GetSpecifiedShortnames(); short != "" {
			return slices.Index(args, "-"+short)
		}
		return slices.IndexFunc(args, func(arg string) bool {
			name, _, _ := strings.Cut(arg, "=")
			return name == "--"+e.GetSpecifiedName()
		})
	}
	if e, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return slices.Index(args, e.GetSpecifiedFlag())
	}
	return -1
}

// flagFault says what is wrong with a flag.
func flagFault(flags *pflag.FlagSet, err error) string {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return unknownFlag(flags, e)
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return fmt.Sprintf("--%s needs a value", e.GetFlag().Name)
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return valueFault(e.GetFlag(), e.GetValue(), e.Unwrap())
	}
	if e, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return fmt.Sprintf("%q is not a flag", e.GetSpecifiedFlag())
	}
	return err.Error()
}

func unknownFlag(flags *pflag.FlagSet, e *pflag.NotExistError) string {
	if short := e.GetSpecifiedShortnames(); short != "" {
		if name, _, _ := strings.Cut(short, "="); len(name) > 1 && flags.Lookup(name) != nil {
			return fmt.Sprintf("unknown flag -%s: did you mean --%s?", name, name)
		}
		if len(short) > 1 {
			return fmt.Sprintf("unknown flag -%s in -%s", e.GetSpecifiedName()[:1], short)
		}
		return "unknown flag -" + short
	}
	var known []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	name := e.GetSpecifiedName()
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("unknown flag --%s: did you mean --%s?", name, near)
	}
	return "unknown flag --" + name
}

// valueFault says what is wrong with a flag's value, without what Go's parsers call it.
func valueFault(f *pflag.Flag, value string, err error) string {
	why := err.Error()
	if numeric, ok := errors.AsType[*strconv.NumError](err); ok {
		why = "give a whole number"
		if errors.Is(numeric.Err, strconv.ErrRange) {
			why = "the number is out of range"
		}
		if f.Value.Type() == "bool" {
			why = "give true or false"
		}
	} else if f.Value.Type() == "duration" {
		why = "give a duration such as 30s or 1h30m"
	}
	if strings.Contains(why, strconv.Quote(value)) {
		return fmt.Sprintf("--%s: %s", f.Name, why)
	}
	return fmt.Sprintf("--%s %q: %s", f.Name, value, why)
}

// dedupe drops faults that are there already.
func dedupe(faults []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(faults, func(fault string) bool {
		defer func() { seen[fault] = true }()
		return seen[fault]
	})
}
