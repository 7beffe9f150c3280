package network

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
)

// socket is a socket of a process: one of the stack, with the grants by which it is open, and counted.
//
// A revocation closes the socket of the stack, from any goroutine, so that whoever waits for it is notified and every
// later call meets ErrClosed, which explain turns into ErrRevoked. Those who wait for the rate are notified too.
type socket struct {
	network *Network
	inner   Socket
	family  Family
	target  string
	group   string  // of a connection that was accepted: what names all of its listener
	sides   [2]side // by Direction

	bound  bool          // by a grant, as what a grant has opened is
	later  bool          // bound to a port that the system has yet to choose
	chosen uint16        // options that were set before it was bound, a bit for each
	shares *atomic.Int32 // how many sockets of the process stand for inner; nil if that is this one alone

	mu      sync.Mutex // guards the fields below
	grants  []Grant
	stops   []func() // of the grants' OnRevoke
	closed  bool
	revoked bool
	delays  []*delay // waits for the rate
}

func (s *socket) init(n *Network, inner Socket, family Family, target string) {
	s.network, s.inner, s.family, s.target = n, inner, family, target
	s.sides[In].socket, s.sides[Out].socket = s, s
	n.count(1)
}

// hold closes the socket once a grant is revoked. The first grant held is the one that operations show. A socket counts for
// each of its grants until it is closed.
func (s *socket) hold(g Grant) {
	if g == nil {
		return
	}
	s.mu.Lock()
	known := s.closed || slices.Contains(s.grants, g)
	if !known {
		s.grants = append(s.grants, g)
		g.Opened()
	}
	s.mu.Unlock()
	if known {
		return
	}
	stop := g.OnRevoke(s.revoke)
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.stops = append(s.stops, stop)
	}
	s.mu.Unlock()
	if closed {
		stop()
	}
}

func (s *socket) revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.revoked {
		return
	}
	s.revoked = true
	_ = s.inner.Close()
	s.endDelays()
}

// Close implements Socket.
func (s *socket) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.closed = true
	stops := s.stops
	for _, g := range s.grants {
		g.Closed()
	}
	s.grants, s.stops = nil, nil
	var err error
	if !s.revoked && (s.shares == nil || s.shares.Add(-1) == 0) {
		err = s.inner.Close()
	}
	s.endDelays()
	s.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
	s.network.count(-1)
	s.network.memory.Free(heldBy(s.inner))
	return err
}

// Revoked reports whether a grant by which a socket of a Network is open has been revoked.
func Revoked(s Socket) bool {
	switch s := s.(type) {
	case *stream:
		return s.wasRevoked()
	case *datagrams:
		return s.wasRevoked()
	default:
		return false
	}
}

func (s *socket) wasRevoked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revoked && !s.closed
}

// explain returns an error of the stack's socket as one of this.
func (s *socket) explain(err error) error {
	if err != nil && errors.Is(err, ErrClosed) && s.wasRevoked() {
		return ErrRevoked
	}
	return err
}

// bind binds to an address that Access allows, by stand if that succeeds.
func (s *socket) bind(p Protocol, local netip.AddrPort, stand func(g Grant, local netip.AddrPort) bool) error {
	local, err := canonical(s.family, local)
	if err != nil {
		return err
	}
	if isAny(local) && (p == OverTCP || !s.network.mayListen(p, local)) {
		return s.bindLater()
	}
	g, err := s.network.listen(p, local)
	if err != nil {
		return err
	}
	if s.bound { // a granted one, too, which is not to stand for itself
		return syscall.EINVAL
	}
	if !stand(g, local) {
		switch taken := local.Port() == 0 && s.network.granted.taken(g); {
		case taken && isAny(local):
			return s.bindLater()
		case taken:
			return syscall.EADDRINUSE
		}
		if p == OverTCP {
			_ = s.inner.SetOption(ReuseAddr, 1) // as SetOption keeps it
		}
		if err := s.inner.Bind(local); err != nil {
			return s.network.failed(hostcalls.OpListen, p.Address(local), s.explain(err))
		}
	}
	s.boundBy(g, local.Port())
	return nil
}

