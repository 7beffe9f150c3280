package oci

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/registry"
)

// Scheme begins the references to artifacts, where they stand beside other names.
const Scheme = "oci://"

// IsReference reports whether a text is meant to be a reference.
func IsReference(text string) bool { return strings.HasPrefix(text, Scheme) }

// Reference names an artifact of a registry by a tag or by the digest of its manifest.
type Reference struct{ ref registry.Reference }

// ParseReference parses REGISTRY/REPOSITORY[:TAG|@DIGEST], which may begin with Scheme. The tag is "latest" if none is given;
// a tag before a digest is left out.
func ParseReference(text string) (Reference, error) {
	ref, err := registry.ParseReference(strings.TrimPrefix(text, Scheme))
	if err != nil {
		return Reference{}, fmt.Errorf("%q is not %sREGISTRY/REPOSITORY:TAG: %s", text, Scheme, strings.TrimPrefix(err.Error(), "invalid reference: "))
	}
	ref.Reference = ref.ReferenceOrDefault()
	r := Reference{ref}
	if d, ok := r.Digest(); ok && d.Algorithm() != digest.SHA256 {
		return Reference{}, fmt.Errorf("%q: a digest begins with %q", text, digest.SHA256+":")
	}
	return r, nil
}

// String returns the reference without Scheme.
func (r Reference) String() string { return r.ref.String() }

// Registry returns the registry: a host, and a port if one is given.
func (r Reference) Registry() string { return r.ref.Registry }

// Repository returns the name of the repository within the registry.
func (r Reference) Repository() string { return r.ref.Repository }

// Name returns a short name, for people.
func (r Reference) Name() string { return path.Base(r.ref.Repository) }

// Digest returns the digest of the manifest, if that is what the reference has.
func (r Reference) Digest() (digest.Digest, bool) {
	d, err := r.ref.Digest()
	return d, err == nil
}

// pinned is the reference by a digest.
func (r Reference) pinned(d digest.Digest) Reference {
	r.ref.Reference = d.String()
	return r
}

// CheckTagged returns an error for a reference that nothing can be published under.
func (r Reference) CheckTagged() error {
	if _, ok := r.Digest(); ok {
		return errors.New("give a tag: the digest of what is published follows from its bytes")
	}
	return nil
}

// IsLoopback reports whether HOST[:PORT] is certainly this machine.
func IsLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}
