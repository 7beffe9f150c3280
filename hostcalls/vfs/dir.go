package vfs

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Dir is an open folder: the capability to what is beneath it.
type Dir struct {
	root     *os.Root
	readOnly bool

	mu     sync.Mutex
	handle *handle // the folder itself, opened when it is first needed
	closed bool

	listing listing
}

// OpenDir opens the folder at a path of the host, which is trusted: links are followed wherever they
// lead. With readOnly, the Dir and whatever is opened through it can be used for reading only.
func OpenDir(path string, readOnly bool) (*Dir, error) {
	info, err := os.Stat(path) // first, since opening what is no folder may block
	if err != nil {
		return nil, errno(err)
	}
	if !info.IsDir() {
		return nil, syscall.ENOTDIR
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, errno(err)
	}
	return &Dir{root: root, readOnly: readOnly}, nil
}

// ReadOnly tells whether changes are refused, with EROFS.
func (d *Dir) ReadOnly() bool { return d.readOnly }

// Close gives the folder up. It does not wait for operations that run.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return syscall.EBADF
	}
	d.closed = true
	if d.handle != nil {
		_ = d.handle.Close()
	}
	return errno(d.root.Close())
}

// self returns the folder as a descriptor.
func (d *Dir) self() (*handle, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, syscall.EBADF
	}
	if d.handle == nil {
		h, err := walk(d.root, ".")
		if err != nil {
			return nil, err
		}
		d.handle = h
	}
	return d.handle, nil
}

// mutable refuses a change to a read-only folder.
func (d *Dir) mutable() error {
	if d.readOnly {
		return syscall.EROFS
	}
	return nil
}

// walk opens a folder beneath root.
func walk(root *os.Root, dir string) (*handle, error) {
	f, err := root.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, walkError(err)
	}
	return newHandle(f)
}

// at runs op on the descriptor of the folder that contains p's name. A symbolic link in the name's
// place is op's to deal with.
func (d *Dir) at(p place, op func(dirfd int, name string) error) error {
	if p.dir == "" {
		h, err := d.self()
		if err != nil {
			return err
		}
		return h.control(func(fd int) error { return op(fd, p.name) })
	}
	h, err := walk(d.root, p.dir)
	if err != nil {
		return err
	}
	defer h.Close()
	return h.control(func(fd int) error { return op(fd, p.name) })
}

// errIsLink is what an operation says when the name is a link that it would have to follow.
var errIsLink = errors.New("is a symbolic link")

// follow is at for operations that may follow links: when op returns errIsLink, it runs again on
// the place the link leads to.
func (d *Dir) follow(p place, op func(p place, dirfd int) error) error {
	for range maxLinks {
		next := p
		err := d.at(p, func(dirfd int, name string) error {
			err := op(p, dirfd)
			if !errors.Is(err, errIsLink) {
				return err
			}
			target, err := readlinkat(dirfd, name)
			if errors.Is(err, unix.EINVAL) { // exchanged for something else meanwhile: look again
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

// errno reduces an error of package os to the system's error in it.
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

// walkError is errno for os.Root's resolution of a path. An error of its own is its refusal to leave
// the folder; os exports no name for that.
func walkError(err error) error {
	var no syscall.Errno
	if err == nil || errors.As(err, &no) || errors.Is(err, os.ErrClosed) {
		return errno(err)
	}
	return ErrEscapes
}
