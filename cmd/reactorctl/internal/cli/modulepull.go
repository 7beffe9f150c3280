package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/oci"
	"github.com/reactord/reactord/cmd/internal/quantity"
	"github.com/reactord/reactord/cmd/reactorctl/internal/outfile"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// stdout is the name of the standard output where a file is named.
const stdout = "-"

func (a *app) modulePullCommand() *cobra.Command {
	var file, tag string
	cmd := &cobra.Command{
		Use:   "pull MODULE",
		Short: "Write a module of the daemon to a file, or pull one from a registry",
		Long: `Write a module of the daemon to a file, such as a snapshot or a composition that was made there. The file is there
only once it is complete.

A MODULE that is oci://REGISTRY/REPOSITORY:TAG comes from a registry: into the file, or without one into the daemon, and its
digest is printed. Its tag is looked up once, and what comes is compared with the digests that it stands for.

` + registryHelp,
		Example: `  reactorctl module pull words -f words.wasm
  reactorctl module pull words -f - | wasm-tools print -
  reactorctl module pull oci://ghcr.io/me/hello:1.0 --tag hello`,
		Args: operands(cobra.ExactArgs(1)),
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "write it to this `FILE`, or to standard output for -")
	cmd.Flags().StringVarP(&tag, "tag", "t", "", "point this `TAG` of the daemon at a module that comes from a registry")
	cmd.MarkFlagsMutuallyExclusive("file", "tag")
	a.addRegistry(cmd)
	cmd.RunE = a.remote(func(cmd *cobra.Command, args []string) error {
		fromRegistry := oci.IsReference(args[0])
		switch {
		case file == "" && fromRegistry:
			return a.pushArgument(cmd.Context(), args[0], tag)
		case file == "":
			return usageError(cmd, "--file is needed: the daemon has module %q already", args[0])
		case fromRegistry:
			return a.pullArtifact(cmd.Context(), args[0], file)
		case file == stdout:
			_, err := a.pull(cmd.Context(), args[0], a.raw.Out)
			return meantPath(err, args[0])
		}
		return a.pullFile(cmd.Context(), args[0], file)
	})
	return cmd
}

// pullArtifact writes a module of a registry to a file, or to the standard output.
func (a *app) pullArtifact(ctx context.Context, arg, path string) error {
	m, err := a.openWhole(ctx, arg)
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // the file was only read
	if path == stdout {
		_, err := io.Copy(a.raw.Out, m.File)
		return err
	}
	err = outfile.Write(path, fileMode, func(w io.Writer) error {
		_, err := io.Copy(w, m.File)
		return err
	})
	if err != nil {
		return err
	}
	if !a.output.IsTable() {
		return a.output.Value(a.Out, pulled{File: path, Module: m.Digest, SizeBytes: m.Size})
	}
	return a.tellFile(path, m.Digest, uint64(m.Size))
}

// pulled is a module that was read from a registry into a file, as JSON and YAML show it.
type pulled struct {
	File      string `json:"file"`
	Module    string `json:"module"` // the digest of the module
	SizeBytes int64  `json:"sizeBytes"`
}

// pullFile writes a module to a file, in the place of one that is there.
func (a *app) pullFile(ctx context.Context, ref, path string) error {
	var m *reactorv1.Module
	err := outfile.Write(path, fileMode, func(w io.Writer) (err error) {
		m, err = a.pull(ctx, ref, w)
		return meantPath(err, ref)
	})
	if err != nil {
		return err
	}
	if !a.output.IsTable() {
		return a.output.Message(a.Out, m)
	}
	return a.tellFile(path, m.GetDigest(), m.GetSizeBytes())
}

// tellFile says which module a file has now.
func (a *app) tellFile(path, digest string, size uint64) error {
	_, err := fmt.Fprintf(a.Out, "%s is module %s, %s\n", path, render.ShortDigest(digest), render.Size(size))
	return err
}

// fileMode is that of the modules that commands write.
const fileMode = 0o644

// pull writes a module to w, and checks its digest.
func (a *app) pull(ctx context.Context, ref string, w io.Writer) (*reactorv1.Module, error) {
	stream, err := a.modules().PullModule(ctx, &reactorv1.PullModuleRequest{Module: ref})
	if err != nil {
		return nil, err
	}
	var m *reactorv1.Module
	var received atomic.Int64
	defer a.notes.Watch(func(context.Context) (string, bool) {
		return fmt.Sprintf("received %s of %s", quantity.HumanSize(uint64(received.Load())), ref), received.Load() > 0
	})()
	hash := sha256.New()
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if head := response.GetModule(); head != nil {
			m = head
			continue
		}
		hash.Write(response.GetChunk())
		if _, err := w.Write(response.GetChunk()); err != nil {
			return nil, err
		}
		received.Add(int64(len(response.GetChunk())))
	}
	if digest := "sha256:" + hex.EncodeToString(hash.Sum(nil)); digest != m.GetDigest() {
		return nil, fmt.Errorf("what was received has the digest %s, not that of the module, %s", digest, m.GetDigest())
	}
	return m, nil
}
