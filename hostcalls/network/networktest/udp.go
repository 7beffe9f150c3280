package networktest

import (
	"net/netip"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// udp is a UDP socket. The stack's lock guards it.
type udp struct {
	base
	queue []datagram
}

type datagram struct {
	from netip.AddrPort
	data []byte
}

const (
	maxQueued   = 64     // datagrams of a socket that have not been read; more are lost
	maxDatagram = 65_507 // bytes
)

// Bind implements network.Socket.
func (u *udp) Bind(local netip.AddrPort) error {
	u.stack.mu.Lock()
	defer u.stack.mu.Unlock()
	if err := u.check(local); err != nil {
		return err
	}
	if u.local.IsValid() {
		return syscall.EINVAL
	}
	return u.bind(local)
}

func (u *udp) bind(local netip.AddrPort) error {
	at, err := u.stack.place(local, func(a netip.AddrPort) bool { return clashes(u.stack.udp, a) })
	if err != nil {
		return err
	}
	u.local = at
	u.stack.udp[at] = u
	return nil
}

// Connect implements network.UDP.
func (u *udp) Connect(remote netip.AddrPort) error {
	u.stack.mu.Lock()
	defer u.stack.mu.Unlock()
	if remote == (netip.AddrPort{}) && !u.closed {
		u.remote = remote
		return nil
	}
	if err := u.check(remote); err != nil {
		return err
	}
	u.remote = reachable(remote)
	if u.local.IsValid() {
		return nil
	}
	return u.bind(netip.AddrPortFrom(u.remote.Addr(), 0))
}

// ReadFrom implements network.UDP.
func (u *udp) ReadFrom(p []byte, peek bool) (n int, from netip.AddrPort, truncated bool, err error) {
	u.stack.mu.Lock()
	defer u.stack.mu.Unlock()
	switch {
	case u.closed:
		return 0, from, false, network.ErrClosed
	case len(u.queue) == 0:
		return 0, from, false, hostcalls.ErrWouldBlock
	}
	d := u.queue[0]
	if !peek {
		u.queue = u.queue[1:]
	}
	n = copy(p, d.data)
	return n, d.from, n < len(d.data), nil
}

// WriteTo implements network.UDP.
func (u *udp) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	u.stack.mu.Lock()
	defer u.stack.mu.Unlock()
	switch {
	case u.closed:
		return 0, network.ErrClosed
	case to == (netip.AddrPort{}) && !u.remote.IsValid():
		return 0, syscall.EDESTADDRREQ
	case to == (netip.AddrPort{}):
		to = u.remote
	}
	if err := u.check(to); err != nil {
		return 0, err
	}
	if len(p) > maxDatagram {
		return 0, syscall.EMSGSIZE
	}
	if !u.local.IsValid() {
		if err := u.bind(netip.AddrPortFrom(anyOf(to.Addr()), 0)); err != nil {
			return 0, err
		}
	}
	u.send(p, reachable(to))
	return len(p), nil
}

func (u *udp) send(p []byte, to netip.AddrPort) {
	faults := u.stack.faults[to]
	peer, ok := find(u.stack.udp, to)
	from := u.local
	if from.Addr().IsUnspecified() {
		from = netip.AddrPortFrom(to.Addr(), from.Port())
	}
	if !ok || faults.Lose || len(peer.queue) == maxQueued || peer.remote.IsValid() && peer.remote != from {
		return
	}
	if faults.MaxSize > 0 {
		p = p[:min(len(p), faults.MaxSize)]
	}
	peer.queue = append(peer.queue, datagram{from, append([]byte(nil), p...)})
	peer.waiters[network.In].Tell()
}

// Notify implements network.Socket.
func (u *udp) Notify(d network.Direction, ready func()) (stop func()) {
	u.stack.mu.Lock()
	defer u.stack.mu.Unlock()
	return u.waiters[d].Add(&u.stack.mu, ready, u.closed || d == network.Out || len(u.queue) > 0)
}

// Level implements network.Socket.
func (u *udp) Level(d network.Direction) (nbytes int, hangup bool) {
	u.stack.mu.Lock()
	defer u.stack.mu.Unlock()
	switch {
	case u.closed:
		return 0, true
	case d == network.Out:
		return maxDatagram, false
	case len(u.queue) == 0:
		return 0, false
	default:
		return len(u.queue[0].data), false
	}
}

// Option implements network.Socket.
func (u *udp) Option(o network.Option) (int, error) {
	u.stack.mu.Lock()
	defer u.stack.mu.Unlock()
	if o >= network.KeepAliveIdle && o <= network.KeepAliveCount {
		return 0, network.ErrUnknownOption
	}
	return u.option(o)
}

// Close implements network.Socket.
func (u *udp) Close() error {
	u.stack.mu.Lock()
	defer u.stack.mu.Unlock()
	if u.closed {
		return network.ErrClosed
	}
	u.closed = true
	delete(u.stack.udp, u.local)
	u.queue = nil
	u.tell()
	return nil
}

var (
	_ network.TCP = (*tcp)(nil)
	_ network.UDP = (*udp)(nil)
)
