package network

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
)

// served has the processes that are reached in memory where others reach them by TCP. Its methods may be called from any goroutine.
type served struct {
	mu sync.Mutex
	at map[uint16][]*Served // by their ports
}

// Served is the listener of a process at an address, for its peers: a net.Listener. What it accepts has no buffers: a writer waits
// for the reader.
type Served struct {
	peer    Peer
	address netip.AddrPort
	waiting chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

var _ net.Listener = (*Served)(nil)

// ErrUnserved means that no peer serves at an address.
var ErrUnserved = errors.New("network: no other process serves there")

// Serve has the peers of a process that listens at an address of TCP reach it there in memory, until the listener is closed.
func (p Peer) Serve(at netip.AddrPort) *Served {
	l := &Served{peer: p, address: unmapped(at), waiting: make(chan net.Conn), closed: make(chan struct{})}
	if p.Peers == nil {
		return l
	}
	s := &p.Peers.served
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = map[uint16][]*Served{}
	}
	s.at[at.Port()] = append(s.at[at.Port()], l)
	return l
}

// Reach connects to the peer that serves at an address, when that accepts it. It returns ErrUnserved if none does, and the cause of
// ctx.
func (p Peer) Reach(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if p.Peers == nil {
		return nil, ErrUnserved
	}
	l := p.Peers.served.find(p.Tenant, unmapped(to))
	if l == nil {
		return nil, ErrUnserved
	}
	near, far := net.Pipe()
	mine, theirs := newReached(near, l.peer.ID), newReached(far, p.ID)
	select {
	case l.waiting <- theirs:
		return mine, nil
	case <-l.closed:
		return nil, ErrUnserved
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// find returns the listener of a tenant that covers an address, or nil.
func (s *served) find(tenant string, to netip.AddrPort) *Served {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.at[to.Port()] {
		if l.peer.Tenant == tenant && l.covers(to.Addr()) {
			return l
		}
	}
	return nil
}

// covers reports whether what is sent to an address comes to the listener. Of the addresses of the machine, for one that listens at
// all of them, only those are known that every machine has.
func (l *Served) covers(addr netip.Addr) bool {
	at := l.address.Addr()
	return at == addr || at.IsUnspecified() && addr.IsLoopback()
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// Accept implements net.Listener.
func (l *Served) Accept() (net.Conn, error) {
	select {
	case c := <-l.waiting:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Served) Close() error {
	l.once.Do(func() {
		close(l.closed)
		if l.peer.Peers == nil {
			return
		}
		s, port := &l.peer.Peers.served, l.address.Port()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.at[port] = slices.DeleteFunc(s.at[port], func(other *Served) bool { return other == l })
		if len(s.at[port]) == 0 {
			delete(s.at, port)
		}
	})
	return nil
}

// Addr implements net.Listener.
func (l *Served) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.address) }

// reached is an end of a connection with a peer. Errors are those of a connection of TCP.
type reached struct {
	net.Conn
	peer   peerAddr
	closed atomic.Bool
}

func newReached(c net.Conn, peer string) *reached { return &reached{Conn: c, peer: peerAddr(peer)} }

// ReachedPeer returns the process at the other end of a connection that Reach has made or Served has accepted; empty for others.
func ReachedPeer(c net.Conn) string {
	if r, ok := Unmetered(c).(*reached); ok {
		return string(r.peer)
	}
	return ""
}

// Read implements net.Conn.
func (r *reached) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if errors.Is(err, io.ErrClosedPipe) {
		err = net.ErrClosed
	}
	return n, err
}

// Write implements net.Conn.
func (r *reached) Write(p []byte) (int, error) {
	n, err := r.Conn.Write(p)
	switch {
	case !errors.Is(err, io.ErrClosedPipe):
	case r.closed.Load():
		err = net.ErrClosed
	default:
		err = syscall.EPIPE
	}
	return n, err
}

// Close implements net.Conn.
func (r *reached) Close() error {
	if r.closed.Swap(true) {
		return net.ErrClosed
	}
	return r.Conn.Close()
}

// RemoteAddr implements net.Conn.
func (r *reached) RemoteAddr() net.Addr { return r.peer }

// peerAddr is a process as an address.
type peerAddr string

// Network implements net.Addr.
func (peerAddr) Network() string { return "workload" }

// String implements net.Addr.
func (a peerAddr) String() string { return "workload:" + string(a) }
