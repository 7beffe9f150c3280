package wasip1

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/hostcalls"
)

const (
	socketRights     = rightFdFdstatSetFlags | rightFdFilestatGet | rightPollFdReadwrite
	connectionRights = socketRights | rightFdRead | rightFdWrite | rightSockShutdown
	listenerRights   = socketRights | rightSockAccept
)

// socket is a TCP socket of the host in non-blocking mode. System calls on it never wait: they return
// hostcalls.ErrWouldBlock, and then the driver notifies of readiness.
type socket struct {
	fdstat
	file    socketFile
	raw     syscall.RawConn
	process *Process
	broken  error // error of the driver; the next try returns it
}

// socketFile owns the host's descriptor.
type socketFile interface {
	syscall.Conn
	io.Closer
}

func newSocket(file socketFile, p *Process, base, inheriting rights) (socket, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return socket{}, err
	}
	return socket{
		fdstat:  fdstat{filetype: filetypeSocketStream, base: base, inheriting: inheriting},
		file:    file,
		raw:     raw,
		process: p,
	}, nil
}

// try makes one system call on the socket and charges its time to the guest.
func (s *socket) try(call func(fd int) error) error {
	if s.broken != nil {
		err := s.broken
		s.broken = nil
		return err
	}
	defer s.process.AddCostSince(time.Now())
	var err error
	closed := s.raw.Control(func(fd uintptr) {
		for {
			if err = call(int(fd)); !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
	switch {
	case closed != nil:
		return unix.EBADF
	case errors.Is(err, unix.EAGAIN):
		return hostcalls.ErrWouldBlock
	default:
		return err
	}
}

// await calls ready when the socket is ready for event, which is unix.POLLIN or unix.POLLOUT.
func (s *socket) await(event int16, ready func()) (stop func()) {
	if s.revents(event) != 0 {
		ready()
		return func() {}
	}
	start := s.process.Driver().AwaitReadable
	if event == unix.POLLOUT {
		start = s.process.Driver().AwaitWritable
	}
	began := time.Now()
	disarm, err := start(s.file, ready)
	s.process.AddCostSince(began)
	if err != nil {
		s.broken = err
		ready()
		return func() {}
	}
	return func() {
		defer s.process.AddCostSince(time.Now())
		disarm()
	}
}

// revents asks the kernel which of events, hangups and errors the socket has now.
func (s *socket) revents(events int16) int16 {
	var revents int16
	err := s.try(func(fd int) error {
		fds := [1]unix.PollFd{{Fd: int32(fd), Events: events}}
		_, err := unix.Poll(fds[:], 0)
		revents = fds[0].Revents
		return err
	})
	if err != nil {
		return unix.POLLERR
	}
	return revents
}

func (s *socket) close(p *Process, onClosed func()) {
	defer p.AddCostSince(time.Now())
	_ = s.file.Close()
	onClosed()
}

// connection is a connected socket.
type connection struct {
	socket
	peer string
}

func newConnection(file socketFile, p *Process, peer string) (*connection, error) {
	s, err := newSocket(file, p, connectionRights, 0)
	if err != nil {
		return nil, err
	}
	return &connection{s, peer}, nil
}

// readSide, peekSide and writeSide are the streams of a connection.
type (
	readSide  struct{ *connection }
	peekSide  struct{ *connection }
	writeSide struct{ *connection }
)

func (r readSide) Read(b []byte) (n int, err error) { return r.receive(b, 0) }
func (r peekSide) Read(b []byte) (n int, err error) { return r.receive(b, unix.MSG_PEEK) }

func (r readSide) Notify(ready func()) (stop func())  { return r.await(unix.POLLIN, ready) }
func (r peekSide) Notify(ready func()) (stop func())  { return r.await(unix.POLLIN, ready) }
func (w writeSide) Notify(ready func()) (stop func()) { return w.await(unix.POLLOUT, ready) }

func (c *connection) receive(b []byte, flags int) (n int, err error) {
	err = c.try(func(fd int) error {
		n, _, err = unix.Recvfrom(fd, b, flags)
		return err
	})
	if err != nil {
		return 0, err
	}
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (w writeSide) Write(b []byte) (n int, err error) {
	err = w.try(func(fd int) error {
		n, err = unix.Write(fd, b)
		return err
	})
	return max(n, 0), err
}

func (c *connection) notifier(t eventtype) hostcalls.Notifier {
	if t == eventFdWrite {
		return writeSide{c}
	}
	return readSide{c}
}

func (c *connection) level(t eventtype) (nbytes uint64, hangup bool) {
	if t == eventFdWrite {
		return 1, c.revents(unix.POLLOUT)&(unix.POLLHUP|unix.POLLERR) != 0
	}
	readable := c.revents(unix.POLLIN) != 0
	n := 0
	if err := c.try(func(fd int) (err error) {
		n, err = unix.IoctlGetInt(fd, ioctlReadable)
		return err
	}); err != nil {
		return 0, true
	}
	return uint64(max(n, 0)), readable && n == 0
}

func (c *connection) target() string { return c.peer }

func (c *connection) shutdown(how sdflags) error {
	return c.try(func(fd int) error {
		switch how {
		case shutdownRead:
			return unix.Shutdown(fd, unix.SHUT_RD)
		case shutdownWrite:
			return unix.Shutdown(fd, unix.SHUT_WR)
		default:
			return unix.Shutdown(fd, unix.SHUT_RDWR)
		}
	})
}

// listener is a listening socket.
type listener struct {
	socket
	address string
}

// newListener makes the descriptor of a listener grant. It starts as nonblocking, as in other hosts of preview 1:
// guests that serve many connections rely on it (Go's package net does not set it, and an accept that waits would
// stop all goroutines of the guest). Connections block, unless the guest sets nonblock.
func newListener(file *net.TCPListener, p *Process) (*listener, error) {
	s, err := newSocket(file, p, listenerRights, connectionRights)
	if err != nil {
		return nil, err
	}
	s.flags = fdflagNonblock
	return &listener{s, file.Addr().String()}, nil
}

// acceptSide notifies when a listener has a connection to accept.
type acceptSide struct{ *listener }

func (a acceptSide) Notify(ready func()) (stop func()) { return a.await(unix.POLLIN, ready) }

// tryAccept accepts a connection if there is one. It skips connections that were reset meanwhile.
func (l *listener) tryAccept(p *Process) (*connection, error) {
	var accepted int
	var peer unix.Sockaddr
	err := l.try(func(fd int) (err error) {
		for {
			if accepted, peer, err = acceptSocket(fd); !errors.Is(err, unix.ECONNABORTED) {
				return err
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return adopt(accepted, p, formatSockaddr(peer))
}

func (l *listener) notifier(t eventtype) hostcalls.Notifier {
	if t != eventFdRead {
		return nil
	}
	return acceptSide{l}
}

func (l *listener) level(eventtype) (nbytes uint64, hangup bool) { return 1, false }
func (l *listener) target() string                               { return l.address }

// adopt makes a connection from a non-blocking socket and takes ownership of it.
func adopt(fd int, p *Process, peer string) (*connection, error) {
	// As in package net: a guest that writes wants its bytes sent at once. An error does no harm.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	file := os.NewFile(uintptr(fd), peer)
	c, err := newConnection(file, p, peer)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return c, nil
}
