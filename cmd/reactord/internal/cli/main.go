package cli

import (
	"fmt"
	"io"

	"github.com/reactord/reactord/cmd/internal/printable"
	"github.com/reactord/reactord/cmd/internal/usage"
)

// Main runs one command line and returns the exit status.
func Main(args []string, stderr io.Writer) int {
	cmd := Command()
	cmd.SetArgs(args)
	usage.CheckFlags(cmd, args)
	if err := cmd.Execute(); err != nil {
		fmt.Fprintf(printable.NewWriter(stderr), "reactord: %v\n", err)
		return 1
	}
	return 0
}
