package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
)

// Module is a module that is published.
type Module struct {
	Digest string // "sha256:" and 64 hexadecimal digits
	Size   int64
	Open   func() (io.ReadCloser, error)
	// Title is the name of the file that tools make of it, or empty.
	Title string
	// Component has what a component imports and exports; nil for a core module.
	Component *Component
}

// Component is what a component imports and exports.
type Component struct {
	Exports []string `json:"exports"`
	Imports []string `json:"imports"`
}

// config is the config of an artifact.
type config struct {
	Created      time.Time  `json:"created"`
	Architecture string     `json:"architecture"`
	OS           string     `json:"os"`
	LayerDigests []string   `json:"layerDigests"`
	Component    *Component `json:"component,omitempty"`
}

// Publish puts a module into a registry under a tag, and returns the reference by the digest of its manifest. The same
// module under the same title always has the same digest, so its time is none.
func (c *Client) Publish(ctx context.Context, ref Reference, m Module) (Reference, error) {
	repository, err := c.repository(ref)
	if err != nil {
		return ref, err
	}
	layer := ocispec.Descriptor{MediaType: layerType, Digest: digest.Digest(m.Digest), Size: m.Size}
	if m.Title != "" {
		layer.Annotations = map[string]string{ocispec.AnnotationTitle: m.Title}
	}
	settings, described, err := encode(configType, configOf(m))
	if err != nil {
		return ref, err
	}
	text, manifest, err := encode(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: described, Layers: []ocispec.Descriptor{layer},
	})
	if err != nil {
		return ref, err
	}
	err = pushBlob(ctx, repository, layer, m.Open)
	if err == nil {
		err = pushBlob(ctx, repository, described, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(settings)), nil })
	}
	if err == nil {
		err = repository.PushReference(ctx, manifest, bytes.NewReader(text), ref.ref.Reference)
	}
	if err != nil {
		return ref, ref.explain(ctx, err)
	}
	return ref.pinned(manifest.Digest), nil
}

func configOf(m Module) config {
	c := config{
		Created: time.Unix(0, 0).UTC(), Architecture: "wasm", OS: "wasip1", LayerDigests: []string{m.Digest}, Component: m.Component,
	}
	if m.Component != nil {
		c.OS = "wasip2" // the layout's word for any component
	}
	return c
}

// encode makes JSON of a value, and says what it is.
func encode(mediaType string, value any) ([]byte, ocispec.Descriptor, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, ocispec.Descriptor{}, fmt.Errorf("encode the %s: %w", mediaType, err)
	}
	return text, ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}, nil
}

// pushBlob sends a blob that the registry does not have.
func pushBlob(ctx context.Context, repository *remote.Repository, blob ocispec.Descriptor, open func() (io.ReadCloser, error)) error {
	if exists, err := repository.Blobs().Exists(ctx, blob); err != nil || exists {
		return err
	}
	body, err := open()
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // it was only read
	return repository.Blobs().Push(ctx, blob, body)
}
