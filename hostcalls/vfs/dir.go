package vfs

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Dir is an open folder: the capability to everything beneath it.
type Dir struct {
	h        *handle
	readOnly bool
	search   bool // h may only be searched, not listed
	volume   volume

	listing listing
}

// OpenDir opens the folder at a trusted path of the host: links are followed wherever they lead. With readOnly,
// the Dir and everything opened through it can only be read. A folder that may be searched but not read can be
// used, but not listed.
func OpenDir(path string, readOnly bool) (*Dir, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return nil, syscall.EINVAL
	}
	fd, search, err := openFolder(unix.AT_FDCWD, path, 0, true)
	if err != nil {
		return nil, err
	}
	return newDir(fd, path, &Dir{readOnly: readOnly, search: search})
}

// OpenDirExactly is OpenDir for an absolute path without links: a link on it is refused, with ELOOP or ENOTDIR.
// So it opens the folder at that path, even if somebody has replaced part of the path by a link since it was
// checked.
func OpenDirExactly(path string, readOnly bool) (*Dir, error) {
	if !strings.HasPrefix(path, "/") || strings.IndexByte(path, 0) >= 0 {
		return nil, syscall.EINVAL
	}
	names := components(path)
	at, name := unix.AT_FDCWD, "/"
	for _, next := range names {
		fd, err := openSearch(at, name, unix.O_NOFOLLOW)
		closeFolder(at)
		if err != nil {
			return nil, err
		}
		at, name = fd, next
	}
	fd, search, err := openFolder(at, name, unix.O_NOFOLLOW, true)
	closeFolder(at)
	if err != nil {
		return nil, err
	}
	return newDir(fd, path, &Dir{readOnly: readOnly, search: search})
}

// closeFolder closes a folder on the way of a walk.
func closeFolder(fd int) {
	if fd != unix.AT_FDCWD {
		_ = unix.Close(fd)
	}
}

// newDir completes d as the Dir of the folder fd, which it owns from then on. d.volume may be that of another
// folder.
func newDir(fd int, name string, d *Dir) (*Dir, error) {
	s, err := fstat(fd)
	if err == nil {
		d.volume, err = d.volume.of(fd, s)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	d.h, err = newHandle(os.NewFile(uintptr(fd), name))
	if err != nil {
		return nil, err
	}
	return d, nil
}

// ReadOnly reports whether changes are refused, with EROFS.
func (d *Dir) ReadOnly() bool { return d.readOnly }

// Close closes the folder. It does not wait for running operations.
func (d *Dir) Close() error { return errno(d.h.Close()) }

// mutable refuses a change to a read-only folder.
func (d *Dir) mutable() error {
	if d.readOnly {
		return syscall.EROFS
	}
	return nil
}

// at runs op on the descriptor of the folder that contains p's name. If the name is a symbolic link, op has to
// handle it.
func (d *Dir) at(p place, op func(dirfd int, name string) error) error {
	return d.h.control(func(root int) error {
		dirfd, err := walk(root, p.dir)
		if err != nil {
			return err
		}
		v := d.volume
		if dirfd != root {
			defer func() { _ = unix.Close(dirfd) }()
			s, err := fstat(dirfd)
			if err != nil {
				return err
			}
			if v, err = v.of(dirfd, s); err != nil {
				return err
			}
		}
		if v.kernel {
			return syscall.ENOTSUP
		}
		return op(dirfd, p.name)
	})
}

// errIsLink is returned by an operation if the name is a link that it would have to follow.
var errIsLink = errors.New("is a symbolic link")

// follow is at for operations that may follow links: when op returns errIsLink, it runs again on the link's
// target.
func (d *Dir) follow(p place, op func(p place, dirfd int) error) error {
	for range maxLinks {
		next := p
		err := d.at(p, func(dirfd int, name string) error {
			err := op(p, dirfd)
			if !errors.Is(err, errIsLink) {
				return err
			}
			target, err := readlinkat(dirfd, name)
			if errors.Is(err, unix.EINVAL) { // no longer a link: try again
				return errIsLink
			}
			if err == nil {
				next, err = p.through(target)
			}
			if err == nil {
				err = errIsLink
			}
			return err
		})
		if !errors.Is(err, errIsLink) {
			return err
		}
		p = next
	}
	return syscall.ELOOP
}

// errno returns the system's error in an error of package os.
func errno(err error) error {
	var no syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.As(err, &no):
		return no
	case errors.Is(err, os.ErrClosed):
		return syscall.EBADF
	}
	return syscall.EIO
}
