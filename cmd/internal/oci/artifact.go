package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
)

// Types of what artifacts consist of.
const (
	configType = "application/vnd.wasm.config.v0+json"
	layerType  = "application/wasm"
)

// layerTypes are those of layers that are a binary: the one that is written, and those of older tools.
var layerTypes = []string{layerType, "application/vnd.wasm.content.layer.v1+wasm", "application/vnd.module.wasm.content.layer.v1+wasm"}

// Artifact is a module in a registry.
type Artifact struct {
	// Reference names the manifest by its digest.
	Reference Reference
	// Digest is the digest of the module, "sha256:" and 64 hexadecimal digits, and Size its size, both as the manifest has
	// them: the bytes may be others.
	Digest string
	Size   int64

	layer    ocispec.Descriptor
	subjects []ocispec.Descriptor // what a signature may be of: the manifest, and the index that led to it
}

// Resolve finds the module that a reference names. It reads manifests only.
func (c *Client) Resolve(ctx context.Context, ref Reference) (*Artifact, error) {
	repository, err := c.repository(ref)
	if err != nil {
		return nil, err
	}
	top, err := repository.Resolve(ctx, ref.ref.Reference)
	if err != nil {
		return nil, ref.explain(ctx, err)
	}
	manifest, of, err := readManifest(ctx, repository, ref, top)
	if err != nil {
		return nil, ref.explain(ctx, err)
	}
	layer, err := moduleLayer(ref, manifest)
	if err != nil {
		return nil, err
	}
	if layer.Size > c.options.MaxBytes {
		return nil, ref.errorf(TooLarge, "the module has %d bytes, more than the %d that are taken", layer.Size, c.options.MaxBytes)
	}
	a := &Artifact{Reference: ref.pinned(of.Digest), Digest: layer.Digest.String(), Size: layer.Size, layer: layer, subjects: []ocispec.Descriptor{of}}
	if top.Digest != of.Digest {
		a.subjects = append(a.subjects, top)
	}
	return a, nil
}

// readManifest reads a manifest, or the one for WebAssembly of an index. It returns which it is, too.
func readManifest(ctx context.Context, repository *remote.Repository, ref Reference, top ocispec.Descriptor) (*ocispec.Manifest, ocispec.Descriptor, error) {
	if isIndex(top.MediaType) {
		var index ocispec.Index
		if err := readJSON(ctx, repository, ref, top, &index); err != nil {
			return nil, top, err
		}
		var err error
		if top, err = ofIndex(ref, &index); err != nil {
			return nil, top, err
		}
	}
	var manifest ocispec.Manifest
	if err := readJSON(ctx, repository, ref, top, &manifest); err != nil {
		return nil, top, err
	}
	return &manifest, top, nil
}

func isIndex(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageIndex || mediaType == "application/vnd.docker.distribution.manifest.list.v2+json"
}

// ofIndex picks the manifest for WebAssembly.
func ofIndex(ref Reference, index *ocispec.Index) (found ocispec.Descriptor, err error) {
	var platforms []string
	n := 0
	for _, m := range index.Manifests {
		if m.Platform == nil {
			continue
		}
		platforms = append(platforms, m.Platform.OS+"/"+m.Platform.Architecture)
		if m.Platform.Architecture == "wasm" && !isIndex(m.MediaType) {
			found, n = m, n+1
		}
	}
	switch n {
	case 1:
		return found, nil
	case 0:
		return found, ref.errorf(NotModule, "it is an image for several platforms, and none is wasm: %s", listed(platforms))
	}
	return found, ref.errorf(NotModule, "it is an image for several platforms, and %d are wasm: name one by its digest", n)
}

// readJSON reads a manifest or an index, and compares it with its digest.
func readJSON(ctx context.Context, repository *remote.Repository, ref Reference, of ocispec.Descriptor, into any) error {
	text, err := readSmall(ctx, func(ctx context.Context) ([]byte, error) {
		if of.Size > maxMetadata {
			return nil, ref.errorf(Untrue, "the manifest has %d bytes, more than the %d that one may have", of.Size, maxMetadata)
		}
		body, err := repository.Manifests().Fetch(ctx, of)
		if err != nil {
			return nil, err
		}
		defer body.Close() //nolint:errcheck // it was only read
		return content.ReadAll(body, of)
	})
	if isUntrue(err) {
		return ref.errorf(Untrue, "the manifest is not the one that was announced: %w", err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return ref.errorf(Unreachable, "the registry has broken off the manifest: %w", err)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return ref.errorf(Untrue, "the manifest is not valid: %w", err)
	}
	return nil
}

// readSmall bounds the time in which something small is read.
func readSmall(ctx context.Context, read func(context.Context) ([]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*answerTime, errors.New("the registry took too long to send a manifest"))
	defer cancel()
	text, err := read(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return text, err
}

// isUntrue reports whether an error says that bytes are not those that were announced.
func isUntrue(err error) bool {
	return errors.Is(err, content.ErrMismatchedDigest) || errors.Is(err, content.ErrTrailingData) || errors.Is(err, content.ErrInvalidDescriptorSize) ||
		errors.Is(err, errdef.ErrSizeExceedsLimit)
}

// moduleLayer finds the module among the layers of a manifest.
func moduleLayer(ref Reference, manifest *ocispec.Manifest) (ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	for _, layer := range manifest.Layers {
		if slices.Contains(layerTypes, layer.MediaType) {
			found = append(found, layer)
		}
	}
	switch {
	case len(found) == 0:
		return ocispec.Descriptor{}, ref.errorf(NotModule, "it is %s, not a WebAssembly artifact: it has no layer of the type %s", whatIs(manifest), layerType)
	case len(found) > 1:
		return ocispec.Descriptor{}, ref.errorf(NotModule, "it has %d layers that are WebAssembly, not one", len(found))
	}
	layer := found[0]
	if err := layer.Digest.Validate(); err != nil || layer.Digest.Algorithm() != digest.SHA256 || layer.Size <= 0 {
		return layer, ref.errorf(Untrue, "the manifest's layer has the digest %.100q and %d bytes, which is no module", layer.Digest, layer.Size)
	}
	return layer, nil
}

// whatIs says what an artifact is that has no module.
func whatIs(manifest *ocispec.Manifest) string {
	switch manifest.Config.MediaType {
	case ocispec.MediaTypeImageConfig, "application/vnd.docker.container.image.v1+json":
		for _, layer := range manifest.Layers {
			if strings.Contains(layer.MediaType, "cosign") {
				return "a signature of cosign"
			}
		}
		return "a container image"
	case "application/vnd.cncf.helm.config.v1+json":
		return "a Helm chart"
	}
	of := manifest.ArtifactType
	if of == "" {
		of = manifest.Config.MediaType
	}
	return fmt.Sprintf("an artifact of the type %.100q", of)
}

// listed lists names, the first few of them.
func listed(names []string) string {
	const most = 8
	if len(names) > most {
		return fmt.Sprintf("%.500q and %d more", names[:most], len(names)-most)
	}
	return fmt.Sprintf("%.500q", names)
}
