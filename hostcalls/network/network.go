package network

import (
	"net/netip"
	"sync/atomic"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
)

// Config says what a process has of the network.
type Config struct {
	Stack   Stack
	Access  Access        // nil allows nothing
	Traffic *Traffic      // of the workload; nil counts for nobody
	Memory  Memory        // nil counts for nobody
	Sockets int           // bound on the sockets that are open at once; zero is none
	Total   *atomic.Int64 // counts the open sockets of all processes; nil: nothing does
}

// Memory counts the bytes of connections in memory that a process has not received yet as its own: for each connection as
// many as there may be. Its methods are called on the process's fiber; so is Close of the sockets of a Network with one.
type Memory interface {
	// Hold counts bytes, and reports whether the process may hold them.
	Hold(bytes int64) bool
	// Free stops counting bytes.
	Free(bytes int64)
}

// Network is what one process has of a stack. Make one with New.
type Network struct {
	stack   Stack
	access  Access
	traffic *Traffic
	memory  Memory
	limit   int64
	open    atomic.Int64  // sockets
	total   *atomic.Int64 // those of all processes
	answers answers       // of lookups
	granted granted
}

// New makes the Network of a process.
func New(c Config) *Network {
	if c.Traffic == nil {
		c.Traffic = NewTraffic(nil, TrafficLimits{})
	}
	if c.Access == nil {
		c.Access = nothing{}
	}
	if c.Memory == nil {
		c.Memory = unlimited{}
	}
	if c.Total == nil {
		c.Total = new(atomic.Int64)
	}
	return &Network{stack: c.Stack, access: c.Access, traffic: c.Traffic, memory: c.Memory, limit: int64(c.Sockets), total: c.Total}
}

// count counts sockets that were opened or, if n is negative, closed.
func (n *Network) count(sockets int64) {
	n.open.Add(sockets)
	n.total.Add(sockets)
}

// Open returns the number of sockets that are open. It may be called from any goroutine.
func (n *Network) Open() int { return int(n.open.Load()) }

// SocketLimit returns how many sockets may be open, zero if any number.
func (n *Network) SocketLimit() int { return int(n.limit) }

// ByteLimit returns how many bytes may pass in a direction in all, zero if any number.
func (n *Network) ByteLimit(d Direction) uint64 { return n.traffic.flows[d].limit }

// Full reports whether as many sockets are open as there may be.
func (n *Network) Full() bool { return n.limit > 0 && n.open.Load() >= n.limit }

// TCP makes a TCP socket, which asks Access for each address that it binds or connects to. It may return
// ErrTooManySockets.
func (n *Network) TCP(family Family) (TCP, error) {
	if n.Full() {
		return nil, ErrTooManySockets
	}
	inner, err := n.stack.TCP(family)
	if err != nil {
		return nil, err
	}
	return n.stream(inner, family, ""), nil
}

// UDP makes a UDP socket, which asks Access for each address that it binds to or sends to. It may return
// ErrTooManySockets.
func (n *Network) UDP(family Family) (UDP, error) {
	if n.Full() {
		return nil, ErrTooManySockets
	}
	inner, err := n.stack.UDP(family)
	if err != nil {
		return nil, err
	}
	return n.datagrams(inner, family, ""), nil
}

// Adopt makes a connection or a listener that was opened by a grant, which may be nil, one of the process's own. What a
// listener accepts belongs to the same grant, and a socket of the process that is bound to the listener's address by
// the same grant stands for the listener. target names it in operations; by default its address does. After an error,
// which is ErrTooManySockets, the caller still owns it.
func (n *Network) Adopt(c TCP, g Grant, target string) (TCP, error) {
	if n.Full() || !n.memory.Hold(heldBy(c)) {
		return nil, ErrTooManySockets
	}
	s := n.stream(c, AnyFamily, target)
	s.bound = true
	s.hold(g)
	n.granted.streams = append(n.granted.streams, s)
	n.granted.add(&s.socket)
	return s, nil
}

// AdoptUDP is Adopt for a bound UDP socket: it receives from everywhere, and may answer those it has heard from.
func (n *Network) AdoptUDP(c UDP, g Grant, target string) (UDP, error) {
	if n.Full() {
		return nil, ErrTooManySockets
	}
	s := n.datagrams(c, AnyFamily, target)
	s.serves, s.bound = true, true
	s.hold(g)
	n.granted.datagrams = append(n.granted.datagrams, s)
	n.granted.add(&s.socket)
	return s, nil
}

// heldBy returns how many bytes that have not been received a socket may hold in the daemon's memory.
func heldBy(s Socket) int64 {
	if e, ok := s.(*end); ok {
		return int64(e.in.Capacity())
	}
	return 0
}

// dial asks whether an address may be connected to or sent to.
func (n *Network) dial(p Protocol, to netip.AddrPort) (Grant, error) {
	g, err := n.access.Dial(p, to, n.answers.names(to.Addr()))
	if err != nil {
		return nil, n.failed(hostcalls.OpConnect, p.Address(to), err)
	}
	return g, nil
}

// listen asks whether an address may be bound to.
func (n *Network) listen(p Protocol, at netip.AddrPort) (Grant, error) {
	g, err := n.access.Listen(p, at)
	if err != nil {
		return nil, n.failed(hostcalls.OpListen, p.Address(at), err)
	}
	return g, nil
}

// canonical returns an address in the form that Access knows: IPv4 is never written as IPv6, and there is no zone. It
// fails if it is not of the family.
func canonical(family Family, a netip.AddrPort) (netip.AddrPort, error) {
	addr := a.Addr()
	switch {
	case !addr.IsValid():
		return netip.AddrPort{}, syscall.EINVAL
	case addr.Zone() != "":
		return netip.AddrPort{}, syscall.EADDRNOTAVAIL
	case family == IPv4 && !addr.Unmap().Is4(), family == IPv6 && !addr.Is6(), family == IPv6 && addr.Is4In6():
		return netip.AddrPort{}, syscall.EAFNOSUPPORT
	}
	return netip.AddrPortFrom(addr.Unmap(), a.Port()), nil
}

// unlimited is the Memory of nobody.
type unlimited struct{}

func (unlimited) Hold(int64) bool { return true }
func (unlimited) Free(int64)      {}

// nothing is the Access of a process without grants.
type nothing struct{}

func (nothing) Dial(Protocol, netip.AddrPort, []string) (Grant, error) { return nil, ErrNotGranted }
func (nothing) Listen(Protocol, netip.AddrPort) (Grant, error)         { return nil, ErrNotGranted }
func (nothing) Resolve(string) (Grant, error)                          { return nil, ErrNotGranted }
