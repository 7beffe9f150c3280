package vfs

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// handle is an open descriptor. The *os.File counts its uses, so that its number is not reused while a system
// call still runs on it, even if it is closed meanwhile.
type handle struct {
	*os.File
	raw syscall.RawConn
}

// newHandle returns a handle that owns f.
func newHandle(f *os.File) (*handle, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, errno(err)
	}
	return &handle{File: f, raw: raw}, nil
}

// control runs op on the descriptor, which stays open until op returns.
func (h *handle) control(op func(fd int) error) error {
	var opErr error
	if err := h.raw.Control(func(fd uintptr) { opErr = op(int(fd)) }); err != nil {
		return syscall.EBADF // it is closed
	}
	return opErr
}

func (h *handle) stat() (s Stat, err error) {
	err = h.control(func(fd int) error {
		s, err = fstat(fd)
		return err
	})
	return s, err
}

// retry repeats a system call that a signal interrupted; the Go runtime sends some.
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// openat opens a name in the folder dirfd. It never waits for the other end of a FIFO.
func openat(dirfd int, name string, flags int) (fd int, err error) {
	const always = unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	err = retry(func() error {
		fd, err = unix.Openat(dirfd, name, flags|always, 0o666)
		return err
	})
	return fd, err
}

func fstat(fd int) (Stat, error) {
	var s unix.Stat_t
	err := retry(func() error { return unix.Fstat(fd, &s) })
	return statOf(&s), err
}

func lstatat(dirfd int, name string) (Stat, error) {
	var s unix.Stat_t
	err := retry(func() error {
		return unix.Fstatat(dirfd, name, &s, unix.AT_SYMLINK_NOFOLLOW)
	})
	return statOf(&s), err
}

func readlinkat(dirfd int, name string) (string, error) {
	var buf [maxPath + 1]byte
	var n int
	err := retry(func() (err error) {
		n, err = unix.Readlinkat(dirfd, name, buf[:])
		return err
	})
	if err != nil {
		return "", err
	}
	if n == len(buf) {
		return "", syscall.ENAMETOOLONG
	}
	return string(buf[:n]), nil
}
