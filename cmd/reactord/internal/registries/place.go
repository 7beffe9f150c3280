package registries

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/cmd/internal/oci"
)

// Place is a registry, or repositories of one, that may be read from.
type Place struct {
	plain      bool   // without TLS
	registry   string // HOST[:PORT]
	repository string // and all below it; empty: all
}

const plainHTTP = "http://"

// ParsePlace parses HOST[:PORT][/REPOSITORY], which covers the repository and all below it. Before it may be http://, which does
// without TLS.
func ParsePlace(text string) (Place, error) {
	rest, plain := strings.CutPrefix(text, plainHTTP)
	registry, repository, nested := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	probe := repository
	if !nested {
		probe = "any"
	}
	ref, err := oci.ParseReference(registry + "/" + probe)
	if err != nil || ref.Repository() != probe || strings.Contains(text, "*") {
		return Place{}, fmt.Errorf("%q is not HOST[:PORT][/REPOSITORY], with %s before it for a registry without TLS", text, plainHTTP)
	}
	return Place{plain, registry, repository}, nil
}

// String formats the place for ParsePlace.
func (p Place) String() string {
	text := p.registry
	if p.plain {
		text = plainHTTP + text
	}
	if p.repository != "" {
		text += "/" + p.repository
	}
	return text
}

// covers reports whether a repository of a registry may be read from.
func (p Place) covers(registry, repository string) bool {
	return p.registry == registry && (p.repository == "" || repository == p.repository || strings.HasPrefix(repository, p.repository+"/"))
}

// Covers reports whether each place of small is covered by one of large.
func Covers(large, small []Place) bool {
	for _, s := range small {
		p := find(large, s.registry, s.repository)
		if p == nil || s.plain && !p.plain {
			return false
		}
	}
	return true
}

// find returns the first place that covers a repository, or nil.
func find(places []Place, registry, repository string) *Place {
	for i := range places {
		if places[i].covers(registry, repository) {
			return &places[i]
		}
	}
	return nil
}
