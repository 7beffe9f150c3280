// Command reactorctl controls a reactord daemon over its gRPC API.
package main

import (
	"os"

	"github.com/reactord/reactord/cmd/reactorctl/internal/cli"
	"github.com/reactord/reactord/cmd/reactorctl/internal/interrupt"
)

func main() {
	ctx, second := interrupt.Watch()
	os.Exit(cli.Main(ctx, os.Args[1:], cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Abort: second}))
}
