// Command manual writes the manual pages and the shell completions of reactorctl to a folder, for packages.
package main

import (
	"fmt"
	"os"

	"github.com/reactord/reactord/cmd/internal/manual"
	"github.com/reactord/reactord/cmd/reactorctl/internal/cli"
)

func main() {
	if err := manual.Main(cli.Command(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
