package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/status"

	"github.com/reactord/reactord/cmd/internal/usage"
	"github.com/reactord/reactord/cmd/reactorctl/internal/follow"
	"github.com/reactord/reactord/cmd/reactorctl/internal/reason"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/wit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const pushChunk = 256 << 10

func (a *app) moduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "module",
		Short: "Push, list and manage modules",
		Args:  usage.Subcommands,
		RunE:  helpOnly,
	}
	cmd.AddCommand(
		a.modulePushCommand(), a.moduleListCommand(), a.moduleInspectCommand(), a.modulePullCommand(), a.moduleTagCommand(), a.moduleUntagCommand(),
		a.moduleRemoveCommand(), a.modulePruneCommand(), a.moduleSnapshotCommand(), a.moduleComposeCommand(),
	)
	return cmd
}

// ensure makes sure that the daemon has a module of a file, and returns its digest.
func (a *app) ensure(ctx context.Context, m *source.Module, tag string) (string, error) {
	var result *reactorv1.PushModuleResult
	err := a.follower.Do(ctx, func(ctx context.Context) (err error) {
		if result, err = a.push(ctx, m, tag); isRefusal(err) {
			return follow.Permanent(fmt.Errorf("%s: %w", m.Name, err)) // the daemon has refused it
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return result.GetModule().GetDigest(), nil
}

// push uploads a module from the offset that the daemon already has.
func (a *app) push(ctx context.Context, m *source.Module, tag string) (*reactorv1.PushModuleResult, error) {
	result, err := a.upload(ctx, m, tag)
	if isRefusal(err) && m.Changed() { // the daemon knows only that the bytes are not those that were announced
		return nil, fmt.Errorf("%s changed while it was read; try again", m.Path)
	}
	return result, err
}

// isRefusal reports whether an error is the daemon's own, rather than one of the way to it.
func isRefusal(err error) bool { return len(status.Convert(err).Details()) > 0 }

func (a *app) upload(ctx context.Context, m *source.Module, tag string) (*reactorv1.PushModuleResult, error) {
	stream, err := a.modules().PushModule(ctx)
	if err != nil {
		return nil, err
	}
	header := &reactorv1.PushModuleHeader{
		Digest: m.Digest, SizeBytes: uint64(m.Size), Tag: tag, Name: m.Name, PrefixDigests: m.PrefixDigests,
	}
	if err := stream.Send(&reactorv1.PushModuleRequest{Part: &reactorv1.PushModuleRequest_Header{Header: header}}); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var sent atomic.Int64
	defer a.notes.Watch(func(context.Context) (string, bool) { return pushing(m, sent.Load()), true })()
	response, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	if result := response.GetResult(); result != nil {
		return result, nil
	}
	if err := sendChunks(stream, m, int64(response.GetOffset()), &sent); err != nil {
		return nil, err
	}
	if response, err = stream.Recv(); err != nil {
		return nil, err
	}
	return response.GetResult(), nil
}

// pushing says how far the upload of a module is.
func pushing(m *source.Module, sent int64) string {
	switch {
	case sent <= 0:
		return "waiting for the daemon to look for " + m.Name
	case sent >= m.Size:
		return "waiting for the daemon to compile " + m.Name
	}
	return fmt.Sprintf("pushing %s: %s of %s", m.Name, render.Size(uint64(sent)), render.Size(uint64(m.Size)))
}

// sendChunks streams the module from offset on and half-closes, and keeps sent at how much the daemon was sent. It returns nil if the daemon ended the stream
// early: the caller's Recv returns the reason.
func sendChunks(stream reactorv1.ModuleService_PushModuleClient, m *source.Module, offset int64, sent *atomic.Int64) error {
	if _, err := m.File.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	sent.Store(offset)
	buffer := make([]byte, pushChunk)
	for {
		n, err := io.ReadFull(m.File, buffer)
		if n > 0 {
			part := &reactorv1.PushModuleRequest_Chunk{Chunk: buffer[:n]}
			if err := stream.Send(&reactorv1.PushModuleRequest{Part: part}); err != nil {
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
			sent.Add(int64(n))
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return stream.CloseSend()
		case err != nil:
			return err
		}
	}
}

func (a *app) moduleListCommand() *cobra.Command {
	return &cobra.Command{
		SuggestFor: []string{"images", "modules"},
		Use:        "list",
		Short:      "List modules, newest first",
		Args:       operands(cobra.NoArgs),
		RunE: a.remote(func(cmd *cobra.Command, _ []string) error {
			all := &reactorv1.ListModulesResponse{}
			for token := ""; ; {
				page, err := a.modules().ListModules(cmd.Context(), &reactorv1.ListModulesRequest{PageSize: 1000, PageToken: token})
				if err != nil {
					return err
				}
				all.Modules = append(all.Modules, page.GetModules()...)
				all.UnreadableDigests = append(all.UnreadableDigests, page.GetUnreadableDigests()...)
				if token = page.GetNextPageToken(); token == "" {
					break
				}
			}
			a.tellUnreadable("module", all.GetUnreadableDigests())
			if !a.output.IsTable() {
				return a.output.Message(a.Out, all)
			}
			return render.Modules(all.GetModules(), a.output.IsWide()).Print(a.screen(), a.output.IsWide())
		}),
	}
}

func (a *app) moduleInspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect MODULE",
		Short: "Show a module: its imports, exports, memory and the grants it will need",
		Long: `Show a module: its imports, exports, memory and the grants it will need; of a component also its world, as WIT.
MODULE is a digest, a tag, or what is pushed: a file, a Go package, or an artifact of a registry. What the daemon does not have of what the module
imports, or needs, is told by name: such a module is refused. The world of a component is printed all the same.`,
		Example: `  reactorctl module inspect ./calc.wasm
  reactorctl module inspect -o json calc | jq '.functions[].export'`,
		Args: paths(cobra.ExactArgs(1)),
		RunE: a.remote(func(cmd *cobra.Command, args []string) error {
			module, err := a.stored(cmd.Context(), args[0])
			if err != nil {
				a.printRefused(cmd.Context(), args[0], err)
				return err
			}
			response, err := a.modules().DescribeModule(cmd.Context(), &reactorv1.DescribeModuleRequest{Module: module})
			if err != nil {
				return meantPath(err, args[0])
			}
			return a.printDescription(response)
		}),
	}
	a.addRegistry(cmd)
	return cmd
}

// printRefused prints the world of a component in a file that the daemon has refused for what it does not have.
func (a *app) printRefused(ctx context.Context, arg string, refusal error) {
	if why, _ := reason.Of(refusal); why != reactorv1.ErrorReason_ERROR_REASON_MODULE_UNSUPPORTED || !a.output.IsTable() {
		return
	}
	part, err := a.part(ctx, arg)
	if err != nil {
		return
	}
	decoded, err := binary.Decode(part.Binary, binary.Limits{})
	if err != nil {
		return
	}
	if component, err := types.Check(decoded, types.Features{}); err == nil {
		fmt.Fprint(a.Out, wit.World(component))
	}
}

// stored returns what names a module for the daemon: arg, or the digest of the program in the file that it names, which is
// pushed.
func (a *app) stored(ctx context.Context, arg string) (string, error) {
	if err := checkModule(arg); err != nil {
		return "", err
	}
	m, err := a.open(ctx, arg)
	if err != nil {
		return "", err
	}
	defer m.Close() //nolint:errcheck // the file was only read
	if m.File == nil {
		return m.Ref, nil
	}
	return a.ensure(ctx, m, "")
}

// printDescription prints a module: as one message its parts, but the module is on top.
func (a *app) printDescription(d *reactorv1.DescribeModuleResponse) error {
	if len(d.GetFunctions()) == 0 {
		return a.printModule(d.GetModule())
	}
	if !a.output.IsTable() {
		return a.output.Message(a.Out, d)
	}
	return render.Component(a.screen(), d)
}

func (a *app) moduleTagCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "tag MODULE TAG",
		Short: "Point a tag at a module",
		Args:  operands(cobra.ExactArgs(2)),
		RunE: a.remote(func(cmd *cobra.Command, args []string) error {
			response, err := a.modules().TagModule(cmd.Context(), &reactorv1.TagModuleRequest{Module: args[0], Tag: args[1]})
			if err != nil {
				return err
			}
			if !a.output.IsTable() {
				return a.output.Message(a.Out, response.GetModule())
			}
			_, err = fmt.Fprintf(a.Out, "%s is module %s\n", args[1], render.ShortDigest(response.GetModule().GetDigest()))
			return err
		}),
	}
}

func (a *app) printModule(m *reactorv1.Module) error {
	if !a.output.IsTable() {
		return a.output.Message(a.Out, m)
	}
	return render.Module(a.screen(), m)
}
