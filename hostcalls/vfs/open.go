package vfs

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// How says how to open a path.
type How struct {
	Read, Write bool // neither: a file is opened for reading
	Follow      bool // follow the last name if it is a symbolic link
	Folder      bool // fail if it is not a folder
	List        bool // a folder will be listed; without List, permission to search it is enough
	Create      bool // make a regular file if the name does not exist
	Exclusive   bool // with Create: fail if the name exists
	Truncate    bool // empty a file
	Append      bool // each write goes to the end of the file
	Sync        bool // each write waits until data and metadata are stored
	DataSync    bool // each write waits until the data are stored
}

// Node is what Open returns: a *[File] or a *[Dir].
type Node interface {
	Stat() (Stat, error)
	SetTimes(atime, mtime Time) error
	Sync() error
	DataSync() error
	Close() error
}

// maxSwaps bounds how often an open starts again because the file was replaced by another meanwhile.
const maxSwaps = 8

// errSwapped is returned by an attempt to open that got another file than the one it had checked.
const errSwapped = syscall.EAGAIN

// Open opens a path: a folder, a regular file, or a device that only produces or consumes bytes. For anything else
// the error is ENOTSUP.
func (d *Dir) Open(path string, how How) (Node, error) {
	p, err := split(path)
	if err != nil {
		return nil, err
	}
	if how.Create && how.Folder {
		return nil, syscall.EINVAL
	}
	how.Follow = how.Follow || p.slash
	var node Node
	for range maxSwaps {
		err = d.follow(p, func(p place, dirfd int) error {
			node, err = d.openAt(p, dirfd, how)
			return err
		})
		if !errors.Is(err, errSwapped) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return node, nil
}

// openAt opens the name of p in the folder dirfd.
//
// It checks the name before it opens it, since opening a device can have effects, and checks the opened file again,
// since it may be another.
func (d *Dir) openAt(p place, dirfd int, how How) (Node, error) {
	found, err := lstatat(dirfd, p.name)
	switch {
	case errors.Is(err, unix.ENOENT) && how.Create && p.slash:
		return nil, syscall.EISDIR
	case errors.Is(err, unix.ENOENT) && how.Create:
		return d.openFile(p, dirfd, how, Regular)
	case err != nil:
		return nil, err
	case how.Create && how.Exclusive:
		return nil, syscall.EEXIST
	}
	switch found.Type {
	case Symlink:
		if !how.Follow {
			return nil, syscall.ELOOP
		}
		return nil, errIsLink
	case Folder:
		if how.Write || how.Create || how.Truncate {
			return nil, syscall.EISDIR
		}
		return d.openFolder(p, dirfd, how)
	}
	if how.Folder || p.slash {
		return nil, syscall.ENOTDIR
	}
	if !found.isFile() {
		return nil, syscall.ENOTSUP
	}
	how.Create = false // the file exists; without Create, a read-only folder allows opening it
	if found.Type == CharDevice {
		how.Truncate = false
	}
	return d.openFile(p, dirfd, how, found.Type)
}

// openFile opens a regular file or a device. A device in a read-only folder may be written, as on a read-only file
// system: the folder does not change.
func (d *Dir) openFile(p place, dirfd int, how How, want Type) (Node, error) {
	if want == Regular && (how.Write || how.Create || how.Truncate) {
		if err := d.mutable(); err != nil {
			return nil, err
		}
	}
	fd, err := openat(dirfd, p.name, how.flags())
	if err != nil {
		return nil, openError(err, how)
	}
	s, err := d.check(fd, want)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	// O_NONBLOCK was needed only for the open. Without it, package os does not use the network poller.
	if err := unix.SetNonblock(fd, false); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	h, err := newHandle(os.NewFile(uintptr(fd), p.name))
	if err != nil {
		return nil, err
	}
	return &File{h: h, readOnly: d.readOnly, typ: s.Type, id: ID{s.Dev, s.Ino}}, nil
}

// check checks that the opened file has the wanted type and may be used. A file can be on another file system than
// its folder, since a file can be mounted over another.
func (d *Dir) check(fd int, want Type) (Stat, error) {
	s, err := fstat(fd)
	if err != nil {
		return s, err
	}
	if s.Type != want || !s.isFile() {
		return s, errSwapped
	}
	v, err := d.volume.of(fd, s)
	if err == nil && v.kernel {
		err = syscall.ENOTSUP
	}
	return s, err
}

// openError returns errSwapped if the error means that the file has changed since it was checked: that it is gone,
// or has become a link, a folder, a socket or a FIFO.
func openError(err error, how How) error {
	gone := errors.Is(err, unix.ENOENT) && !how.Create
	if gone || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENXIO) {
		return errSwapped
	}
	return err
}

// openFolder opens p's name, a folder, in the folder dirfd.
func (d *Dir) openFolder(p place, dirfd int, how How) (Node, error) {
	fd, search, err := openFolder(dirfd, p.name, unix.O_NOFOLLOW, !how.List)
	if errors.Is(err, unix.ENOTDIR) {
		return nil, errSwapped
	}
	if err != nil {
		return nil, openError(err, how)
	}
	sub := &Dir{readOnly: d.readOnly, search: search, volume: d.volume}
	return newDir(fd, p.name, sub)
}

// flags returns the flags of open(2) for a file. Links are not followed.
func (how How) flags() int {
	flags := unix.O_NOFOLLOW | unix.O_RDONLY
	switch {
	case how.Read && how.Write:
		flags |= unix.O_RDWR
	case how.Write:
		flags |= unix.O_WRONLY
	}
	for _, f := range []struct {
		on   bool
		flag int
	}{
		{how.Create, unix.O_CREAT},
		{how.Exclusive && how.Create, unix.O_EXCL},
		{how.Truncate, unix.O_TRUNC},
		{how.Append, unix.O_APPEND},
		{how.Sync, unix.O_SYNC},
		{how.DataSync, unix.O_DSYNC},
	} {
		if f.on {
			flags |= f.flag
		}
	}
	return flags
}
