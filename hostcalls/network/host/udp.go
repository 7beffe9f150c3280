package hostnet

import (
	"errors"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/hostcalls/network"
)

// udp is a UDP socket.
type udp struct{ socket }

var _ network.UDP = (*udp)(nil)

// Connect implements network.UDP.
func (u *udp) Connect(remote netip.AddrPort) error {
	if !remote.IsValid() {
		return u.call(disconnect)
	}
	to, err := sockaddrOf(u.family, remote)
	if err != nil {
		return err
	}
	return u.call(func(fd int) error { return unix.Connect(fd, to) })
}

// RemoteAddr implements network.Socket.
func (u *udp) RemoteAddr() netip.AddrPort { return u.address(unix.Getpeername) }

// ReadFrom implements network.UDP.
func (u *udp) ReadFrom(p []byte, peek bool) (n int, from netip.AddrPort, truncated bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := u.readiness()
	flags := 0
	if peek {
		flags = unix.MSG_PEEK
	}
	err = u.callLocked(func(fd int) error {
		var told int
		var sender unix.Sockaddr
		n, _, told, sender, err = unix.Recvmsg(fd, p, nil, flags)
		truncated, from = told&unix.MSG_TRUNC != 0, addrPortOf(sender)
		return err
	})
	switch {
	case errors.Is(err, unix.EAGAIN):
		return 0, netip.AddrPort{}, false, u.exhausted(network.In, seen)
	case err != nil:
		return 0, netip.AddrPort{}, false, err
	}
	return n, from, truncated, nil
}

// WriteTo implements network.UDP.
func (u *udp) WriteTo(p []byte, to netip.AddrPort) (n int, err error) {
	var peer unix.Sockaddr
	if to != (netip.AddrPort{}) {
		if peer, err = sockaddrOf(u.family, to); err != nil {
			return 0, err
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := u.readiness()
	err = u.callLocked(func(fd int) error {
		n, err = unix.SendmsgN(fd, p, nil, peer, 0)
		return err
	})
	switch {
	case errors.Is(err, unix.EAGAIN):
		return 0, u.exhausted(network.Out, seen)
	case err != nil:
		return 0, err
	}
	return n, nil
}

// disconnect unsets a socket's peer.
func disconnect(fd int) error {
	none := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	_, _, code := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), unsafe.Sizeof(none))
	if code != 0 && code != unix.EAFNOSUPPORT { // which some systems return although they have done it
		return code
	}
	return nil
}
