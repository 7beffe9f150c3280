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
	Follow      bool // follow a symbolic link in the place of the last name
	Folder      bool // fail if it is no folder
	List        bool // a folder is to be listed; without it permission to search it is enough
	Create      bool // make a regular file if there is nothing
	Exclusive   bool // with Create: fail if there is something
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

// swaps bounds how often an open starts again because the file was exchanged for another meanwhile.
const swaps = 8

// errSwapped is what an attempt to open says when it did not get the file that it had looked at.
const errSwapped = syscall.EAGAIN

// Open opens what path stands for: a folder, a regular file, or a device that is no more than a source
// or a sink of bytes. For anything else the error is ENOTSUP.
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
	for range swaps {
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
// It looks before it opens, since opening a device can have effects, and looks again at what it got,
// since the two may not be the same.
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
	how.Create = false // only where there was nothing: a read-only folder allows the rest
	if found.Type == CharDevice {
		how.Truncate = false
	}
	return d.openFile(p, dirfd, how, found.Type)
}

// openFile opens a regular file or a device. A read-only folder does not keep a device from being
// written to, as a read-only file system does not: what changes is not in the folder.
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
	// O_NONBLOCK was for the open only; without it, package os leaves the network poller out.
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

// check tells whether what was opened is what was wanted, and may be had. A file can be on another file
// system than its folder: one file can be mounted over another.
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

// openError tells what can't be opened from what is not what it was when it was looked at: gone, or
// become a link, a folder, a socket or a FIFO.
func openError(err error, how How) error {
	gone := errors.Is(err, unix.ENOENT) && !how.Create
	if gone || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENXIO) {
		return errSwapped
	}
	return err
}

// openFolder opens the folder of the name of p in the folder dirfd.
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

// flags returns the flags of open(2) for a file. No link is followed.
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
