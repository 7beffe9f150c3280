//go:build unix

package driver

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// duplicate returns a file for a duplicate of c's descriptor. c's descriptor is in non-blocking mode,
// like all that Go opens for its poller. The duplicate shares that mode, so it is polled too.
func duplicate(c syscall.Conn) (*os.File, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var dup int
	var dupErr error
	if err := raw.Control(func(fd uintptr) {
		dup, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, os.NewSyscallError("fcntl", dupErr)
	}
	return os.NewFile(uintptr(dup), "wait"), nil
}

// poll asks the kernel whether fd is ready, without blocking. Errors count as ready.
func poll(fd uintptr, dir direction) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if dir == writable {
		fds[0].Events = unix.POLLOUT
	}
	for {
		n, err := unix.Poll(fds, 0)
		if err != unix.EINTR {
			return n != 0
		}
	}
}
