package networktest

import (
	"net/netip"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

const firstPort = 49152 // of those that the stack chooses

// base is what both kinds of sockets have. The stack's lock guards it.
type base struct {
	stack   *Stack
	family  network.Family
	local   netip.AddrPort
	remote  netip.AddrPort
	closed  bool
	options map[network.Option]int
	waiters [2]hostcalls.Waiters // by Direction
}

func defaultOptions() map[network.Option]int {
	return map[network.Option]int{
		network.SendBuffer: DefaultCapacity, network.ReceiveBuffer: DefaultCapacity, network.HopLimit: 64,
		network.KeepAliveIdle: 7200e6, network.KeepAliveInterval: 75e6, network.KeepAliveCount: 9,
	}
}

// tell notifies all waits: who waits tries again.
func (b *base) tell() {
	b.waiters[network.In].Tell()
	b.waiters[network.Out].Tell()
}

// LocalAddr implements network.Socket.
func (b *base) LocalAddr() netip.AddrPort {
	b.stack.mu.Lock()
	defer b.stack.mu.Unlock()
	return b.local
}

// RemoteAddr implements network.Socket.
func (b *base) RemoteAddr() netip.AddrPort {
	b.stack.mu.Lock()
	defer b.stack.mu.Unlock()
	return b.remote
}

func (b *base) option(o network.Option) (int, error) {
	switch {
	case b.closed:
		return 0, network.ErrClosed
	case o > network.Listening:
		return 0, network.ErrUnknownOption
	default:
		return b.options[o], nil
	}
}

// SetOption implements network.Socket.
func (b *base) SetOption(o network.Option, value int) error {
	b.stack.mu.Lock()
	defer b.stack.mu.Unlock()
	switch {
	case b.closed:
		return network.ErrClosed
	case o >= network.PendingError:
		return network.ErrUnknownOption
	}
	b.options[o] = value
	return nil
}

// check returns what is wrong with an address for the socket.
func (b *base) check(a netip.AddrPort) error {
	switch {
	case b.closed:
		return network.ErrClosed
	case !a.IsValid():
		return syscall.EINVAL
	case (b.family == network.IPv4) != a.Addr().Is4():
		return syscall.EAFNOSUPPORT
	default:
		return nil
	}
}

// place returns the address that a socket gets that binds to a. taken says which addresses others have.
func (s *Stack) place(a netip.AddrPort, taken func(netip.AddrPort) bool) (netip.AddrPort, error) {
	if a.Port() != 0 {
		if taken(a) {
			return a, syscall.EADDRINUSE
		}
		return a, nil
	}
	for range 1<<16 - firstPort {
		if s.ports++; s.ports < firstPort {
			s.ports = firstPort
		}
		if at := netip.AddrPortFrom(a.Addr(), s.ports); !taken(at) {
			return at, nil
		}
	}
	return a, syscall.EADDRNOTAVAIL
}

// find returns the socket that is bound to an address, or to its port of all addresses.
func find[T any](bound map[netip.AddrPort]T, a netip.AddrPort) (T, bool) {
	if t, ok := bound[a]; ok {
		return t, true
	}
	t, ok := bound[netip.AddrPortFrom(anyOf(a.Addr()), a.Port())]
	return t, ok
}

// clashes tells whether a socket that binds to a would clash with one that is bound.
func clashes[T any](bound map[netip.AddrPort]T, a netip.AddrPort) bool {
	if _, ok := find(bound, a); ok {
		return true
	}
	for b := range bound {
		if a.Addr().IsUnspecified() && b.Port() == a.Port() && b.Addr().Is4() == a.Addr().Is4() {
			return true
		}
	}
	return false
}

func anyOf(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// reachable is the address of the peer when a socket connects or sends to a: of all addresses it means this host.
func reachable(a netip.AddrPort) netip.AddrPort {
	switch a.Addr() {
	case netip.IPv4Unspecified():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port())
	case netip.IPv6Unspecified():
		return netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())
	default:
		return a
	}
}
