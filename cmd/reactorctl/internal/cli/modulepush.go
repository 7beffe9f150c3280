package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/oci"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

func (a *app) modulePushCommand() *cobra.Command {
	var tag string
	cmd := &cobra.Command{
		SuggestFor: []string{"push"},
		Use:        "push MODULE [oci://REGISTRY/REPOSITORY:TAG]",
		Short:      "Push a .wasm file or a Go package to the daemon, or a module to a registry",
		Long: `Push a .wasm file, a Go package or a module of a registry to the daemon, and print its digest. Bytes that the daemon already
has are not sent again.

With a second argument the module goes to a registry of OCI artifacts instead, and may also be one of the daemon. What is
printed names it by its digest there. The artifact has the layout of the CNCF for WebAssembly, which wkg and wash read, too; the
same module always gives the same artifact.

` + registryHelp,
		Example: `  reactorctl module push --tag hello ./hello.wasm
  reactorctl module push ./hello.wasm oci://ghcr.io/me/hello:1.0
  reactorctl module push hello oci://localhost:5000/hello`,
		Args: paths(cobra.RangeArgs(1, 2)),
	}
	cmd.Flags().StringVarP(&tag, "tag", "t", "", "point this `TAG` of the daemon at the module")
	a.addRegistry(cmd)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		if len(args) == 2 {
			if tag != "" {
				return usageError(cmd, "--tag is for the daemon: the tag of an artifact is at the end of its reference")
			}
			return a.publish(cmd, args[0], args[1])
		}
		if !source.IsPath(args[0]) && !oci.IsReference(args[0]) {
			return usageError(cmd, "%q is not a path: a file ends in .wasm, and a folder begins with ./, ../ or /", args[0])
		}
		return a.pushArgument(cmd.Context(), args[0], tag)
	})
	return cmd
}

// pushArgument makes sure that the daemon has what a path or a reference names, and prints its digest.
func (a *app) pushArgument(ctx context.Context, arg, tag string) error {
	if err := a.meet(ctx); err != nil {
		return err
	}
	m, err := a.open(ctx, arg)
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // the file was only read
	if m.File == nil {
		return a.tellExisting(ctx, m.Ref, tag)
	}
	return a.pushAndTell(ctx, m, tag)
}

// tellExisting points a tag, if there is one, at a module that the daemon has, and prints its digest.
func (a *app) tellExisting(ctx context.Context, digest, tag string) error {
	var m *reactorv1.Module
	if tag != "" {
		response, err := a.modules().TagModule(ctx, &reactorv1.TagModuleRequest{Module: digest, Tag: tag})
		if err != nil {
			return err
		}
		m = response.GetModule()
	} else {
		response, err := a.modules().GetModule(ctx, &reactorv1.GetModuleRequest{Module: digest})
		if err != nil {
			return err
		}
		m = response.GetModule()
	}
	return a.tellPushed(&reactorv1.PushModuleResult{Module: m, Existed: true})
}

// pushAndTell pushes a module, and prints its digest.
func (a *app) pushAndTell(ctx context.Context, m *source.Module, tag string) error {
	result, err := a.push(ctx, m, tag)
	if err != nil {
		return err
	}
	return a.tellPushed(result)
}

func (a *app) tellPushed(result *reactorv1.PushModuleResult) error {
	if !a.output.IsTable() {
		return a.output.Message(a.Out, result)
	}
	_, err := fmt.Fprintln(a.Out, result.GetModule().GetDigest())
	return err
}

// published is what was put into a registry, as JSON and YAML show it.
type published struct {
	Reference string `json:"reference"`
	Artifact  string `json:"artifact"` // the reference by the digest of its manifest
	Module    string `json:"module"`   // the digest of the module
}

// publish puts a module into a registry.
func (a *app) publish(cmd *cobra.Command, arg, reference string) error {
	if !oci.IsReference(reference) {
		return usageError(cmd, "%q is not a registry's: give %sREGISTRY/REPOSITORY:TAG", reference, oci.Scheme)
	}
	ref, err := oci.ParseReference(reference)
	if err == nil {
		err = ref.CheckTagged()
	}
	if err != nil {
		return usageError(cmd, "%v", err)
	}
	ctx := cmd.Context()
	m, err := a.openWhole(ctx, arg)
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // the file was only read
	client, err := a.registry(ref)
	if err != nil {
		return err
	}
	defer client.Close()
	artifact, err := artifactOf(m)
	if err != nil {
		return err
	}
	done := a.notes.Wait(fmt.Sprintf("sending %s of %s to %s", render.Size(uint64(m.Size)), m.Name, ref.Registry()))
	at, err := client.Publish(ctx, ref, artifact)
	done()
	if err != nil {
		return err
	}
	if !a.output.IsTable() {
		return a.output.Value(a.Out, published{Reference: ref.String(), Artifact: at.String(), Module: m.Digest})
	}
	_, err = fmt.Fprintln(a.Out, oci.Scheme+at.String())
	return err
}
