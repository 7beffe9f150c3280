// Command reactord runs WebAssembly programs as async tasks and serves an API to submit them.
package main

import (
	"fmt"
	"os"

	"github.com/reactord/reactord/cmd/internal/printable"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run executes a command line and returns the exit status.
func run(args []string) int {
	cmd := command()
	cmd.SetArgs(args)
	if err := cmd.Execute(); err != nil {
		fmt.Fprintf(printable.NewWriter(os.Stderr), "reactord: %v\n", err)
		return 1
	}
	return 0
}
