package networktest

import (
	"io"
	"maps"
	"net/netip"
	"slices"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// tcp is a TCP socket. The stack's lock guards it.
type tcp struct {
	base
	state    state
	failure  syscall.Errno  // of the connection, returned once for a connection that was to be made, or reset
	port     netip.AddrPort // the address in the stack's map that it holds; zero if it holds none
	peer     *tcp
	to       netip.AddrPort // the address that was connected to, by either side
	in       []byte         // received and not read
	capacity int
	moved    *int // bytes written in both directions
	ended    bool // the peer writes no more
	readShut bool
	outShut  bool

	backlog int
	queue   []*tcp // connections to accept
	knocks  []*tcp // connections for which the queue has no room
}

type state uint8

const (
	idle state = iota
	listening
	connecting
	connected
	failed // a connection that was not made
)

func (s *Stack) newTCP(family network.Family) *tcp {
	return &tcp{base: base{stack: s, family: family, options: defaultOptions()}, capacity: s.capacity}
}

// Bind implements network.Socket.
func (c *tcp) Bind(local netip.AddrPort) error {
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	return c.bind(local)
}

func (c *tcp) bind(local netip.AddrPort) error {
	if err := c.check(local); err != nil {
		return err
	}
	if c.state != idle || c.local.IsValid() {
		return syscall.EINVAL
	}
	at, err := c.stack.place(local, func(a netip.AddrPort) bool { return clashes(c.stack.tcp, a) })
	if err != nil {
		return err
	}
	c.local, c.port = at, at
	c.stack.tcp[at] = c
	return nil
}

// Connect implements network.TCP. It never connects at once, so that callers wait.
func (c *tcp) Connect(remote netip.AddrPort) error {
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	if err := c.check(remote); err != nil {
		return err
	}
	switch c.state {
	case connecting:
		return syscall.EALREADY
	case connected:
		return syscall.EISCONN
	case listening:
		return syscall.EINVAL
	}
	c.to, c.failure = reachable(remote), 0
	if !c.local.IsValid() {
		if err := c.bind(netip.AddrPortFrom(c.to.Addr(), 0)); err != nil {
			return err
		}
	}
	faults := c.stack.faults[c.to]
	l, ok := find(c.stack.tcp, c.to)
	switch {
	case faults.Hang:
		c.state = connecting
	case faults.Refuse, !ok, l.state != listening:
		c.fail(syscall.ECONNREFUSED)
	case len(l.queue) >= l.backlog:
		c.state = connecting
		l.knocks = append(l.knocks, c)
	default:
		l.enqueue(c)
	}
	return hostcalls.ErrWouldBlock
}

func (c *tcp) fail(err syscall.Errno) {
	c.state, c.failure = failed, err
	c.tell()
}

// enqueue puts a connection from a socket into the queue of a listener.
func (c *tcp) enqueue(from *tcp) {
	s := c.stack
	theirs := s.newTCP(c.family)
	theirs.options = maps.Clone(c.options)
	delete(theirs.options, network.Listening)
	moved := 0
	if from.local.Addr().IsUnspecified() {
		from.local = netip.AddrPortFrom(from.to.Addr(), from.local.Port())
	}
	theirs.local, theirs.remote = from.to, from.local
	from.remote = from.to
	theirs.to = from.to
	theirs.state, from.state = connected, connected
	theirs.peer, from.peer = from, theirs
	theirs.moved, from.moved = &moved, &moved
	c.queue = append(c.queue, theirs)
	c.tell()
	from.tell()
}

// FinishConnect implements network.TCP.
func (c *tcp) FinishConnect() error {
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	switch {
	case c.closed:
		return network.ErrClosed
	case c.state == connected:
		return nil
	case c.state == connecting:
		return hostcalls.ErrWouldBlock
	case c.failure != 0:
		return c.takeFailure()
	default:
		return syscall.ENOTCONN
	}
}

// takeFailure returns the pending error, which is thereby cleared.
func (c *tcp) takeFailure() error {
	err := c.failure
	c.failure = 0
	return err
}

// Listen implements network.TCP.
func (c *tcp) Listen(backlog int) error {
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	switch {
	case c.closed:
		return network.ErrClosed
	case c.state != idle && c.state != listening:
		return syscall.EINVAL
	}
	if !c.local.IsValid() {
		at := netip.IPv4Unspecified()
		if c.family == network.IPv6 {
			at = netip.IPv6Unspecified()
		}
		if err := c.bind(netip.AddrPortFrom(at, 0)); err != nil {
			return err
		}
	}
	c.state, c.backlog = listening, max(backlog, 1)
	c.options[network.Listening] = 1
	c.admitKnocks()
	return nil
}

// Accept implements network.TCP.
func (c *tcp) Accept() (network.TCP, error) {
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	switch {
	case c.closed:
		return nil, network.ErrClosed
	case c.state != listening:
		return nil, syscall.EINVAL
	case len(c.queue) == 0:
		return nil, hostcalls.ErrWouldBlock
	}
	accepted := c.queue[0]
	c.queue = c.queue[1:]
	c.admitKnocks()
	return accepted, nil
}

func (c *tcp) admitKnocks() {
	for len(c.knocks) > 0 && len(c.queue) < c.backlog {
		from := c.knocks[0]
		c.knocks = c.knocks[1:]
		if !from.closed {
			c.enqueue(from)
		}
	}
}

// unlessConnected returns why nothing can be read or written.
func (c *tcp) unlessConnected() error {
	switch {
	case c.closed:
		return network.ErrClosed
	case c.failure != 0:
		return c.takeFailure()
	case c.state == connecting:
		return hostcalls.ErrWouldBlock
	case c.state != connected:
		return syscall.ENOTCONN
	default:
		return nil
	}
}

// Read implements network.TCP.
func (c *tcp) Read(p []byte, peek bool) (int, error) {
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	if err := c.unlessConnected(); err != nil {
		return 0, err
	}
	switch {
	case len(p) == 0:
		return 0, nil
	case len(c.in) > 0:
		return c.take(p, peek), nil
	case c.ended || c.readShut:
		return 0, io.EOF
	default:
		return 0, hostcalls.ErrWouldBlock
	}
}

func (c *tcp) take(p []byte, peek bool) int {
	if limit := c.stack.faults[c.to].MaxRead; limit > 0 {
		p = p[:min(len(p), limit)]
	}
	n := copy(p, c.in)
	if !peek {
		c.in = c.in[n:]
		if c.peer != nil {
			c.peer.waiters[network.Out].Tell()
		}
	}
	return n
}

// room returns how many bytes a Write would accept.
func (c *tcp) room() int {
	faults := c.stack.faults[c.to]
	if c.peer == nil || faults.Full && c.remote == c.to {
		return 0
	}
	room := max(0, c.peer.capacity-len(c.peer.in))
	if faults.MaxWrite > 0 {
		room = min(room, faults.MaxWrite)
	}
	return room
}

// Write implements network.TCP.
func (c *tcp) Write(p []byte) (int, error) {
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	if err := c.unlessConnected(); err != nil {
		return 0, err
	}
	switch {
	case c.outShut:
		return 0, syscall.EPIPE
	case len(p) == 0:
		return 0, nil
	case c.peer == nil: // it has closed
		c.reset()
		return 0, c.takeFailure()
	}
	n := min(len(p), c.room())
	if n == 0 {
		return 0, hostcalls.ErrWouldBlock
	}
	if !c.peer.readShut {
		c.peer.in = append(c.peer.in, p[:n]...)
		c.peer.waiters[network.In].Tell()
	}
	*c.moved += n
	if limit := c.stack.faults[c.to].ResetAfter; limit > 0 && *c.moved >= limit {
		c.reset()
	}
	return n, nil
}

// reset ends a connection on both sides: what has not been read is lost.
func (c *tcp) reset() {
	for _, side := range []*tcp{c, c.peer} {
		if side != nil && !side.closed {
			side.failure, side.in, side.ended, side.outShut, side.peer = syscall.ECONNRESET, nil, true, true, nil
			side.tell()
		}
	}
}

// Shutdown implements network.TCP.
func (c *tcp) Shutdown(read, write bool) error {
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	switch {
	case c.closed:
		return network.ErrClosed
	case c.state != connected:
		return syscall.ENOTCONN
	}
	if read {
		c.readShut = true
		c.waiters[network.In].Tell()
	}
	if write && !c.outShut {
		c.outShut = true
		c.waiters[network.Out].Tell()
		if c.peer != nil {
			c.peer.ended = true
			c.peer.waiters[network.In].Tell()
		}
	}
	return nil
}

// Close implements network.Socket. As with a system's sockets the connection is reset if there is something unread.
func (c *tcp) Close() error {
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	if c.closed {
		return network.ErrClosed
	}
	c.close()
	return nil
}

func (c *tcp) close() {
	c.closed = true
	if c.port.IsValid() {
		delete(c.stack.tcp, c.port)
	}
	if peer := c.peer; peer != nil {
		if len(c.in) > 0 {
			peer.reset()
		} else {
			peer.ended, peer.peer = true, nil
			peer.tell()
		}
	}
	for _, waiting := range c.queue {
		if waiting.peer != nil {
			waiting.peer.reset()
		}
		waiting.closed = true
	}
	for _, knock := range c.knocks {
		knock.fail(syscall.ECONNREFUSED)
	}
	c.peer, c.in, c.queue, c.knocks = nil, nil, nil, nil
	c.tell()
}

// Notify implements network.Socket.
func (c *tcp) Notify(d network.Direction, ready func()) (stop func()) {
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	return c.waiters[d].Add(&c.stack.mu, ready, c.ready(d))
}

func (c *tcp) ready(d network.Direction) bool {
	switch {
	case c.closed || c.failure != 0:
		return true
	case c.state == listening:
		return d == network.In && len(c.queue) > 0
	case c.state == connecting:
		return false
	case c.state != connected:
		return true
	case d == network.In:
		return len(c.in) > 0 || c.ended || c.readShut
	default:
		return c.peer == nil || c.outShut || c.room() > 0
	}
}

// Level implements network.Socket.
func (c *tcp) Level(d network.Direction) (nbytes int, hangup bool) {
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	switch {
	case c.closed:
		return 0, true
	case c.state == listening:
		return min(len(c.queue), 1), false
	case c.state != connected:
		return 0, c.state == failed
	case d == network.In:
		return len(c.in), c.ended
	default:
		return c.room(), c.peer == nil
	}
}

// Option implements network.Socket.
func (c *tcp) Option(o network.Option) (int, error) {
	c.stack.mu.Lock()
	defer c.stack.mu.Unlock()
	if o == network.PendingError && !c.closed {
		errno := c.failure
		c.failure = 0
		return int(errno), nil
	}
	return c.option(o)
}

// connectionsTo returns the sockets that have connected to an address, in the order of their own addresses.
func (s *Stack) connectionsTo(at netip.AddrPort) (list []*tcp) {
	for _, c := range s.tcp {
		if c.state == connected && c.to == at {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *tcp) int { return a.local.Compare(b.local) })
	return list
}
