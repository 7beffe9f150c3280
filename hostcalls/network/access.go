package network

import (
	"errors"
	"net/netip"
	"sync/atomic"

	"github.com/reactord/reactord/hostcalls"
)

// Protocol is a transport protocol.
type Protocol uint8

// The protocols.
const (
	OverTCP Protocol = iota
	OverUDP
)

// Address returns an address as the command line has it: HOST:PORT of TCP, and udp:HOST:PORT of UDP.
func (p Protocol) Address(a netip.AddrPort) string {
	if p == OverUDP {
		return "udp:" + a.String()
	}
	return a.String()
}

// Access decides what a process may open by itself. Its methods do not block and may be called from any goroutine. They
// return the grant that covers what is to be opened, ErrRevoked if only revoked ones do, and ErrNotGranted if none does.
type Access interface {
	// Dial decides about an address, before a socket connects or sends a datagram to it. names are those for which the
	// process has looked up the address before, in lower case and without a last dot.
	Dial(p Protocol, to netip.AddrPort, names []string) (Grant, error)
	// Listen decides about an address to bind to, for a listener or for datagrams.
	Listen(p Protocol, at netip.AddrPort) (Grant, error)
	// Resolve decides whether a name, in lower case and without a last dot, may be looked up. The grant is nil if it may be
	// without one.
	Resolve(name string) (Grant, error)
}

// Prober is an Access that can be asked without being told that a process lacks a grant.
type Prober interface {
	// MayListen reports whether Listen would allow an address.
	MayListen(p Protocol, at netip.AddrPort) bool
}

// mayListen asks whether an address may be bound to, by a socket that does not need it.
func (n *Network) mayListen(p Protocol, at netip.AddrPort) bool {
	prober, ok := n.access.(Prober)
	return ok && prober.MayListen(p, at)
}

// Witness is an Access that is told what a process wanted to open by itself, and what went wrong.
type Witness interface {
	// OnFailure is called on the process's fiber when a name was not looked up (the kind is hostcalls.OpResolve), a socket not
	// connected or a datagram not sent (hostcalls.OpConnect), or a socket not bound (hostcalls.OpListen). The error says why: one
	// of Access or of the system. It must not block.
	OnFailure(kind hostcalls.OpKind, target string, err error)
}

// failed tells the Access that something was not opened, and returns the error. What could not be opened yet has not failed.
func (n *Network) failed(kind hostcalls.OpKind, target string, err error) error {
	if w, ok := n.access.(Witness); ok && !errors.Is(err, hostcalls.ErrWouldBlock) {
		w.OnFailure(kind, target, err)
	}
	return err
}

// Grant is a grant by which something is open.
type Grant interface {
	// String is the grant as the command line has it, such as --dial *.example.org:443.
	String() string
	// OnRevoke calls tell once the grant is revoked, at once if it is already; stop cancels that. tell must not block.
	OnRevoke(tell func()) (stop func())
	// Opened is called when a socket is open by the grant, and Closed when that has been closed. Neither blocks.
	Opened()
	Closed()
}

// untilRevoked returns a function that returns ErrRevoked once a grant, which may be nil, is revoked. The call's fiber is
// woken then, until stop is called.
func untilRevoked(c *hostcalls.Call, g Grant) (over func() error, stop func()) {
	if g == nil {
		return func() error { return nil }, func() {}
	}
	var revoked atomic.Bool
	wake := c.Waker()
	stop = g.OnRevoke(func() {
		revoked.Store(true)
		wake()
	})
	return func() error {
		if revoked.Load() {
			return ErrRevoked
		}
		return nil
	}, stop
}
