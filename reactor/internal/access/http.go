package access

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasihttp/client"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/policy"
)

var _ client.Access = (*Access)(nil)

// httpRule is a grant to send HTTP requests.
type httpRule struct {
	lease   *lease.Lease
	scheme  string
	pattern policy.Pattern // of the host and the port
	methods []string       // empty: all
	prefix  string         // decoded, without a last "/"; empty: all paths
}

// newHTTPRule makes the rule of a valid grant.
func newHTTPRule(of grant.HTTP, l *lease.Lease) (r httpRule, ok bool) {
	origin, err := policy.ParseOrigin(of.Origin)
	if err != nil {
		return r, false
	}
	scheme, address, _ := strings.Cut(origin.String(), "://")
	pattern, err := policy.ParsePattern(address)
	prefix, bad := url.PathUnescape(of.PathPrefix)
	if err != nil || bad != nil {
		return r, false
	}
	return httpRule{l, scheme, pattern, of.Methods, strings.TrimSuffix(prefix, "/")}, true
}

// leadsTo reports whether the rule covers the origin of a target.
func (r *httpRule) leadsTo(t *client.Target) bool {
	if r.scheme != t.Scheme {
		return false
	}
	if at, ok := t.Address(); ok {
		return r.pattern.Covers(at, nil)
	}
	return r.pattern.CoversNameAt(t.Host, t.Port)
}

func (r *httpRule) covers(t *client.Target) bool {
	return r.leadsTo(t) && (len(r.methods) == 0 || slices.Contains(r.methods, t.Method)) && (r.prefix == "" || below(t.Path, r.prefix))
}

// below reports whether a path is below a prefix, to every server: one with segments that lead up, or are taken for such by some
// servers, is below nothing.
func below(path, prefix string) bool {
	if strings.Contains(path, `\`) {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
			return false
		}
	}
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// Request implements client.Access.
func (a *Access) Request(t *client.Target) (network.Grant, error) {
	origin, err := policy.ParseOrigin(t.Origin())
	if err != nil || a.operator.HTTP(origin) != nil {
		a.refuse(httpOf(t), "", true)
		return nil, network.ErrNotGranted
	}
	err = network.ErrNotGranted
	for i := range a.http {
		if r := &a.http[i]; r.covers(t) {
			if err = r.lease.Err(); err == nil {
				return r.lease, nil
			}
		}
	}
	if errors.Is(err, network.ErrNotGranted) {
		a.refuse(httpOf(t), "", false)
	}
	return nil, err
}

// Connect implements client.Access. As with sockets, a name leads to no special address: that has to be granted as such, by a grant
// for HTTP or for connections.
func (a *Access) Connect(t *client.Target, to netip.AddrPort) error {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	names := []string{t.Host}
	if a.operator.HTTPAt(t.Scheme, t.Host, to) != nil {
		a.refuse(addressOf(t.Scheme, to), t.Host, true)
		return network.ErrNotGranted
	}
	for i := range a.http {
		if r := &a.http[i]; r.scheme == t.Scheme && r.pattern.Covers(to, names) && !r.lease.Revoked() {
			return nil
		}
	}
	for i := range a.dial {
		if r := &a.dial[i]; r.protocol == network.OverTCP && r.pattern.Covers(to, names) && !r.lease.Revoked() {
			return nil
		}
	}
	a.refuse(addressOf(t.Scheme, to), t.Host, false)
	return network.ErrNotGranted
}

// httpOf returns the smallest grant that covers a request.
func httpOf(t *client.Target) grant.HTTP {
	g := grant.HTTP{Origin: t.Origin()}
	if path := (&url.URL{Path: t.Path}).EscapedPath(); t.Path != "/" && below(t.Path, "") {
		g.PathPrefix = path
	}
	if len(strings.Trim(t.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")) == 0 {
		g.Methods = []string{t.Method}
	}
	var faults errs.Faults
	if grant.Check(&faults, []grant.Grant{g}, 1); len(faults) > 0 { // the path is too long, or odd
		g.PathPrefix = ""
	}
	return g
}

// addressOf returns the smallest grant by which a name may lead to an address.
func addressOf(scheme string, to netip.AddrPort) grant.HTTP {
	return grant.HTTP{Origin: scheme + "://" + to.String()}
}
