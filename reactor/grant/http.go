package grant

import (
	"context"
	"fmt"
	"net/url"
	pathpkg "path"
	"strings"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/policy"
)

// HTTP lets the guest send HTTP requests through the host. WASI preview 1 has no calls for that.
type HTTP struct {
	// Origin is SCHEME://HOST[:PORT], as policy.ParseOrigin has it, with one port.
	Origin string
	// Methods are those allowed; empty: all.
	Methods []string `json:",omitempty"`
	// PathPrefix is the beginning of the paths allowed, by whole segments; empty: all.
	PathPrefix string `json:",omitempty"`
}

// Kind implements Grant.
func (HTTP) Kind() string { return "http" }

// String implements capability.Grant.
func (h HTTP) String() string { return fmt.Sprintf("HTTP requests to %q", h.Origin+h.PathPrefix) }

// Flag implements Grant.
func (h HTTP) Flag() (name, value string) {
	value = h.Origin + h.PathPrefix
	if len(h.Methods) > 0 {
		value = strings.Join(h.Methods, ",") + " " + value
	}
	return "http", value
}

const (
	maxMethods     = 16
	maxMethodBytes = 32
	maxPrefixBytes = 1024
)

func (h HTTP) check(v *validation) {
	if v.short("origin", h.Origin) {
		if o, err := policy.ParseOrigin(h.Origin); err != nil {
			v.add("origin", "%v", err)
		} else if !o.Single() {
			v.add("origin", "%q is not SCHEME://HOST[:PORT] with one port", h.Origin)
		}
	}
	if len(h.Methods) > maxMethods {
		v.add("methods", "%d methods are more than the %d allowed", len(h.Methods), maxMethods)
	} else {
		for _, m := range h.Methods {
			if m == "" || len(m) > maxMethodBytes || strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
				v.add("methods", "%q is not a method such as GET", m)
			}
		}
	}
	if p := h.PathPrefix; p != "" {
		h.checkPrefix(v, p)
	}
}

func (h HTTP) checkPrefix(v *validation, p string) {
	plain := strings.TrimSuffix(p, "/")
	decoded, err := url.PathUnescape(p)
	switch {
	case len(p) > maxPrefixBytes:
		v.add("path_prefix", "%d bytes are more than the %d allowed", len(p), maxPrefixBytes)
	case p[0] != '/' || err != nil || strings.ContainsAny(p, "?#\\ ") || plain != "" && pathpkg.Clean(decoded) != strings.TrimSuffix(decoded, "/"):
		v.add("path_prefix", "%q is not a path such as /api/v1, without \"?\", \"#\" and empty, \".\" and \"..\" segments", p)
	}
}

func (h HTTP) authorize(_ context.Context, rules Rules, path string) error {
	origin, err := policy.ParseOrigin(h.Origin)
	if err == nil && rules.Allow.MayHTTP(origin) {
		return nil
	}
	return denied(h.String(), path+".origin", policy.ErrHTTP)
}

// Handle implements capability.Grant.
func (HTTP) Handle() capability.Handle { return capability.NoHandle }

// Open implements capability.Grant.
func (HTTP) Open(capability.Opener) error { return nil }

func (HTTP) trouble(error) retry.Trouble { return retry.None }
