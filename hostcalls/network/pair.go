package network

import (
	"errors"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
)

// Pair returns two sockets in memory that are connected to each other. Each direction holds up to capacity bytes that
// have not been read, by default hostcalls.DefaultPipeCapacity; then the writer waits. They have no addresses. Their
// methods may be called from any goroutine.
func Pair(capacity int) (a, b TCP) { return pair(capacity) }

func pair(capacity int) (a, b *end) {
	there, back := hostcalls.NewPipe(capacity), hostcalls.NewPipe(capacity)
	return newEnd(back, there), newEnd(there, back)
}

// end is an end of a Pair.
type end struct {
	unaddressed
	options memoryOptions
	in, out *hostcalls.Pipe
	peer    string // the process at the other end, if it is known
	closed  atomic.Bool
}

func newEnd(in, out *hostcalls.Pipe) *end { return &end{in: in, out: out} }

// Bind implements Socket.
func (e *end) Bind(netip.AddrPort) error { return e.unlessClosed(syscall.EINVAL) }

// Connect implements TCP.
func (e *end) Connect(netip.AddrPort) error { return e.unlessClosed(syscall.EISCONN) }

// FinishConnect implements TCP.
func (e *end) FinishConnect() error { return e.unlessClosed(nil) }

// Listen implements TCP.
func (e *end) Listen(int) error { return e.unlessClosed(syscall.EINVAL) }

// Accept implements TCP.
func (e *end) Accept() (TCP, error) { return nil, e.unlessClosed(syscall.EINVAL) }

func (e *end) unlessClosed(err error) error {
	if e.closed.Load() {
		return ErrClosed
	}
	return err
}

// Read implements TCP.
func (e *end) Read(p []byte, peek bool) (n int, err error) {
	if peek {
		n, err = e.in.Reader().Peek(p)
	} else {
		n, err = e.in.Reader().Read(p)
	}
	if errors.Is(err, io.ErrClosedPipe) { // by Shutdown, or by Close
		err = e.unlessClosed(io.EOF)
	}
	return n, err
}

// Write implements TCP.
func (e *end) Write(p []byte) (int, error) {
	n, err := e.out.Writer().Write(p)
	if errors.Is(err, io.ErrClosedPipe) || errors.Is(err, hostcalls.ErrBrokenPipe) {
		err = e.unlessClosed(syscall.EPIPE)
	}
	return n, err
}

// Shutdown implements TCP. Unlike that of a system's socket, it breaks the other end's writing if it ends reading.
func (e *end) Shutdown(read, write bool) error {
	if e.closed.Load() {
		return ErrClosed
	}
	if read {
		e.in.CloseRead()
	}
	if write {
		e.out.CloseWrite()
	}
	return nil
}

// Notify implements Socket.
func (e *end) Notify(d Direction, ready func()) (stop func()) {
	if d == In {
		return e.in.Reader().Notify(ready)
	}
	return e.out.Writer().Notify(ready)
}

// Level implements Socket.
func (e *end) Level(d Direction) (nbytes int, hangup bool) {
	if d == In {
		return e.in.Reader().Level()
	}
	return e.out.Writer().Level()
}

// Option implements Socket.
func (e *end) Option(o Option) (int, error) {
	value, err := e.options.get(o)
	return value, e.unlessClosed(err)
}

// SetOption implements Socket.
func (e *end) SetOption(o Option, value int) error { return e.unlessClosed(e.options.set(o, value)) }

// Close implements Socket.
func (e *end) Close() error {
	if e.closed.Swap(true) {
		return ErrClosed
	}
	e.in.CloseRead()
	e.out.CloseWrite()
	return nil
}

// Listener is a listening socket in memory. Its methods may be called from any goroutine.
type Listener struct {
	unaddressed
	options memoryOptions
	backlog int

	mu     sync.Mutex // guards the fields below
	queue  []*end     // connections to accept
	closed bool
	accept hostcalls.Waiters
	room   hostcalls.Waiters
}

// NewListener makes a listener that keeps up to backlog connections until they are accepted.
func NewListener(backlog int) *Listener { return &Listener{backlog: max(backlog, 1)} }

// Dial returns a connection to the listener, as by Pair. It returns hostcalls.ErrWouldBlock if there is no room, and
// ECONNREFUSED once the listener is closed. NotifyRoom notifies when it would not block.
func (l *Listener) Dial(capacity int) (TCP, error) { return l.dial(capacity, "", "") }

