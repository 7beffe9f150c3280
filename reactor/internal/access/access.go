package access

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/policy"
)

// Operator is what the operator allows now.
type Operator interface {
	// Connect returns why a host, a name or the address itself, may not be connected to at an address.
	Connect(host string, to netip.AddrPort) error
	// Listen returns why nothing may listen at an address.
	Listen(at netip.AddrPort) error
	// Resolve returns why a name may not be looked up.
	Resolve(name string) error
	// Dial returns why nothing that a pattern covers may be connected to.
	Dial(pattern policy.Pattern) error
	// DialName returns why nothing may be connected to by a name.
	DialName(name string) error
	// HTTP returns why no requests may be sent to an origin.
	HTTP(origin policy.Origin) error
	// HTTPAt returns why no requests by a scheme to a host, a name or the address itself, may be sent to an address.
	HTTPAt(scheme, host string, to netip.AddrPort) error
}

// Access is what one workload's guest may open. Make one with New.
type Access struct {
	operator  Operator
	onRefused OnRefused
	learns    bool

	dial    []dialRule
	resolve []resolveRule
	listen  []listenRule
	http    []httpRule
}

var (
	_ network.Access = (*Access)(nil)
	_ network.Prober = (*Access)(nil)
)

type dialRule struct {
	lease    *lease.Lease
	protocol network.Protocol
	pattern  policy.Pattern
}

type resolveRule struct {
	lease *lease.Lease
	name  policy.Name
}

type listenRule struct {
	lease    *lease.Lease
	protocol network.Protocol
	host     string
	port     uint16
}

// OnRefused is called with the smallest grant that would have been enough for what a guest lacks a grant for. If that is to
// connect to an address that has to be granted as such, name is the one that the guest had looked up for it, if any. If it
// is forbidden the operator does not allow it, and no grant is enough.
type OnRefused func(enough grant.Grant, name string, forbidden bool)

// New makes the access of a workload with the given grants, which are valid, and have the leases, in their order.
//
// If onRefused is not nil, it is told what the guest lacks a grant for, or the operator's leave. If the access learns, names may be looked up without
// a grant, since what the guest would connect to would not be known otherwise.
func New(grants []grant.Grant, leases []*lease.Lease, operator Operator, onRefused OnRefused, learns bool) *Access {
	a := &Access{operator: operator, onRefused: onRefused, learns: learns}
	for i, of := range grants {
		l := leases[i]
		switch of := of.(type) {
		case grant.Dial:
			if pattern, err := policy.ParsePattern(of.Pattern); err == nil {
				a.dial = append(a.dial, dialRule{l, of.Protocol.Transport(), pattern})
			}
		case grant.Resolve:
			if name, err := policy.ParseName(of.Pattern); err == nil {
				a.resolve = append(a.resolve, resolveRule{l, name})
			}
		case grant.HTTP:
			if rule, ok := newHTTPRule(of, l); ok {
				a.http = append(a.http, rule)
			}
		case grant.Listener:
			host, service, err := net.SplitHostPort(of.Address)
			if port, bad := strconv.ParseUint(service, 10, 16); err == nil && bad == nil {
				a.listen = append(a.listen, listenRule{l, of.Protocol.Transport(), host, uint16(port)})
			}
		}
	}
	return a
}

// Dial implements network.Access.
func (a *Access) Dial(p network.Protocol, to netip.AddrPort, names []string) (network.Grant, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if to.Addr().Zone() != "" || to.Port() == 0 {
		return nil, network.ErrNotGranted
	}
	if !a.mayConnect(to, names) {
		enough, name := dialOf(p, to, names)
		a.refuse(enough, name, true)
		return nil, network.ErrNotGranted
	}
	err := network.ErrNotGranted
	for _, r := range a.dial {
		if r.protocol == p && r.pattern.Covers(to, names) {
			if err = r.lease.Err(); err == nil {
				return r.lease, nil
			}
		}
	}
	if errors.Is(err, network.ErrNotGranted) {
		enough, name := dialOf(p, to, names)
		a.refuse(enough, name, false)
	}
	return nil, err
}

func (a *Access) refuse(enough grant.Grant, name string, forbidden bool) {
	if a.onRefused != nil {
		a.onRefused(enough, name, forbidden)
	}
}

