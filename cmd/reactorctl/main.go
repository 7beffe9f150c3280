// Command reactorctl controls a reactord daemon over its gRPC API.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/reactord/reactord/cmd/reactorctl/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // after this a second signal ends the process
	status := cli.Main(ctx, os.Args[1:], cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(status)
}
