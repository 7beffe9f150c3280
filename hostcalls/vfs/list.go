package vfs

import (
	"syscall"
)

// Stat returns the folder's attributes.
func (d *Dir) Stat() (Stat, error) {
	return d.h.stat()
}

// SetTimes sets the folder's times.
func (d *Dir) SetTimes(atime, mtime Time) error {
	if err := d.mutable(); err != nil {
		return err
	}
	return d.at(place{name: "."}, func(dirfd int, name string) error {
		return setTimesAt(dirfd, name, atime, mtime)
	})
}

// Sync waits until the folder's names and metadata are stored.
func (d *Dir) Sync() error {
	return errno(d.h.Sync())
}

// DataSync waits until the folder's names are stored.
func (d *Dir) DataSync() error {
	return d.h.dataSync()
}

// Entry is one name in a folder.
type Entry struct {
	Name []byte // valid until the yield that got it returns
	Ino  uint64
	Type Type
	Next uint64 // the cookie of the next entry
}

// List yields the folder's entries, including "." and "..", starting at a cookie: 0 for the first, or the Next
// of an entry that was listed through this Dir. Cookies stay valid while names are made and removed, as far as
// the file system supports that; a name that exists throughout is listed once.
func (d *Dir) List(cookie uint64, yield func(Entry) bool) error {
	if int64(cookie) < 0 {
		return syscall.EINVAL
	}
	switch {
	case d.volume.kernel:
		return syscall.ENOTSUP
	case d.search:
		return syscall.EACCES
	}
	d.listing.Lock()
	defer d.listing.Unlock()
	return d.h.control(func(fd int) error { return d.listing.list(d.h, fd, cookie, yield) })
}

// typeAt returns the type of a name, for file systems whose listings have no types.
func typeAt(fd int, name string) Type {
	s, err := lstatat(fd, name)
	if err != nil {
		return Unknown
	}
	return s.Type
}
