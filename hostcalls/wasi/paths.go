package wasi

import (
	"errors"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// onFolder runs an operation on a path in a folder on the blocking pool. The results of one that fails are not there.
func (d *Descriptor) onFolder(c *component.Call, path string, operation func(*vfs.Dir) error) error {
	dir, err := d.folder()
	if err != nil {
		return err
	}
	shown := files.Beneath(d.path, path)
	err = d.do(c, files.Op(shown, 0), func() error { return operation(dir) })
	if errors.Is(err, vfs.ErrEscapes) {
		d.host.Grants.Folders.Outside(shown)
	}
	return err
}

// CreateDirectoryAt makes a folder.
func (d *Descriptor) CreateDirectoryAt(c *component.Call, path string) error {
	return d.onFolder(c, path, func(dir *vfs.Dir) error { return dir.Mkdir(path) })
}

// RemoveDirectoryAt removes an empty folder. A link to one is none, but one that leads out of the folder is told as such if the
// path ends with a slash.
func (d *Descriptor) RemoveDirectoryAt(c *component.Call, path string) error {
	return d.onFolder(c, path, func(dir *vfs.Dir) error {
		err := dir.Rmdir(path)
		if errors.Is(err, syscall.ENOTDIR) && strings.HasSuffix(path, "/") {
			if _, found := dir.Lstat(path, true); errors.Is(found, vfs.ErrEscapes) {
				return found
			}
		}
		return err
	})
}

// UnlinkFileAt removes a name that is no folder's.
func (d *Descriptor) UnlinkFileAt(c *component.Call, path string) error {
	return d.onFolder(c, path, func(dir *vfs.Dir) error { return dir.Unlink(path) })
}

// StatAt returns the attributes of a path.
func (d *Descriptor) StatAt(c *component.Call, follow bool, path string) (vfs.Stat, error) {
	var found vfs.Stat // of the job, which may outlive the call
	err := d.onFolder(c, path, func(dir *vfs.Dir) (err error) {
		found, err = dir.Lstat(path, follow)
		return err
	})
	if err != nil {
		return vfs.Stat{}, err
	}
	return found, nil
}

// SetTimesAt sets the times of a path.
func (d *Descriptor) SetTimesAt(c *component.Call, follow bool, path string, atime, mtime vfs.Time) error {
	return d.onFolder(c, path, func(dir *vfs.Dir) error { return dir.SetTimesOf(path, follow, atime, mtime) })
}

// LinkAt makes another name of a file. A link at the old path is not followed, and can't be.
func (d *Descriptor) LinkAt(c *component.Call, follow bool, path string, to *Descriptor, newPath string) error {
	dir, err := to.folder()
	switch {
	case err != nil:
		return err
	case follow:
		return syscall.EINVAL
	}
	return d.onFolder(c, path, func(old *vfs.Dir) error { return old.Link(path, dir, newPath) })
}

// RenameAt gives a file or folder another name.
func (d *Descriptor) RenameAt(c *component.Call, path string, to *Descriptor, newPath string) error {
	dir, err := to.folder()
	if err != nil {
		return err
	}
	return d.onFolder(c, path, func(old *vfs.Dir) error { return old.Rename(path, dir, newPath) })
}

// SymlinkAt makes a symbolic link.
func (d *Descriptor) SymlinkAt(c *component.Call, target, path string) error {
	dir, err := d.folder()
	if err != nil {
		return err
	}
	return d.do(c, files.Op(files.Beneath(d.path, path), 0), func() error { return dir.Symlink(target, path) })
}

// ReadlinkAt returns where a symbolic link leads.
func (d *Descriptor) ReadlinkAt(c *component.Call, path string) (string, error) {
	var found string // of the job, which may outlive the call
	err := d.onFolder(c, path, func(dir *vfs.Dir) (err error) {
		found, err = dir.Readlink(path)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case found != "" && found[0] == '/':
		return "", syscall.EPERM
	case !utf8.ValidString(found):
		return "", syscall.EILSEQ
	}
	return found, nil
}

// OpenAt opens a path.
func (d *Descriptor) OpenAt(c *component.Call, follow bool, path string, how, flags uint32) (*Descriptor, error) {
	e, err := d.open(c, path, vfs.How{
		Read: flags&FlagRead != 0, Write: flags&FlagWrite != 0, Follow: follow,
		Folder: how&OpenDirectory != 0, Create: how&OpenCreate != 0, Exclusive: how&OpenExclusive != 0, Truncate: how&OpenTruncate != 0,
		Sync: flags&(FlagFileSync|FlagRequestedSync) != 0, DataSync: flags&FlagDataSync != 0,
	})
	if err != nil {
		return nil, err
	}
	if e.dir != nil {
		flags |= FlagRead | d.Flags&FlagMutateDirectory // what changes in it is decided by the grant
	}
	return &Descriptor{Entity: e, Flags: flags}, nil
}

// open opens a path.
func (d *Descriptor) open(c *component.Call, path string, how vfs.How) (*Entity, error) {
	h := d.host
	if h.Handles.Full() {
		h.RefuseDescriptor(c)
		return nil, syscall.EMFILE
	}
	dir, err := d.folder()
	if err != nil {
		return nil, err
	}
	shown := files.Beneath(d.path, path)
	var node vfs.Node
	revoked := h.Grants.Folders.Do(c.Waits(), d.grant.Lease(), files.Op(shown, 0),
		func() { node, err = dir.Open(path, how) },
		func() {
			if node != nil {
				_ = node.Close()
			}
		})
	if revoked != nil {
		return nil, revoked
	}
	if err != nil {
		if errors.Is(err, vfs.ErrEscapes) {
			h.Grants.Folders.Outside(shown)
		}
		return nil, err
	}
	e, err := h.opened(node, shown, d.grant.Lease())
	if err != nil {
		h.Grants.Folders.Close(c.Waits(), shown, node, func() {})
	}
	return e, err
}
