package learn

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/policy"
)

// Smallest returns the smallest set of grants that would have been enough for what was refused: to look up names first,
// then to dial, then to listen, each in order. Paths need none, see the package comment. What is forbidden has none.
func Smallest(refused []api.RefusedAccess) []grant.Grant {
	var dials []endpoint
	var names []string
	var listeners []grant.Listener
	var requests []grant.HTTP
	for _, a := range refused {
		if a.Forbidden {
			continue
		}
		switch a.Kind {
		case Connect:
			if e, ok := parseEndpoint(a); ok {
				dials = append(dials, e)
			}
		case Resolve:
			names = append(names, a.Target)
		case Listen:
			listeners = append(listeners, grant.Listener{Address: a.Target, Protocol: a.Protocol})
		case HTTP:
			requests = append(requests, parseHTTP(a.Target))
		}
	}
	var grants []grant.Grant
	for _, name := range sorted(names) {
		if !slices.ContainsFunc(dials, func(e endpoint) bool { return e.host == name }) {
			grants = append(grants, grant.Resolve{Pattern: name})
		}
	}
	for _, b := range blocks(uncovered(dials)) {
		grants = append(grants, grant.Dial{Pattern: b.pattern(), Protocol: b.protocol})
	}
	for _, l := range widest(listeners) {
		grants = append(grants, l)
	}
	for _, r := range joinMethods(requests) {
		grants = append(grants, r)
	}
	return grants
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// endpoint is what a guest tried to connect to.
type endpoint struct {
	protocol grant.Protocol
	host     string // a name, or empty
	addr     netip.Addr
	port     uint16
}

func parseEndpoint(a api.RefusedAccess) (e endpoint, ok bool) {
	host, service, err := net.SplitHostPort(a.Target)
	port, bad := strconv.ParseUint(service, 10, 16)
	if err != nil || bad != nil || port == 0 {
		return e, false
	}
	e = endpoint{protocol: a.Protocol, port: uint16(port)}
	if e.addr, err = netip.ParseAddr(host); err != nil {
		e.addr, e.host = netip.Addr{}, host
	}
	return e, true
}

// uncovered returns endpoints without the addresses that names among them cover, as localhost does.
func uncovered(dials []endpoint) []endpoint {
	covered := map[grant.Protocol][]policy.Pattern{}
	for _, e := range dials {
		pattern, err := policy.ParsePattern(net.JoinHostPort(e.host, strconv.Itoa(int(e.port))))
		if e.host != "" && err == nil {
			covered[e.protocol] = append(covered[e.protocol], pattern)
		}
	}
	return slices.DeleteFunc(slices.Clone(dials), func(e endpoint) bool {
		return e.host == "" && slices.ContainsFunc(covered[e.protocol], func(p policy.Pattern) bool {
			return p.Covers(netip.AddrPortFrom(e.addr, e.port), nil)
		})
	})
}

// block is all ports of a range at a name or at all addresses of a range.
type block struct {
	protocol    grant.Protocol
	host        string
	addrs       netip.Prefix // if host is empty
	first, last uint16
}

func (b *block) pattern() string {
	host := b.host
	switch {
	case host != "":
	case b.addrs.IsSingleIP():
		host = b.addrs.Addr().String()
	default:
		host = b.addrs.String()
	}
	port := strconv.Itoa(int(b.first))
	if b.first != b.last {
		port = fmt.Sprintf("%d-%d", b.first, b.last)
	}
	return net.JoinHostPort(host, port)
}

// blocks returns disjoint blocks that have exactly the given endpoints in them.
func blocks(dials []endpoint) []block {
	var single []block
	for _, e := range dials {
		b := block{protocol: e.protocol, host: e.host, first: e.port, last: e.port}
		if e.host == "" {
			b.addrs = netip.PrefixFrom(e.addr, e.addr.BitLen())
		}
		single = append(single, b)
	}
	slices.SortFunc(single, compare)
	single = slices.Compact(single)
	byPorts := join(join(single, joinPorts), joinAddrs)
	byAddrs := join(join(single, joinAddrs), joinPorts)
	if len(byAddrs) < len(byPorts) {
		return byAddrs
	}
	return byPorts
}

func compare(a, b block) int {
	if c := strings.Compare(string(a.protocol), string(b.protocol)); c != 0 {
		return c
	}
	if c := strings.Compare(a.host, b.host); c != 0 {
		return c
	}
	if c := a.addrs.Addr().Compare(b.addrs.Addr()); c != 0 {
		return c
	}
	if c := a.addrs.Bits() - b.addrs.Bits(); c != 0 {
		return c
	}
	return int(a.first) - int(b.first)
}

// join joins blocks by a function, which joins two if they are exactly one together, until none can be joined.
func join(list []block, two func(a, b block) (block, bool)) []block {
	list = slices.Clone(list)
	for i := 0; i < len(list); i++ {
		for j := 0; j < len(list); j++ {
			if joined, ok := two(list[i], list[j]); ok && i != j {
				list[min(i, j)] = joined
				list = slices.Delete(list, max(i, j), max(i, j)+1)
				i, j = min(i, j), -1
			}
		}
	}
	slices.SortFunc(list, compare)
	return list
}

// joinPorts joins two ranges of ports in a row, at the same addresses.
func joinPorts(a, b block) (block, bool) {
	if a.protocol != b.protocol || a.host != b.host || a.addrs != b.addrs || int(a.last)+1 != int(b.first) {
		return block{}, false
	}
	a.last = b.last
	return a, true
}

// joinAddrs joins the two halves of a range of addresses, with the same ports. Ranges do not mean the special addresses in
// them, unless they are special as a whole.
func joinAddrs(a, b block) (block, bool) {
	bits := a.addrs.Bits()
	if a.protocol != b.protocol || a.host != "" || b.host != "" || a.first != b.first || a.last != b.last ||
		bits != b.addrs.Bits() || bits == 0 || a.addrs == b.addrs {
		return block{}, false
	}
	whole := netip.PrefixFrom(a.addrs.Addr(), bits-1).Masked()
	if whole != netip.PrefixFrom(b.addrs.Addr(), bits-1).Masked() {
		return block{}, false
	}
	a.addrs = whole
	pattern, err := policy.ParsePattern(a.pattern())
	if err != nil {
		return block{}, false
	}
	for addr := whole.Addr(); whole.Contains(addr); addr = addr.Next() { // as many as there were things noted
		if !pattern.Covers(netip.AddrPortFrom(addr, a.first), nil) {
			return block{}, false
		}
	}
	return a, true
}

// widest returns listeners without those that others cover: every address of the machine covers each of them.
func widest(list []grant.Listener) (kept []grant.Listener) {
	slices.SortFunc(list, func(a, b grant.Listener) int {
		return strings.Compare(string(a.Protocol)+" "+a.Address, string(b.Protocol)+" "+b.Address)
	})
	list = slices.Compact(list)
	for i, l := range list {
		covered := slices.ContainsFunc(list, func(o grant.Listener) bool { return o != list[i] && covers(o, l) })
		if !covered {
			kept = append(kept, l)
		}
	}
	return kept
}

// covers reports whether a listener at all addresses of a family covers another one.
func covers(all, one grant.Listener) bool {
	a, err := netip.ParseAddrPort(all.Address)
	b, bad := netip.ParseAddrPort(one.Address)
	if err != nil || bad != nil || all.Protocol != one.Protocol || a.Port() != b.Port() {
		return false
	}
	return a.Addr() == netip.IPv6Unspecified() || a.Addr() == netip.IPv4Unspecified() && b.Addr().Is4()
}
