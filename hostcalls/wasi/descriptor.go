package wasi

import (
	"math"
	"syscall"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// Descriptor is a descriptor: a handle of a file or folder.
type Descriptor struct {
	component.Object
	*Entity
	Flags uint32
}

// Bits of descriptor-flags.
const (
	FlagRead uint32 = 1 << iota
	FlagWrite
	FlagFileSync
	FlagDataSync
	FlagRequestedSync
	FlagMutateDirectory
)

// FlagFollow is the bit of path-flags.
const FlagFollow = 1

// Bits of open-flags.
const (
	OpenCreate uint32 = 1 << iota
	OpenDirectory
	OpenExclusive
	OpenTruncate
)

// Descriptor makes a descriptor of the folder, which uses it.
func (p Preopen) Descriptor() *Descriptor {
	return &Descriptor{Entity: p.Use(), Flags: FlagRead | FlagMutateDirectory}
}

// Drop implements component.Dropper.
func (d *Descriptor) Drop() { d.Entity.Drop() }

// folder returns the folder of a descriptor.
func (d *Descriptor) folder() (*vfs.Dir, error) {
	switch {
	case d.grant.Lease().Revoked():
		return nil, network.ErrRevoked
	case d.dir == nil:
		return nil, syscall.ENOTDIR
	}
	return d.dir, nil
}

// regular returns the file of a descriptor.
func (d *Descriptor) regular() (*vfs.File, error) {
	switch {
	case d.grant.Lease().Revoked():
		return nil, network.ErrRevoked
	case d.file == nil:
		return nil, syscall.EBADF
	}
	return d.file, nil
}

// IsFolder reports whether the descriptor is of a folder.
func (d *Descriptor) IsFolder() bool { return d.file == nil }

// Type returns the type of what is open.
func (d *Descriptor) Type() vfs.Type {
	if d.file == nil {
		return vfs.Folder
	}
	return d.file.Type()
}

// writable returns the file of a descriptor if that may be written.
func (d *Descriptor) writable() (*vfs.File, error) {
	f, err := d.regular()
	if err == nil && d.Flags&FlagWrite == 0 {
		return nil, syscall.EBADF
	}
	return f, err
}

// Readable returns an error unless the descriptor is of a file that may be read, from an offset on. What was opened neither for
// reading nor for writing may.
func (d *Descriptor) Readable(at uint64) error {
	_, err := d.regular()
	switch {
	case err != nil:
		return err
	case d.Flags&(FlagRead|FlagWrite) == FlagWrite:
		return syscall.EBADF
	case at > math.MaxInt64:
		return syscall.EINVAL
	}
	return nil
}

// Writable returns an error unless the descriptor is of a file that may be written, from an offset on.
func (d *Descriptor) Writable(at uint64) error {
	_, err := d.writable()
	if err == nil && at > math.MaxInt64 {
		return syscall.EINVAL
	}
	return err
}

// Listable returns an error unless the descriptor is of a folder.
func (d *Descriptor) Listable() error {
	_, err := d.folder()
	return err
}

// Sync waits until data and metadata are stored.
func (d *Descriptor) Sync(c *component.Call) error { return d.onNode(c, vfs.Node.Sync) }

// SyncData waits until the data are stored.
func (d *Descriptor) SyncData(c *component.Call) error { return d.onNode(c, vfs.Node.DataSync) }

// SetTimes sets the times of the file or folder.
func (d *Descriptor) SetTimes(c *component.Call, atime, mtime vfs.Time) error {
	return d.onNode(c, func(n vfs.Node) error { return n.SetTimes(atime, mtime) })
}

// onNode runs an operation on a file or folder that has no result.
func (d *Descriptor) onNode(c *component.Call, operation func(vfs.Node) error) error {
	if err := d.Usable(); err != nil {
		return err
	}
	return d.do(c, d.Op(0), func() error { return operation(d.node()) })
}

// Stat returns the attributes of an open file or folder.
func (d *Descriptor) Stat(c *component.Call) (vfs.Stat, error) {
	var found vfs.Stat // of the job, which may outlive the call
	err := d.onNode(c, func(n vfs.Node) (err error) {
		found, err = n.Stat()
		return err
	})
	if err != nil {
		return vfs.Stat{}, err
	}
	return found, nil
}

// IsSameObject reports whether two descriptors are of the same file or folder.
func (d *Descriptor) IsSameObject(c *component.Call, other *Descriptor) bool {
	a, errA := d.Stat(c)
	b, errB := other.Stat(c)
	return errA == nil && errB == nil && a.Dev == b.Dev && a.Ino == b.Ino
}

// Advise tells the system how n bytes will be used.
func (d *Descriptor) Advise(c *component.Call, at, n uint64, advice vfs.Advice) error {
	f, err := d.regular()
	if err != nil {
		return err
	}
	return d.do(c, d.Op(0), func() error { return f.Advise(int64(at), int64(n), advice) })
}

// SetSize makes the file size bytes long.
func (d *Descriptor) SetSize(c *component.Call, size uint64) error {
	f, err := d.writable()
	switch {
	case err != nil:
		return err
	case size > math.MaxInt64:
		return syscall.EFBIG
	}
	return d.do(c, d.Op(0), func() error { return f.Truncate(int64(size)) })
}