// mayConnect reports whether the operator allows a connection to an address, as such or by one of its names.
func (a *Access) mayConnect(to netip.AddrPort, names []string) bool {
	if a.operator.Connect(to.Addr().String(), to) == nil {
		return true
	}
	for _, name := range names {
		if a.operator.Connect(name, to) == nil {
			return true
		}
	}
	return false
}

// dialOf returns the smallest grant that allows a connection, and the name that it does not have: it is by the last name
// that allows the connection, if one does.
func dialOf(p network.Protocol, to netip.AddrPort, names []string) (d grant.Dial, name string) {
	if p == network.OverUDP {
		d.Protocol = grant.UDP
	}
	for _, name := range slices.Backward(names) {
		d.Pattern = net.JoinHostPort(name, strconv.Itoa(int(to.Port())))
		if pattern, err := policy.ParsePattern(d.Pattern); err == nil && pattern.Covers(to, names) {
			return d, ""
		}
	}
	d.Pattern = to.String()
	if len(names) > 0 {
		name = names[len(names)-1]
	}
	return d, name
}

// Listen implements network.Access.
func (a *Access) Listen(p network.Protocol, at netip.AddrPort) (network.Grant, error) {
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	if at.Addr().Zone() != "" {
		return nil, network.ErrNotGranted
	}
	if a.operator.Listen(at) != nil {
		a.refuse(listenerOf(p, at), "", true)
		return nil, network.ErrNotGranted
	}
	by, err := a.listener(p, at)
	if err == nil {
		return by, nil
	}
	if errors.Is(err, network.ErrNotGranted) {
		a.refuse(listenerOf(p, at), "", false)
	}
	return nil, err
}

// MayListen implements network.Prober.
func (a *Access) MayListen(p network.Protocol, at netip.AddrPort) bool {
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	_, err := a.listener(p, at)
	return err == nil && at.Addr().Zone() == "" && a.operator.Listen(at) == nil
}

// listener returns the lease of a grant to listen at an address.
func (a *Access) listener(p network.Protocol, at netip.AddrPort) (*lease.Lease, error) {
	err := network.ErrNotGranted
	for _, r := range a.listen {
		if r.protocol == p && r.covers(at) {
			if err = r.lease.Err(); err == nil {
				return r.lease, nil
			}
		}
	}
	return nil, err
}

// listenerOf returns the smallest grant that allows to listen at an address.
func listenerOf(p network.Protocol, at netip.AddrPort) grant.Listener {
	l := grant.Listener{Address: at.String()}
	if p == network.OverUDP {
		l.Protocol = grant.UDP
	}
	return l
}

// covers reports whether a grant to listen covers an address. Every address of the machine covers each of them. A name,
// except for localhost, covers none: whoever asks would have to know where it led.
func (r *listenRule) covers(at netip.AddrPort) bool {
	if at.Port() != r.port {
		return false
	}
	host, err := netip.ParseAddr(r.host)
	switch {
	case r.host == "":
		return true
	case strings.EqualFold(r.host, "localhost"):
		return at.Addr().IsLoopback()
	case err != nil:
		return false
	case host.Unmap() == netip.IPv4Unspecified():
		return at.Addr().Is4()
	}
	return host == netip.IPv6Unspecified() || host.Unmap() == at.Addr()
}

// Resolve implements network.Access. What a guest may connect to by a name it may look up, too.
func (a *Access) Resolve(name string) (network.Grant, error) {
	err := network.ErrNotGranted
	allowed := a.operator.Resolve(name) == nil
	for _, r := range a.resolve {
		if allowed && r.name.CoversOne(name) {
			if err = r.lease.Err(); err == nil {
				return r.lease, nil
			}
		}
	}
	for _, r := range a.dial {
		if r.pattern.CoversName(name) && a.operator.Dial(r.pattern) == nil {
			if err = r.lease.Err(); err == nil {
				return r.lease, nil
			}
		}
	}
	if !errors.Is(err, network.ErrNotGranted) {
		return nil, err
	}
	if allowed || a.operator.DialName(name) != nil { // otherwise a grant to connect to it would let it be looked up
		a.refuse(grant.Resolve{Pattern: name}, "", !allowed)
	}
	if allowed && a.learns && a.onRefused != nil {
		return nil, nil //nolint:nilnil // there is no grant
	}
	return nil, err
}
