package wasip1

import (
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

const (
	socketRights     = rightFdFdstatSetFlags | rightFdFilestatGet | rightPollFdReadwrite
	connectionRights = socketRights | rightFdRead | rightFdWrite | rightSockShutdown
	listenerRights   = socketRights | rightSockAccept
)

// socket is a TCP socket of the process's network. Its calls never wait; their time is charged to the guest.
type socket struct {
	fdstat
	tcp     network.TCP
	process *Process
}

func newSocket(tcp network.TCP, p *Process, base, inheriting rights) socket {
	return socket{fdstat{filetype: filetypeSocketStream, base: base, inheriting: inheriting}, tcp, p}
}

func (s *socket) close(p *Process, onClosed func()) {
	defer p.AddCostSince(time.Now())
	_ = s.tcp.Close()
	onClosed()
}

func (s *socket) levelOf(d network.Direction) (nbytes uint64, hangup bool) {
	defer s.process.AddCostSince(time.Now())
	n, hangup := s.tcp.Level(d)
	return uint64(max(n, 0)), hangup
}

// side is a socket in one direction, as a stream.
type side struct {
	*socket
	direction network.Direction
	peek      bool
}

func (s side) Read(b []byte) (int, error) {
	defer s.process.AddCostSince(time.Now())
	return s.tcp.Read(b, s.peek)
}

func (s side) Write(b []byte) (int, error) {
	defer s.process.AddCostSince(time.Now())
	return s.tcp.Write(b)
}

func (s side) Notify(ready func()) (stop func()) { return s.tcp.Notify(s.direction, ready) }

// connection is a connected socket.
type connection struct{ socket }

func newConnection(tcp network.TCP, p *Process) *connection {
	return &connection{newSocket(tcp, p, connectionRights, 0)}
}

func (c *connection) reading() side { return side{&c.socket, network.In, false} }
func (c *connection) peeking() side { return side{&c.socket, network.In, true} }
func (c *connection) writing() side { return side{&c.socket, network.Out, false} }

func (c *connection) notifier(t eventtype) hostcalls.Notifier {
	if t == eventFdWrite {
		return c.writing()
	}
	return c.reading()
}

func (c *connection) level(t eventtype) (nbytes uint64, hangup bool) {
	if t == eventFdWrite {
		return c.levelOf(network.Out)
	}
	return c.levelOf(network.In)
}

func (c *connection) target() string { return c.tcp.RemoteAddr().String() }

func (c *connection) shutdown(how sdflags) error {
	defer c.process.AddCostSince(time.Now())
	return c.tcp.Shutdown(how&shutdownRead != 0, how&shutdownWrite != 0)
}

// listener is a listening socket.
type listener struct{ socket }

// newListener makes the descriptor of a listener grant. It starts as nonblocking, as in other hosts of preview 1:
// guests that serve many connections rely on it (Go's package net does not set it, and an accept that waits would
// stop all goroutines of the guest). Connections block, unless the guest sets nonblock.
func newListener(tcp network.TCP, p *Process) *listener {
	l := &listener{newSocket(tcp, p, listenerRights, connectionRights)}
	l.flags = fdflagNonblock
	return l
}

// tryAccept accepts a connection if there is one.
func (l *listener) tryAccept(p *Process) (*connection, error) {
	defer p.AddCostSince(time.Now())
	tcp, err := l.tcp.Accept()
	if err != nil {
		return nil, err
	}
	return newConnection(tcp, p), nil
}

func (l *listener) accepting() side { return side{&l.socket, network.In, false} }

func (l *listener) notifier(t eventtype) hostcalls.Notifier {
	if t != eventFdRead {
		return nil
	}
	return l.accepting()
}

func (l *listener) level(eventtype) (nbytes uint64, hangup bool) { return l.levelOf(network.In) }

func (l *listener) target() string { return l.tcp.LocalAddr().String() }
