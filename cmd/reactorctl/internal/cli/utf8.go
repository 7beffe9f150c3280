package cli

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// unsent are the flags whose values the daemon does not get, though a command has them that talks to it: files of this
// machine, which may be called anything, and --env, whose faults are told without the values.
var unsent = []string{"env", "stdin", "build", "watch", "token-file", "tls-ca", "tls-cert", "tls-key"}

// checkArguments returns an error that names each argument that is not UTF-8. The API has no others.
func checkArguments(args []string) error {
	var faults []error
	for _, arg := range args {
		if !utf8.ValidString(arg) {
			faults = append(faults, fmt.Errorf("the argument %q is not UTF-8", arg))
		}
	}
	return errors.Join(faults...)
}

// checkFlags returns an error that names each value of a flag that is not UTF-8.
func checkFlags(flags *pflag.FlagSet) error {
	var faults []error
	flags.Visit(func(f *pflag.Flag) {
		if slices.Contains(unsent, f.Name) {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			if !utf8.ValidString(value) {
				faults = append(faults, fmt.Errorf("--%s %q is not UTF-8", f.Name, value))
			}
		}
	})
	return errors.Join(faults...)
}
