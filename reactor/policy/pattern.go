package policy

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// Pattern covers what a grant lets a guest connect to. It is less generous than an Address, the operator's: "*." stands for
// one label, and a special address is only covered by a range that is no larger than the special range it belongs to.
type Pattern struct{ address Address }

// ParsePattern parses HOST:PORT. HOST is an address, a range of addresses such as 10.0.0.0/8 or [fd00::/8], a name, or
// *.NAME. PORT is a number, a range such as 8000-8999, or *.
func ParsePattern(s string) (Pattern, error) {
	a, err := ParseAddress(s)
	switch {
	case err != nil:
		return Pattern{}, err
	case a.everyHost():
		return Pattern{}, fmt.Errorf("%q has no host: for every address give 0.0.0.0/0 and [::/0]", s)
	case a.low == 0 && a.high == 65535:
		a.low = 1
	case a.low == 0:
		return Pattern{}, fmt.Errorf("%q: there is no port 0 to connect to", s)
	}
	return Pattern{a}, nil
}

// String formats the pattern for ParsePattern.
func (p Pattern) String() string {
	a := p.address
	if a.low == 1 && a.high == 65535 {
		a.low = 0
	}
	return a.String()
}

// Single returns the address and port that the pattern covers, if that is the only one and no name leads to others.
func (p Pattern) Single() (at netip.AddrPort, ok bool) {
	a := p.address
	if a.name != "" || a.low != a.high || len(a.prefixes) != 1 || !a.prefixes[0].IsSingleIP() {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a.prefixes[0].Addr(), a.low), true
}

// Covers reports whether an address is covered that names, which are in lower case and have no last dot, lead to.
func (p Pattern) Covers(to netip.AddrPort, names []string) bool {
	addr := to.Addr()
	if !p.address.hasPort(to.Port()) || addr.Zone() != "" {
		return false
	}
	s, isSpecial := specialOf(addr)
	for _, prefix := range p.address.prefixes {
		if prefix.Contains(addr.Unmap()) && (!isSpecial || prefix.Bits() >= s.prefix.Bits()) {
			return true
		}
	}
	return !isSpecial && slices.ContainsFunc(names, p.CoversName)
}

// CoversName reports whether a name, in lower case and without a last dot, is covered, at some port.
func (p Pattern) CoversName(name string) bool {
	return p.address.name != "" && matchesOne(p.address.name, name)
}

// CoversNameAt reports whether a name, in lower case and without a last dot, is covered at a port.
func (p Pattern) CoversNameAt(name string, port uint16) bool {
	return p.address.hasPort(port) && p.CoversName(name)
}

// MayDial reports whether what a pattern covers could be allowed. It is exact for addresses and ports; a name may lead to
// any address.
func (p Policy) MayDial(pattern Pattern) bool {
	asked := pattern.address
	return slices.ContainsFunc(p.Connect, func(a Address) bool {
		if a.includes(asked) {
			return true
		}
		return asked.name != "" && len(a.prefixes) > 0 && a.low <= asked.low && asked.high <= a.high
	})
}

// MayDialName reports whether what a name, in lower case and without a last dot, leads to could be allowed at any port.
func (p Policy) MayDialName(name string) bool {
	return slices.ContainsFunc(p.Connect, func(a Address) bool {
		pattern, err := ParsePattern(net.JoinHostPort(name, strconv.Itoa(int(max(a.low, 1)))))
		return err == nil && Policy{Connect: []Address{a}}.MayDial(pattern)
	})
}

// AllowsResolve reports whether a name, in lower case and without a last dot, may be looked up.
func (p Policy) AllowsResolve(name string) bool {
	return slices.ContainsFunc(p.Resolve, func(n Name) bool { return n.covers(name) })
}

// MayResolve reports whether all names that other covers may be looked up.
func (p Policy) MayResolve(other Name) bool {
	return slices.ContainsFunc(p.Resolve, func(n Name) bool { return n.includes(other) })
}
