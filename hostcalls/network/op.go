package network

import (
	"sync/atomic"

	"github.com/reactord/reactord/hostcalls"
)

// Op returns the operation of a kind that waits for a socket in a direction, with a buffer of a size. While the workload
// sends or receives faster than it may, the operation waits for that instead.
func Op(s Socket, kind hostcalls.OpKind, d Direction, size int) hostcalls.Op {
	op := hostcalls.Op{Kind: kind, Bytes: uint64(size)}
	switch s := s.(type) {
	case *stream:
		s.describe(&op, d)
	case *datagrams:
		s.describe(&op, d)
	default:
		op.Target = addressOf(s)
	}
	return op
}

// WaitsForRate reports whether the workload sends or receives faster than it may now.
func WaitsForRate(s Socket, d Direction) bool {
	switch s := s.(type) {
	case *stream:
		return s.waitsForRate(d)
	case *datagrams:
		return s.waitsForRate(d)
	default:
		return false
	}
}

func (s *socket) waitsForRate(d Direction) bool {
	return !s.network.traffic.flows[d].readyAt().IsZero()
}

func (s *socket) describe(op *hostcalls.Op, d Direction) {
	if s.waitsForRate(d) {
		op.Kind = hostcalls.OpRate
	}
	op.Target, op.Subject = s.target, &s.sides[d]
	if op.Target != "" {
		return
	}
	if op.Target = addressOf(s.inner); op.Target != noAddress {
		s.target = op.Target
	}
}

// noAddress names a socket that has no address yet.
const noAddress = "socket"

// addressOf names a socket by its peer or else its own address.
func addressOf(s Socket) string {
	protocol := OverTCP
	if _, ok := s.(UDP); ok {
		protocol = OverUDP
	}
	if remote := s.RemoteAddr(); remote.IsValid() {
		return protocol.Address(remote)
	}
	if local := s.LocalAddr(); local.IsValid() {
		return protocol.Address(local)
	}
	if peer := peerOf(s); peer != "" {
		return "workload " + peer
	}
	return noAddress
}

// peerOf returns the process at the other end of a connection in memory, if it is known.
func peerOf(s Socket) string {
	if e, ok := s.(*end); ok {
		return e.peer
	}
	return ""
}

// side is a direction of a socket, as a hostcalls.Peered and a hostcalls.Grouped.
type side struct {
	socket *socket
	moved  atomic.Uint64 // bytes
}

// Transferred implements hostcalls.Subject.
func (s *side) Transferred(hostcalls.OpKind) uint64 { return s.moved.Load() }

// Group implements hostcalls.Grouped.
func (s *side) Group() string { return s.socket.group }

// Peer implements hostcalls.Peered.
func (s *side) Peer() string {
	s.socket.mu.Lock()
	defer s.socket.mu.Unlock()
	return peerOf(s.socket.inner)
}

// Grant implements hostcalls.Subject.
func (s *side) Grant() string {
	s.socket.mu.Lock()
	defer s.socket.mu.Unlock()
	if len(s.socket.grants) == 0 {
		return ""
	}
	return s.socket.grants[0].String()
}

// opBy returns the operation of a kind that opens something by a grant, which may be nil.
func opBy(g Grant, kind hostcalls.OpKind, target string) hostcalls.Op {
	op := hostcalls.Op{Kind: kind, Target: target}
	if g != nil {
		op.Subject = opening{g}
	}
	return op
}

// opening is what a grant opens, as a hostcalls.Subject.
type opening struct{ by Grant }

// Transferred implements hostcalls.Subject. Nothing can be transferred yet.
func (opening) Transferred(hostcalls.OpKind) uint64 { return 0 }

// Grant implements hostcalls.Subject.
func (o opening) Grant() string { return o.by.String() }
