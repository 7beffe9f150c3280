package policy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/reactord/reactord/hostcalls/network"
)

// Address covers ports of hosts.
type Address struct {
	name      string         // in lower case; "*.example.org" is any name that ends so
	prefixes  []netip.Prefix // if there is no name and no prefix, every host is covered
	low, high uint16         // ports
}

// loopback is the addresses of localhost.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// ParseAddress parses HOST:PORT. HOST is an address, a range of addresses such as 10.0.0.0/8 or [fd00::/8], a name,
// *.NAME for all names that end so, or * for every host. PORT is a number, a range such as 8000-8999, or *.
func ParseAddress(s string) (Address, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return Address{}, fmt.Errorf("%q is not HOST:PORT", s)
	}
	a := Address{}
	if a.low, a.high, err = parsePorts(port); err != nil {
		return Address{}, fmt.Errorf("%q: %w", s, err)
	}
	switch {
	case host == "*":
		return a, nil
	case strings.EqualFold(host, "localhost"):
		a.name, a.prefixes = "localhost", loopback
		return a, nil
	}
	prefix, err := parsePrefix(host)
	if err == nil {
		a.prefixes = []netip.Prefix{prefix}
		return a, nil
	}
	if strings.Contains(host, "/") {
		return Address{}, fmt.Errorf("%q: %q is not a range of addresses: %w", s, host, err)
	}
	if a.name, err = parseNamePattern(host); err != nil {
		return Address{}, fmt.Errorf("%q: %q is not an address, a range of them, a name, *.NAME or *: %w", s, host, err)
	}
	return a, nil
}

func parsePrefix(host string) (netip.Prefix, error) {
	if addr, ok := network.Literal(host); ok {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(host)
	switch {
	case err != nil:
		return netip.Prefix{}, wrongPrefix(host)
	case prefix.Addr().Is4In6():
		return netip.Prefix{}, errors.New("it is an IPv4 range in IPv6: write it as IPv4")
	}
	return prefix.Masked(), nil
}

// wrongPrefix says what is wrong with a range of addresses.
func wrongPrefix(host string) error {
	base, length, _ := strings.Cut(host, "/")
	addr, ok := network.Literal(base)
	if !ok {
		return fmt.Errorf("%q is no address", base)
	}
	return fmt.Errorf("%q is no prefix length, which is from 0 to %d", length, addr.BitLen())
}

func parsePorts(s string) (low, high uint16, err error) {
	if s == "*" {
		return 0, 65535, nil
	}
	first, last, ranged := strings.Cut(s, "-")
	if !ranged {
		last = first
	}
	l, errLow := strconv.ParseUint(first, 10, 16)
	h, errHigh := strconv.ParseUint(last, 10, 16)
	if errors.Join(errLow, errHigh) != nil || l > h {
		return 0, 0, fmt.Errorf("%q is not a port, a range such as 8000-8999, or *", s)
	}
	return uint16(l), uint16(h), nil
}

// String formats the pattern for ParseAddress.
func (a Address) String() string {
	host := "*"
	switch {
	case a.name != "":
		host = a.name
	case len(a.prefixes) > 0 && a.prefixes[0].IsSingleIP():
		host = a.prefixes[0].Addr().String()
	case len(a.prefixes) > 0:
		host = a.prefixes[0].String()
	}
	port := strconv.Itoa(int(a.low))
	switch {
	case a.low == 0 && a.high == 65535:
		port = "*"
	case a.low != a.high:
		port += "-" + strconv.Itoa(int(a.high))
	}
	return net.JoinHostPort(host, port)
}

func (a Address) everyHost() bool { return a.name == "" && len(a.prefixes) == 0 }

func (a Address) hasPort(port uint16) bool { return a.low <= port && port <= a.high }

// covers reports whether an address is covered as such, whatever name led to it.
func (a Address) covers(to netip.AddrPort) bool {
	if !a.hasPort(to.Port()) {
		return false
	}
	for _, prefix := range a.prefixes {
		if prefix.Contains(to.Addr().Unmap().WithZone("")) {
			return true
		}
	}
	return a.everyHost()
}

// named reports whether a canonical name is covered.
func (a Address) named(name string, port uint16) bool {
	return a.hasPort(port) && a.name != "" && matchesAny(a.name, name)
}

// AllowsListen reports whether a listener at an address may be granted. Port 0, which chooses a free one, must
// be covered itself. The unspecified address stands for all addresses of the machine.
func (p Policy) AllowsListen(at netip.AddrPort) bool {
	for _, a := range p.Listen {
		if a.covers(at) {
			return true
		}
	}
	return false
}

// AllowsConnect reports whether a connection to an address may be granted that host led to: a name, or the address
// itself. A name that is allowed does not allow special addresses that it leads to.
func (p Policy) AllowsConnect(host string, to netip.AddrPort) bool {
	if slices.ContainsFunc(p.Connect, func(a Address) bool { return a.covers(to) }) {
		return true
	}
	name, err := network.HostName(host)
	if err != nil || IsSpecial(to.Addr()) {
		return false
	}
	return slices.ContainsFunc(p.Connect, func(a Address) bool { return a.named(name, to.Port()) })
}

// MayListen reports whether HOST:PORT could be allowed, whatever address the host leads to.
func (p Policy) MayListen(host string, port uint16) bool { return may(p.Listen, host, port) }

// MayConnect reports whether HOST:PORT could be allowed, whatever address the host leads to.
func (p Policy) MayConnect(host string, port uint16) bool { return may(p.Connect, host, port) }

// may is exact for addresses. A name may lead to any address.
func may(list []Address, host string, port uint16) bool {
	if host == "" {
		host = netip.IPv6Unspecified().String()
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return slices.ContainsFunc(list, func(a Address) bool { return a.covers(netip.AddrPortFrom(addr, port)) })
	}
	name, err := network.HostName(host)
	return err == nil && slices.ContainsFunc(list, func(a Address) bool {
		return a.hasPort(port) && (a.everyHost() || len(a.prefixes) > 0 || a.named(name, port))
	})
}
