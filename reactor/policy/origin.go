package policy

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Origin covers origins of HTTP: schemes, hosts and ports.
type Origin struct {
	scheme  string // empty: any, of any host
	address Address
}

// ParseOrigin parses SCHEME://HOST[:PORT], or * for every origin. The scheme is http or https. HOST and PORT are as
// ParseAddress has them; without PORT it is the scheme's own.
func ParseOrigin(s string) (Origin, error) {
	if s == "*" {
		return Origin{}, nil
	}
	scheme, rest, ok := strings.Cut(s, "://")
	port := map[string]string{"http": "80", "https": "443"}[strings.ToLower(scheme)]
	if !ok || port == "" {
		return Origin{}, fmt.Errorf("%q is not http://HOST[:PORT], https://HOST[:PORT] or *", s)
	}
	host := strings.TrimSuffix(rest, "/")
	if strings.ContainsAny(strings.Trim(host, "[]"), "@?#") {
		return Origin{}, fmt.Errorf("%q has more than a host and a port", s)
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		bare, closed := strings.CutSuffix(strings.TrimPrefix(host, "["), "]")
		if closed != strings.HasPrefix(host, "[") || !closed && strings.Contains(host, ":") {
			return Origin{}, fmt.Errorf("%q is not http://HOST[:PORT], https://HOST[:PORT] or *", s)
		}
		host = net.JoinHostPort(bare, port)
	}
	address, err := ParseAddress(host)
	if err != nil {
		return Origin{}, fmt.Errorf("%q: %w", s, err)
	}
	return Origin{strings.ToLower(scheme), address}, nil
}

// String formats the origin for ParseOrigin, with its port.
func (o Origin) String() string {
	if o.scheme == "" {
		return "*"
	}
	return o.scheme + "://" + o.address.String()
}

// Single reports whether the origin has one port and a host other than "*", as that of a grant does.
func (o Origin) Single() bool {
	return o.scheme != "" && o.address.low == o.address.high && o.address.low > 0 && !o.address.everyHost()
}

// includes reports whether o covers all that other covers.
func (o Origin) includes(other Origin) bool {
	return o.scheme == "" || o.scheme == other.scheme && o.address.includes(other.address)
}

// MayHTTP reports whether requests to all that an origin covers are allowed.
func (p Policy) MayHTTP(other Origin) bool {
	return slices.ContainsFunc(p.HTTP, func(o Origin) bool { return o.includes(other) })
}

// AllowsHTTP reports whether requests by a scheme to a host may be sent to an address that the host led to: a name, or the address
// itself. A name that is allowed does not allow special addresses that it leads to.
func (p Policy) AllowsHTTP(scheme, host string, to netip.AddrPort) bool {
	var of Policy
	for _, o := range p.HTTP {
		if o.scheme == "" {
			return true
		}
		if o.scheme == scheme {
			of.Connect = append(of.Connect, o.address)
		}
	}
	return of.AllowsConnect(host, to)
}
