package network

import (
	"net/netip"

	"github.com/reactord/reactord/hostcalls"
)

// datagrams is a UDP socket of a process. If it serves, because it is bound by a grant, it hears everybody and may
// answer them. Otherwise it hears only those that it has sent to: a grant to send is none to be reached.
type datagrams struct {
	socket
	udp    UDP
	serves bool
	peer   netip.AddrPort
	peers  recentPeers
}

func (n *Network) datagrams(inner UDP, family Family, target string) *datagrams {
	s := &datagrams{udp: inner}
	s.init(n, inner, family, target)
	return s
}

// Bind implements Socket.
func (s *datagrams) Bind(local netip.AddrPort) error {
	err := s.bind(OverUDP, local, s.standForGranted)
	s.serves = s.serves || s.bound
	return err
}

// standForGranted makes the socket stand for the one at an address that grant g has opened, if there is one.
func (s *datagrams) standForGranted(g Grant, local netip.AddrPort) bool {
	for _, granted := range s.network.granted.datagrams {
		if s.standFor(&granted.socket, g, local) {
			s.udp = granted.udp
			return true
		}
	}
	return false
}

// Connect implements UDP.
func (s *datagrams) Connect(remote netip.AddrPort) error {
	var g Grant
	if remote != (netip.AddrPort{}) {
		var err error
		if remote, err = canonical(s.family, remote); err != nil {
			return err
		}
		if g, err = s.network.dial(OverUDP, remote); err != nil {
			return err
		}
	}
	if err := s.udp.Connect(remote); err != nil {
		return s.explain(err)
	}
	s.peer = remote
	if remote.IsValid() {
		s.target = OverUDP.Address(remote)
	}
	s.hold(g)
	return nil
}

// droppedAtOnce bounds the datagrams of strangers that one call drops.
const droppedAtOnce = 16

// ReadFrom implements UDP. The datagram that crosses the workload's limit is the last one.
func (s *datagrams) ReadFrom(p []byte, peek bool) (n int, from netip.AddrPort, truncated bool, err error) {
	flow := &s.network.traffic.flows[In]
	if _, err := flow.admit(1); err != nil {
		return 0, netip.AddrPort{}, false, err
	}
	for range droppedAtOnce {
		n, from, truncated, err = s.udp.ReadFrom(p, peek)
		if err != nil {
			return 0, netip.AddrPort{}, false, s.explain(err)
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if !s.hears(from) {
			if peek {
				_, _, _, _ = s.udp.ReadFrom(nil, false)
			}
			continue
		}
		if s.serves {
			s.peers.add(from)
		}
		if !peek {
			s.sides[In].moved.Add(uint64(n))
			flow.countDatagram(n)
		}
		return n, from, truncated, nil
	}
	return 0, netip.AddrPort{}, false, hostcalls.ErrWouldBlock
}

func (s *datagrams) hears(from netip.AddrPort) bool {
	return s.serves || from == s.peer || s.peers.has(from)
}

// WriteTo implements UDP.
func (s *datagrams) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	if to != (netip.AddrPort{}) {
		var err error
		if to, err = s.allow(to); err != nil {
			return 0, err
		}
	}
	flow := &s.network.traffic.flows[Out]
	if err := flow.admitWhole(len(p)); err != nil {
		return 0, err
	}
	n, err := s.udp.WriteTo(p, to)
	if err != nil {
		return 0, s.explain(err)
	}
	s.sides[Out].moved.Add(uint64(n))
	flow.countDatagram(n)
	return n, nil
}

// allow asks whether a datagram may be sent to an address, which it returns in canonical form.
func (s *datagrams) allow(to netip.AddrPort) (netip.AddrPort, error) {
	to, err := canonical(s.family, to)
	if err != nil {
		return to, err
	}
	if s.serves && s.peers.has(to) {
		return to, nil
	}
	g, err := s.network.dial(OverUDP, to)
	if err != nil {
		return to, err
	}
	s.hold(g)
	s.peers.add(to)
	return to, nil
}

// maxPeers bounds the peers that a UDP socket remembers.
const maxPeers = 256

// recentPeers are the addresses that a UDP socket has exchanged datagrams with. It is a plain value.
type recentPeers struct {
	known map[netip.AddrPort]struct{}
	ring  []netip.AddrPort // in the order of their addition, from next on once it is full
	next  int
}

func (r *recentPeers) has(a netip.AddrPort) bool {
	_, ok := r.known[a]
	return ok
}

// add adds an address. If there are too many, the one added first is forgotten.
func (r *recentPeers) add(a netip.AddrPort) {
	if r.has(a) {
		return
	}
	if r.known == nil {
		r.known = map[netip.AddrPort]struct{}{}
	}
	r.known[a] = struct{}{}
	if len(r.ring) < maxPeers {
		r.ring = append(r.ring, a)
		return
	}
	delete(r.known, r.ring[r.next])
	r.ring[r.next] = a
	r.next = (r.next + 1) % maxPeers
}
