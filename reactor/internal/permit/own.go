package permit

import (
	"errors"
	"net"
	"net/netip"
	"slices"
)

// errOwn is why a guest may not connect to the daemon, whatever the operator allows: it could submit a workload with larger
// grants than its own.
var errOwn = errors.New("the daemon itself serves there, and no grant leads to it")

// own are the addresses at which the daemon serves.
type own []netip.AddrPort

// reachedBy reports whether a connection to an address would reach the daemon.
func (o own) reachedBy(to netip.AddrPort) bool {
	addr := to.Addr().Unmap()
	return slices.ContainsFunc(o, func(a netip.AddrPort) bool {
		at := a.Addr().Unmap()
		switch {
		case a.Port() != to.Port():
			return false
		case at.IsUnspecified():
			return isLocal(addr)
		default:
			return addr == at || addr.IsUnspecified() // which is this machine to connect to
		}
	})
}

// isLocal reports whether an address is one of this machine.
func isLocal(addr netip.Addr) bool {
	if addr.IsLoopback() || addr.IsUnspecified() {
		return true
	}
	all, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(all, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		return err == nil && prefix.Addr().WithZone("") == addr
	})
}