// boundBy says by which grant the socket is bound, and to which port; 0 is one that the system has chosen.
func (s *socket) boundBy(g Grant, port uint16) {
	s.bound = true
	s.hold(g)
	if port == 0 {
		s.network.granted.add(s)
	}
}

// bindLater binds to any port of every address. The system gives that to every socket that connects or sends, so it takes
// no grant; but a port is taken only then. Otherwise processes without any grant could take all that the machine has. (A UDP
// socket that is granted such a port serves at it, since nothing but its bind says that it is to.)
func (s *socket) bindLater() error {
	s.mu.Lock()
	over := s.closed || s.revoked
	s.mu.Unlock()
	switch {
	case over:
		return s.explain(ErrClosed)
	case s.bound || s.later || s.inner.LocalAddr().IsValid():
		return syscall.EINVAL
	}
	s.later = true
	return nil
}

// isAny reports whether an address is any port of every address.
func isAny(a netip.AddrPort) bool { return a.Addr().IsUnspecified() && a.Port() == 0 }

// LocalAddr implements Socket. A listener at every address takes IPv4 too; to a socket of IPv4 it is at every address of
// that.
func (s *socket) LocalAddr() netip.AddrPort {
	local := s.inner.LocalAddr()
	if s.family == IPv4 && local.Addr() == netip.IPv6Unspecified() {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), local.Port())
	}
	return local
}

// RemoteAddr implements Socket.
func (s *socket) RemoteAddr() netip.AddrPort { return s.inner.RemoteAddr() }

// Level implements Socket.
func (s *socket) Level(d Direction) (nbytes int, hangup bool) {
	if d == Out && s.network.traffic.flows[d].spent() {
		return 1, false // to be told so
	}
	return s.inner.Level(d)
}

// Option implements Socket.
func (s *socket) Option(o Option) (int, error) {
	value, err := s.inner.Option(o)
	return value, s.explain(err)
}

// SetOption implements Socket. A socket of a port that was granted keeps ReuseAddr: without it its connections would keep the
// port, for a minute after their end, from whoever is granted it next.
func (s *socket) SetOption(o Option, value int) error {
	if o == ReuseAddr && (s.bound || s.group != "") {
		value = 1
	}
	err := s.inner.SetOption(o, value)
	if err == nil && !s.bound && o != ReuseAddr {
		s.chosen |= 1 << o
	}
	return s.explain(err)
}

// handOn gives a socket of the stack the options of another one that were set before s was bound.
func (s *socket) handOn(from, to Socket) {
	for o := range Option(16) {
		if s.chosen&(1<<o) == 0 {
			continue
		}
		if value, err := from.Option(o); err == nil {
			_ = to.SetOption(o, value)
		}
	}
}

// Notify implements Socket.
func (s *socket) Notify(d Direction, ready func()) (stop func()) {
	flow := &s.network.traffic.flows[d]
	if due := flow.readyAt(); !due.IsZero() {
		return s.delay(due, ready)
	}
	if d == Out && flow.spent() {
		ready()
		return func() {}
	}
	return s.inner.Notify(d, ready)
}

// delay is a wait for the rate.
type delay struct {
	timer driver.Timer
	ready func()
}

// delay calls ready when the rate lets bytes pass again, or the socket has ended.
func (s *socket) delay(due time.Time, ready func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.revoked {
		ready()
		return func() {}
	}
	d := &delay{ready: ready}
	d.timer.Init(func(time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.forget(d) {
			ready()
		}
	})
	s.delays = append(s.delays, d)
	timers := s.network.traffic.driver
	timers.Start(&d.timer, due)
	return func() {
		timers.Stop(&d.timer)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.forget(d)
	}
}

// forget reports whether a delay was still waiting. The caller holds mu.
func (s *socket) forget(d *delay) bool {
	i := slices.Index(s.delays, d)
	if i >= 0 {
		s.delays = slices.Delete(s.delays, i, i+1)
	}
	return i >= 0
}

// endDelays ends all waits for the rate. The caller holds mu.
func (s *socket) endDelays() {
	for _, d := range s.delays {
		s.network.traffic.driver.Stop(&d.timer)
		d.ready()
	}
	s.delays = nil
}
