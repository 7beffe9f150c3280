//go:build unix && !linux

package wasip1

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// ioctlReadable asks for the number of bytes to read.
const ioctlReadable = 0x4004667f // FIONREAD

// openSocket returns a new TCP socket in non-blocking mode.
func openSocket(family int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(family, unix.SOCK_STREAM, unix.IPPROTO_TCP)
	if err != nil {
		return -1, err
	}
	return fd, configure(fd)
}

// acceptSocket accepts a connection in non-blocking mode.
func acceptSocket(fd int) (int, unix.Sockaddr, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	accepted, peer, err := unix.Accept(fd)
	if err != nil {
		return -1, nil, err
	}
	return accepted, peer, configure(accepted)
}

func configure(fd int) error {
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return err
	}
	return nil
}
