// Command reactord runs WebAssembly programs as async tasks and serves an API to submit them.
package main

import (
	"os"

	"github.com/reactord/reactord/cmd/reactord/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stderr))
}