// dial is Dial for one process that connects to another.
func (l *Listener) dial(capacity int, from, to string) (TCP, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, syscall.ECONNREFUSED
	case len(l.queue) == l.backlog:
		return nil, hostcalls.ErrWouldBlock
	}
	mine, theirs := pair(capacity)
	mine.peer, theirs.peer = to, from
	if from != "" {
		theirs.in.Hold() // it is nobody's memory yet
	}
	l.queue = append(l.queue, theirs)
	l.accept.Tell()
	return mine, nil
}

// NotifyRoom calls ready once Dial would not block. It is as Notify.
func (l *Listener) NotifyRoom(ready func()) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.room.Add(&l.mu, ready, l.closed || len(l.queue) < l.backlog)
}

// Accept implements TCP.
func (l *Listener) Accept() (TCP, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, ErrClosed
	case len(l.queue) == 0:
		return nil, hostcalls.ErrWouldBlock
	}
	c := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	c.in.Release()
	l.room.Tell()
	return c, nil
}

// Notify implements Socket.
func (l *Listener) Notify(d Direction, ready func()) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accept.Add(&l.mu, ready, l.closed || d == Out || len(l.queue) > 0)
}

// heldByNext returns how many bytes the next connection may hold; zero if there is none yet.
func (l *Listener) heldByNext() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return 0
	}
	return heldBy(l.queue[0])
}

// isClosed reports whether the listener is closed.
func (l *Listener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Level implements Socket.
func (l *Listener) Level(d Direction) (nbytes int, hangup bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, true
	}
	if d == In && len(l.queue) == 0 {
		return 0, false
	}
	return 1, false
}

// Close implements Socket. It closes the connections that have not been accepted.
func (l *Listener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.closed = true
	queue := l.queue
	l.queue = nil
	l.accept.Tell()
	l.room.Tell()
	l.mu.Unlock()
	for _, c := range queue {
		_ = c.Close()
	}
	return nil
}

// Option implements Socket.
func (l *Listener) Option(o Option) (int, error) {
	if o == Listening {
		return 1, l.unlessClosed(nil)
	}
	value, err := l.options.get(o)
	return value, l.unlessClosed(err)
}

// SetOption implements Socket.
func (l *Listener) SetOption(o Option, value int) error {
	return l.unlessClosed(l.options.set(o, value))
}

// Bind implements Socket.
func (l *Listener) Bind(netip.AddrPort) error { return l.unlessClosed(syscall.EINVAL) }

// Connect implements TCP.
func (l *Listener) Connect(netip.AddrPort) error { return l.unlessClosed(syscall.EISCONN) }

// FinishConnect implements TCP.
func (l *Listener) FinishConnect() error { return l.unlessClosed(syscall.ENOTCONN) }

// Listen implements TCP.
func (l *Listener) Listen(int) error { return l.unlessClosed(nil) }

// Read implements TCP.
func (l *Listener) Read([]byte, bool) (int, error) { return 0, l.unlessClosed(syscall.ENOTCONN) }

// Write implements TCP.
func (l *Listener) Write([]byte) (int, error) { return 0, l.unlessClosed(syscall.ENOTCONN) }

// Shutdown implements TCP.
func (l *Listener) Shutdown(bool, bool) error { return l.unlessClosed(syscall.ENOTCONN) }

func (l *Listener) unlessClosed(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	return err
}

// unaddressed is the part of a socket in memory that has no addresses.
type unaddressed struct{}

// LocalAddr implements Socket.
func (unaddressed) LocalAddr() netip.AddrPort { return netip.AddrPort{} }

// RemoteAddr implements Socket.
func (unaddressed) RemoteAddr() netip.AddrPort { return netip.AddrPort{} }

// memoryOptions are options that are kept and have no effect.
type memoryOptions struct {
	mu     sync.Mutex
	values map[Option]int
}

func (m *memoryOptions) get(o Option) (int, error) {
	if o > Listening {
		return 0, ErrUnknownOption
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[o], nil
}

func (m *memoryOptions) set(o Option, value int) error {
	if o >= PendingError {
		return ErrUnknownOption
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = map[Option]int{}
	}
	m.values[o] = value
	return nil
}

var (
	_ TCP = (*end)(nil)
	_ TCP = (*Listener)(nil)
)
