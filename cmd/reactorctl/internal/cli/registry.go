package cli

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/reactord/reactord/cmd/internal/oci"
	"github.com/reactord/reactord/cmd/internal/version"
	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
	"github.com/reactord/reactord/component/binary"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// registryHelp tells how registries are reached.
const registryHelp = `Credentials for a registry are those of docker: of ~/.docker/config.json, or the folder in DOCKER_CONFIG, and of the helper programs
that it names. A registry on this machine is spoken to in plain text, others in TLS. With --daemon-pulls it is the daemon that reads the
registry, as far as its --registry allows, with credentials of its own.`

// addRegistry adds the flags of a command that may read from a registry, or write to one.
func (a *app) addRegistry(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.daemonPulls, "daemon-pulls", false, "have the daemon itself read the registry of an oci:// reference, which its operator has to allow")
	cmd.Flags().BoolVar(&a.plainHTTP, "plain-http", false, "speak to the registry of an oci:// reference without TLS (default: only if it is this machine)")
}

// registry returns a client for the registry of a reference.
func (a *app) registry(ref oci.Reference) (*oci.Client, error) {
	find, err := oci.DockerCredentials()
	if err != nil {
		return nil, fmt.Errorf("the credentials for registries: %w", err)
	}
	plain := oci.IsLoopback(ref.Registry())
	if a.running.Flags().Changed("plain-http") {
		plain = a.plainHTTP
	}
	return oci.New(oci.Options{
		Registry: ref.Registry(), PlainHTTP: plain, Credentials: find, MaxBytes: source.MaxBytes, UserAgent: "reactorctl/" + version.Get().Version,
	}), nil
}

// openArtifact finds a module of a registry: by its digest if the daemon has it, or else its bytes.
func (a *app) openArtifact(ctx context.Context, arg string) (*source.Module, error) {
	if a.daemonPulls {
		return a.fetchArtifact(ctx, arg)
	}
	return a.readArtifact(ctx, arg, func(artifact *oci.Artifact) bool {
		response, err := a.modules().GetModule(ctx, &reactorv1.GetModuleRequest{Module: artifact.Digest})
		return err == nil && !response.GetModule().GetDamaged() // why a call has failed is told by the next one
	})
}

// fetchArtifact has the daemon read a module of a registry.
func (a *app) fetchArtifact(ctx context.Context, arg string) (*source.Module, error) {
	ref, err := oci.ParseReference(arg)
	if err != nil {
		return nil, err
	}
	defer a.notes.Wait(fmt.Sprintf("waiting for the daemon to read %s from %s", ref.Name(), ref.Registry()))()
	response, err := a.modules().FetchModule(ctx, &reactorv1.FetchModuleRequest{Reference: ref.String(), Name: source.Name(arg)})
	if err != nil {
		return nil, err
	}
	return &source.Module{Ref: response.GetModule().GetDigest(), Name: source.Name(arg)}, nil
}

// readArtifact reads a module of a registry, unless skip says that its digest is enough.
func (a *app) readArtifact(ctx context.Context, arg string, skip func(*oci.Artifact) bool) (*source.Module, error) {
	ref, err := oci.ParseReference(arg)
	if err != nil {
		return nil, err
	}
	client, err := a.registry(ref)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	done := a.notes.Wait(fmt.Sprintf("asking %s for %s", ref.Registry(), ref.Name()))
	artifact, err := client.Resolve(ctx, ref)
	done()
	if err != nil {
		return nil, err
	}
	if skip(artifact) {
		return &source.Module{Ref: artifact.Digest, Name: source.Name(arg)}, nil
	}
	return source.Written(arg, source.Name(arg), func(w io.Writer) error {
		counted := &countingWriter{to: w}
		defer a.notes.Watch(func(context.Context) (string, bool) {
			return fmt.Sprintf("reading %s: %s of %s", ref, render.Size(uint64(counted.n.Load())), render.Size(uint64(artifact.Size))), true
		})()
		return client.Copy(ctx, artifact, 0, counted)
	})
}

// openWhole opens a module with its bytes, wherever it is: here, in a registry, or in the daemon.
func (a *app) openWhole(ctx context.Context, arg string) (*source.Module, error) {
	switch {
	case source.IsPath(arg):
		return a.open(ctx, arg)
	case oci.IsReference(arg):
		return a.readArtifact(ctx, arg, func(*oci.Artifact) bool { return false })
	}
	if err := checkModule(arg); err != nil {
		return nil, err
	}
	var stored *reactorv1.Module
	m, err := source.Written(arg, arg, func(w io.Writer) (err error) {
		stored, err = a.pull(ctx, arg, w)
		return meantPath(err, arg)
	})
	if err != nil {
		return nil, err
	}
	if m.Name = stored.GetName(); m.Name == "" {
		m.Name = render.ShortDigest(m.Digest)
	}
	return m, nil
}

// checkModule returns what is wrong with a MODULE that is no path.
func checkModule(arg string) error {
	if source.IsPath(arg) {
		return nil
	}
	return checkArguments([]string{arg})
}

// artifactOf describes a module for a registry.
func artifactOf(m *source.Module) (oci.Module, error) {
	artifact := oci.Module{
		Digest: m.Digest, Size: m.Size, Title: m.Name + ".wasm",
		Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(m.File, 0, m.Size)), nil
		},
	}
	content, err := io.ReadAll(io.NewSectionReader(m.File, 0, m.Size))
	if err != nil || !binary.IsComponent(content) {
		return artifact, err
	}
	component, err := binary.Decode(content, binary.Limits{})
	if err != nil {
		return artifact, fmt.Errorf("%s is not a component: %w", m.Path, err)
	}
	artifact.Component = &oci.Component{Exports: []string{}, Imports: []string{}}
	for _, definition := range component.Definitions {
		switch d := definition.(type) {
		case *binary.Import:
			artifact.Component.Imports = append(artifact.Component.Imports, d.Name.Text)
		case *binary.Export:
			artifact.Component.Exports = append(artifact.Component.Exports, d.Name.Text)
		}
	}
	return artifact, nil
}

// countingWriter counts what is written.
type countingWriter struct {
	to io.Writer
	n  atomic.Int64
}

func (w *countingWriter) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	w.n.Add(int64(n))
	return n, err
}
