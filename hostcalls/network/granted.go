package network

import (
	"net/netip"
	"slices"
	"sync/atomic"
)

// granted are the sockets that grants have opened for a process, among them its listeners.
//
// A program that was not written for listeners that it is handed makes a socket and binds it. The address is taken then:
// by the listener that the grant has opened. So that socket stands for the listener, as a duplicate of a descriptor does;
// the system's socket is closed when both are, and has the options that the program has set before it bound its own. What came
// before the program was ready waits to be accepted.
type granted struct {
	streams   []*stream
	datagrams []*datagrams
	bound     []*socket // those above, and others with a port that the system has chosen; some may have been closed
}

// add adds a socket that is bound by a grant, and forgets those that have been closed.
func (n *granted) add(s *socket) {
	n.bound = append(slices.DeleteFunc(n.bound, (*socket).isClosed), s)
}

// taken reports whether a socket is bound by a grant to listen. Where the system chooses the port, nothing else keeps one
// grant from taking one port after the other.
func (n *granted) taken(g Grant) bool {
	return slices.ContainsFunc(n.bound, func(s *socket) bool { return s.isHeldBy(g) })
}

func (s *socket) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *socket) isHeldBy(g Grant) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.grants, g)
}

// standFor makes s stand for the socket of the stack that l stands for, if grant g has opened that at an address, and no
// other socket stands for it.
func (s *socket) standFor(l *socket, g Grant, local netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.revoked || !slices.Contains(l.grants, g) || !isAt(l.inner.LocalAddr(), local) {
		return false
	}
	if l.shares == nil {
		l.shares = new(atomic.Int32)
		l.shares.Store(1)
	}
	if l.shares.Load() > 1 {
		return false
	}
	l.shares.Add(1)
	s.mu.Lock()
	own := s.inner
	s.inner, s.shares = l.inner, l.shares
	s.mu.Unlock()
	s.handOn(own, l.inner)
	_ = own.Close()
	return true
}

// isAt reports whether a program that binds to an address means a listener at another. Port 0 is any port, as the grant
// had it; every address of IPv4 is among those of IPv6.
func isAt(listener, local netip.AddrPort) bool {
	samePort := local.Port() == 0 || local.Port() == listener.Port()
	return samePort && (local.Addr() == listener.Addr() || local.Addr().IsUnspecified() && listener.Addr().IsUnspecified())
}
