package network

import (
	"errors"
	"net/netip"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
)

// stream is a TCP socket of a process.
type stream struct {
	socket
	tcp     TCP
	clients string // the group of what it accepts; empty until there is something
}

func (n *Network) stream(inner TCP, family Family, target string) *stream {
	s := &stream{tcp: inner}
	s.init(n, inner, family, target)
	return s
}

// Bind implements Socket.
func (s *stream) Bind(local netip.AddrPort) error {
	return s.bind(OverTCP, local, s.standForGranted)
}

// standForGranted makes the socket stand for the process's listener at an address, if grant g has opened one there.
func (s *stream) standForGranted(g Grant, local netip.AddrPort) bool {
	for _, l := range s.network.granted.streams {
		if s.standFor(&l.socket, g, local) {
			s.tcp = l.tcp
			return true
		}
	}
	return false
}

// Connect implements TCP.
func (s *stream) Connect(remote netip.AddrPort) error {
	remote, err := canonical(s.family, remote)
	if err != nil {
		return err
	}
	g, err := s.network.dial(OverTCP, remote)
	if err != nil {
		return err
	}
	err = s.explain(s.tcp.Connect(remote))
	if err == nil || errors.Is(err, hostcalls.ErrWouldBlock) {
		s.target = remote.String()
		s.hold(g)
	}
	if err != nil {
		return s.network.failed(hostcalls.OpConnect, remote.String(), err)
	}
	return nil
}

// FinishConnect implements TCP.
func (s *stream) FinishConnect() error {
	if err := s.explain(s.tcp.FinishConnect()); err != nil {
		return s.network.failed(hostcalls.OpConnect, s.target, err)
	}
	return nil
}

// Listen implements TCP. A socket that is not bound, or to any port of every address, has not asked Access yet.
func (s *stream) Listen(backlog int) error {
	if !s.bound {
		at := netip.AddrPortFrom(unspecified(s.family), 0)
		g, err := s.network.listen(OverTCP, at)
		if err != nil {
			return err
		}
		if !s.standForGranted(g, at) && s.network.granted.taken(g) {
			return syscall.EADDRINUSE
		}
		s.boundBy(g, 0)
		_ = s.SetOption(ReuseAddr, 1)
	}
	if err := s.tcp.Listen(backlog); err != nil {
		return s.explain(err)
	}
	s.target = s.inner.LocalAddr().String()
	return nil
}

func unspecified(f Family) netip.Addr {
	if f == IPv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// Accept implements TCP. A connection is left waiting while the process has as many sockets as it may, or no memory for
// another one.
func (s *stream) Accept() (TCP, error) {
	if s.network.Full() {
		return nil, ErrTooManySockets
	}
	var held int64
	if l, ok := s.tcp.(*peerListener); ok {
		held = l.heldByNext()
	}
	if held > 0 && !s.network.memory.Hold(held) {
		return nil, ErrTooManySockets
	}
	inner, err := s.tcp.Accept()
	if err != nil {
		s.network.memory.Free(held)
		return nil, s.explain(err)
	}
	if s.shares != nil {
		s.handOn(s.inner, inner) // it may have come before the listener had them
	}
	c := s.network.stream(inner, s.family, "")
	c.group = s.clientsName()
	s.mu.Lock()
	grants := s.grants
	s.mu.Unlock()
	for _, g := range grants {
		c.hold(g)
	}
	return c, nil
}

// clientsName names all connections that a listener has accepted.
func (s *stream) clientsName() string {
	if s.clients == "" {
		at := s.target
		if at == "" {
			at = addressOf(s.inner)
		}
		s.clients = "clients of " + at
	}
	return s.clients
}

// Read implements TCP. When the workload may receive no more, the end of the stream can still be met.
func (s *stream) Read(p []byte, peek bool) (int, error) {
	flow := &s.network.traffic.flows[In]
	if len(p) == 0 {
		n, err := s.tcp.Read(p, peek)
		return n, s.explain(err)
	}
	if flow.spent() {
		var one [1]byte
		n, err := s.tcp.Read(one[:], true)
		if n > 0 {
			return 0, ErrQuota
		}
		return 0, s.explain(err)
	}
	room, err := flow.admit(len(p))
	if err != nil {
		return 0, err
	}
	n, err := s.tcp.Read(p[:room], peek)
	if !peek {
		s.sides[In].moved.Add(uint64(n))
		flow.count(n)
	}
	return n, s.explain(err)
}

// Write implements TCP.
func (s *stream) Write(p []byte) (int, error) {
	flow := &s.network.traffic.flows[Out]
	room := len(p)
	if room > 0 {
		var err error
		if room, err = flow.admit(room); err != nil {
			return 0, err
		}
	}
	n, err := s.tcp.Write(p[:room])
	s.sides[Out].moved.Add(uint64(n))
	flow.count(n)
	return n, s.explain(err)
}

// Shutdown implements TCP.
func (s *stream) Shutdown(read, write bool) error { return s.explain(s.tcp.Shutdown(read, write)) }
