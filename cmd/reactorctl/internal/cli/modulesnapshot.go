package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/oci"
	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) moduleSnapshotCommand() *cobra.Command {
	req := &reactorv1.SnapshotModuleRequest{}
	cmd := &cobra.Command{
		Use:   "snapshot MODULE",
		Short: "Initialize a module, and store what came of it as a module of its own",
		Long: `Initialize a module, and store what came of it as a module of its own: what calls its exports finds it initialized,
and starts that much sooner. MODULE is a Go package, a .wasm file, a digest, a tag or oci://REGISTRY/REPOSITORY:TAG. It has to be a library: a file is built
in Go with -buildmode=c-shared, in C with -mexec-model=reactor. The digest of the new module is printed; what the
initialization writes goes to the error output.

The module's _initialize is called if it exports that, and then the export of --invoke, in a sandbox: it has no grants,
no environment, an empty input, and the default limits of workloads. The new module exports neither of the two. What
the initialization read of its arguments, its environment and its folders stays as it was then.

What could not be carried over is refused, by its name. So are the time and random numbers, unless they are allowed:
with --allow-clock everything that starts from the snapshot goes on from the same time, and with --allow-random it has
the same random numbers, such as the seeds of hash tables. Whoever has the snapshot knows them. Go programs ask for both
when they start.`,
		Example: `  reactorctl module snapshot --allow-clock --allow-random --tag words ./words
  reactorctl run --invoke lookup words 7`,
		Args: paths(cobra.ExactArgs(1)),
	}
	flags := cmd.Flags()
	flags.StringVar(&req.Invoke, "invoke", "", "call this `EXPORT`, which has no parameters, after _initialize")
	flags.StringVarP(&req.Tag, "tag", "t", "", "point this `TAG` at the new module")
	flags.BoolVar(&req.AllowClock, "allow-clock", false, "let the initialization ask for the time, and wait")
	flags.BoolVar(&req.AllowRandom, "allow-random", false, "let the initialization ask for random numbers")
	a.addRegistry(cmd)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) (err error) {
		if err := a.meetForWork(cmd.Context()); err != nil {
			return err
		}
		if req.Module, err = a.pushed(cmd.Context(), args[0]); err != nil {
			return err
		}
		response, err := a.snapshot(cmd.Context(), req)
		if err != nil {
			return meantPath(err, args[0])
		}
		return a.printSnapshot(response)
	})
	return cmd
}

// pushed returns what names a module for the daemon: arg, or the digest of the file or artifact that it names, which is pushed.
func (a *app) pushed(ctx context.Context, arg string) (string, error) {
	if oci.IsReference(arg) {
		return a.stored(ctx, arg)
	}
	if !source.IsPath(arg) {
		return arg, checkArguments([]string{arg})
	}
	defer a.notes.Wait("building " + arg)()
	m, err := source.OpenLibrary(ctx, arg, a.In, a.notes)
	if err != nil {
		return "", err
	}
	defer m.Close() //nolint:errcheck // the file was only read
	return a.ensure(ctx, m, "")
}

// snapshot has the daemon make a snapshot, also over a restart of it.
func (a *app) snapshot(ctx context.Context, req *reactorv1.SnapshotModuleRequest) (response *reactorv1.SnapshotModuleResponse, err error) {
	defer a.notes.Wait("waiting for the module to be initialized")()
	err = a.follower.Do(ctx, func(ctx context.Context) (err error) {
		if response, err = a.modules().SnapshotModule(ctx, req); isRefusal(err) {
			return follow.Permanent(err)
		}
		return err
	})
	return response, err
}

func (a *app) printSnapshot(response *reactorv1.SnapshotModuleResponse) error {
	if _, err := a.Err.Write(response.GetOutput()); err != nil {
		return err
	}
	if n := response.GetOutputDroppedBytes(); n > 0 {
		fmt.Fprintf(a.Err, "\nreactorctl: %s of output more are left out\n", render.Size(n))
	}
	if !a.output.IsTable() {
		return a.output.Message(a.Out, response)
	}
	_, err := fmt.Fprintln(a.Out, response.GetModule().GetDigest())
	return err
}
