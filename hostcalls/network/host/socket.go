package hostnet

import (
	"errors"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// socket is what TCP and UDP share. It is network.Socket.
type socket struct {
	driver    *driver.Driver
	family    network.Family
	datagrams bool

	mu        sync.Mutex // held while the system is asked; guards the fields below
	fd        int
	closed    bool
	lingers   bool
	listening bool
	source    *driver.Source // nil until the socket can become ready
}

// register makes the socket one that can be waited for.
func (s *socket) register() error {
	if s.source != nil {
		return nil
	}
	source, err := s.driver.Register(s.fd)
	if err != nil {
		return err
	}
	s.source = source
	return nil
}

// call makes a system call, again if it was interrupted.
func (s *socket) call(do func(fd int) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.callLocked(do)
}

func (s *socket) callLocked(do func(fd int) error) error {
	if s.closed {
		return network.ErrClosed
	}
	for {
		if err := do(s.fd); err != unix.EINTR { //nolint:errorlint // it is the system's own
			return err
		}
	}
}

// readiness is read before a try.
func (s *socket) readiness() driver.Readiness {
	if s.source == nil {
		return 0
	}
	return s.source.Readiness()
}

// exhausted notes that a try would have blocked, and returns the error for that.
func (s *socket) exhausted(d network.Direction, seen driver.Readiness) error {
	if s.source != nil {
		s.source.Exhausted(sideOf(d), seen)
	}
	return hostcalls.ErrWouldBlock
}

func sideOf(d network.Direction) driver.Direction {
	if d == network.In {
		return driver.Readable
	}
	return driver.Writable
}

// Notify implements network.Socket. A socket that can't become ready, since it neither connects nor listens, is ready
// to tell so.
func (s *socket) Notify(d network.Direction, ready func()) (stop func()) {
	s.mu.Lock()
	source := s.source
	s.mu.Unlock()
	if source == nil {
		ready()
		return func() {}
	}
	return source.Await(sideOf(d), ready)
}

// Level implements network.Socket.
func (s *socket) Level(d network.Direction) (nbytes int, hangup bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.readiness()
	if d == network.In && !s.datagrams && !s.listening {
		err := s.callLocked(func(fd int) (err error) {
			nbytes, err = unix.IoctlGetInt(fd, ioctlReadable)
			return err
		})
		if err != nil {
			return 0, true
		}
		if nbytes > 0 {
			return nbytes, false
		}
	}
	events, err := s.poll(d)
	switch {
	case err != nil:
		return 0, true
	case events == 0:
		_ = s.exhausted(d, seen)
		return 0, false
	case s.datagrams:
		return s.datagramLevel(d), false
	case s.listening:
		return 1, false
	case d == network.Out:
		return 1, events&(unix.POLLHUP|unix.POLLERR) != 0
	default:
		return 0, true // ready, and there are no bytes
	}
}

// poll asks the system whether the socket is ready, without blocking.
func (s *socket) poll(d network.Direction) (events int16, err error) {
	fds := [1]unix.PollFd{{Events: unix.POLLIN}}
	if d == network.Out {
		fds[0].Events = unix.POLLOUT
	}
	err = s.callLocked(func(fd int) error {
		fds[0].Fd = int32(fd)
		_, err := unix.Poll(fds[:], 0)
		return err
	})
	return fds[0].Revents, err
}

// datagramLevel returns the size of the next datagram, or 1 if it is empty or unknown.
func (s *socket) datagramLevel(d network.Direction) int {
	if d == network.Out {
		return 1
	}
	n, err := unix.IoctlGetInt(s.fd, ioctlReadable)
	if err != nil {
		return 1
	}
	return max(n, 1)
}

// Bind implements network.Socket.
func (s *socket) Bind(local netip.AddrPort) error {
	to, err := sockaddrOf(s.family, local)
	if err != nil {
		return err
	}
	return s.call(func(fd int) error { return unix.Bind(fd, to) })
}

// LocalAddr implements network.Socket.
func (s *socket) LocalAddr() netip.AddrPort {
	local := s.address(unix.Getsockname)
	if local.Port() == 0 {
		return netip.AddrPort{} // not bound
	}
	return local
}

func (s *socket) address(get func(fd int) (unix.Sockaddr, error)) (a netip.AddrPort) {
	_ = s.call(func(fd int) error {
		sockaddr, err := get(fd)
		if err == nil {
			a = addrPortOf(sockaddr)
		}
		return err
	})
	return a
}

// Close implements network.Socket.
func (s *socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return network.ErrClosed
	}
	s.closed = true
	if s.lingers { // or the system would wait in close, as long as the socket says
		_ = unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{})
	}
	if s.source != nil {
		s.source.Close()
	}
	err := unix.Close(s.fd)
	if errors.Is(err, unix.EINTR) { // it is closed all the same
		return nil
	}
	return err
}
