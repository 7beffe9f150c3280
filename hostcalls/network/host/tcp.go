package hostnet

import (
	"errors"
	"io"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// tcp is a TCP socket.
type tcp struct {
	socket
	remote netip.AddrPort // of a connection, also when it has ended; guarded by mu
}

var _ network.TCP = (*tcp)(nil)

// Connect implements network.TCP.
func (t *tcp) Connect(remote netip.AddrPort) error {
	to, err := sockaddrOf(t.family, remote)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return network.ErrClosed
	case t.remote.IsValid(): // Linux returns nil, once
		return unix.EISCONN
	}
	err = unix.Connect(t.fd, to)
	switch {
	case err == nil:
		t.remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
		return t.register()
	case errors.Is(err, unix.EINPROGRESS), errors.Is(err, unix.EINTR): // the connection is in progress
		if err := t.register(); err != nil {
			return err
		}
		return hostcalls.ErrWouldBlock
	default:
		return err
	}
}

// FinishConnect implements network.TCP.
func (t *tcp) FinishConnect() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := t.readiness()
	events, err := t.poll(network.Out)
	switch {
	case err != nil:
		return err
	case events == 0:
		return t.exhausted(network.Out, seen)
	}
	code, err := unix.GetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	if err != nil {
		return err
	}
	peer, err := unix.Getpeername(t.fd) // ENOTCONN if the error was read before
	if err == nil {
		t.remote = addrPortOf(peer)
	}
	return err
}

// RemoteAddr implements network.Socket.
func (t *tcp) RemoteAddr() netip.AddrPort {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return netip.AddrPort{}
	}
	return t.remote
}

// Listen implements network.TCP.
func (t *tcp) Listen(backlog int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.callLocked(func(fd int) error { return unix.Listen(fd, backlog) }); err != nil {
		return err
	}
	t.listening = true
	return t.register()
}

// Accept implements network.TCP. It skips connections that were reset meanwhile.
func (t *tcp) Accept() (network.TCP, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := t.readiness()
	var fd int
	var peer unix.Sockaddr
	err := t.callLocked(func(listener int) (err error) {
		for skipped := 0; ; skipped++ {
			if fd, peer, err = acceptSocket(listener); !errors.Is(err, unix.ECONNABORTED) || skipped == maxSkipped {
				return err
			}
		}
	})
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil, t.exhausted(network.In, seen)
	case errors.Is(err, unix.ECONNABORTED):
		return nil, hostcalls.ErrWouldBlock // there may be more: the socket remains ready
	case err != nil:
		return nil, err
	}
	setNoDelay(fd)
	c := &tcp{socket{driver: t.driver, fd: fd, family: t.family}, addrPortOf(peer)}
	if err := c.register(); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// maxSkipped bounds the connections that one Accept skips.
const maxSkipped = 16

// Read implements network.TCP.
func (t *tcp) Read(p []byte, peek bool) (n int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := t.readiness()
	err = t.callLocked(func(fd int) error {
		if peek {
			n, _, err = unix.Recvfrom(fd, p, unix.MSG_PEEK)
		} else {
			n, err = receive(fd, p)
		}
		return err
	})
	switch {
	case errors.Is(err, unix.EAGAIN):
		return 0, t.exhausted(network.In, seen)
	case err != nil:
		return 0, err
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	case n < len(p) && !peek && t.source != nil:
		t.source.Drained(sideOf(network.In), seen)
	}
	return n, nil
}

// Write implements network.TCP.
func (t *tcp) Write(p []byte) (n int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := t.readiness()
	err = t.callLocked(func(fd int) error {
		n, err = send(fd, p)
		return err
	})
	switch {
	case errors.Is(err, unix.EAGAIN):
		return 0, t.exhausted(network.Out, seen)
	case err != nil:
		return 0, err
	case n < len(p) && t.source != nil:
		t.source.Drained(sideOf(network.Out), seen)
	}
	return n, nil
}

// Shutdown implements network.TCP.
func (t *tcp) Shutdown(read, write bool) error {
	how := unix.SHUT_RDWR
	switch {
	case !read && !write:
		return unix.EINVAL
	case !write:
		how = unix.SHUT_RD
	case !read:
		how = unix.SHUT_WR
	}
	return t.call(func(fd int) error { return unix.Shutdown(fd, how) })
}
