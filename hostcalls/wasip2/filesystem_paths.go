package wasip2

import (
	"errors"
	"syscall"
	"unicode/utf8"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// pathFunctions are the methods of descriptor for paths below a folder.
func pathFunctions() []component.Function {
	const times = "data-access-timestamp: new-timestamp, data-modification-timestamp: new-timestamp"
	return []component.Function{
		function("[method]descriptor.create-directory-at", "func(self: borrow<descriptor>, path: string) -> result<_, error-code>",
			func(c call) { c.onPath((*vfs.Dir).Mkdir) }),
		function("[method]descriptor.remove-directory-at", "func(self: borrow<descriptor>, path: string) -> result<_, error-code>",
			func(c call) { c.onPath((*vfs.Dir).Rmdir) }),
		function("[method]descriptor.unlink-file-at", "func(self: borrow<descriptor>, path: string) -> result<_, error-code>",
			func(c call) { c.onPath((*vfs.Dir).Unlink) }),
		function("[method]descriptor.stat-at", "func(self: borrow<descriptor>, path-flags: path-flags, path: string) -> result<descriptor-stat, error-code>",
			func(c call) { c.putStat(c.statAt()) }),
		function("[method]descriptor.metadata-hash-at", "func(self: borrow<descriptor>, path-flags: path-flags, path: string) -> result<metadata-hash-value, error-code>",
			func(c call) { c.putHash(c.statAt()) }),
		function("[method]descriptor.set-times-at",
			"func(self: borrow<descriptor>, path-flags: path-flags, path: string, "+times+") -> result<_, error-code>", setTimesAt),
		function("[method]descriptor.link-at",
			"func(self: borrow<descriptor>, old-path-flags: path-flags, old-path: string, new-descriptor: borrow<descriptor>, new-path: string) -> result<_, error-code>", linkAt),
		function("[method]descriptor.rename-at",
			"func(self: borrow<descriptor>, old-path: string, new-descriptor: borrow<descriptor>, new-path: string) -> result<_, error-code>", renameAt),
		function("[method]descriptor.symlink-at", "func(self: borrow<descriptor>, old-path: string, new-path: string) -> result<_, error-code>", symlinkAt),
		function("[method]descriptor.readlink-at", "func(self: borrow<descriptor>, path: string) -> result<string, error-code>", readlinkAt),
		function("[method]descriptor.open-at",
			"func(self: borrow<descriptor>, path-flags: path-flags, path: string, open-flags: open-flags, %flags: descriptor-flags) -> result<descriptor, error-code>", openAt),
	}
}

// onFolder runs an operation on a path in a folder on the blocking pool. The results of one that fails are not there.
func (c call) onFolder(d *descriptor, path string, operation func(*vfs.Dir) error) error {
	dir, err := d.folder()
	if err != nil {
		return err
	}
	shown := files.Beneath(d.path, path)
	err = c.do(d.node, files.Op(shown, 0), func() error { return operation(dir) })
	if errors.Is(err, vfs.ErrEscapes) {
		c.grants.Folders.Outside(shown)
	}
	return err
}

// onPath answers a method whose only argument is a path.
func (c call) onPath(operation func(*vfs.Dir, string) error) {
	d, path := c.descriptor(), c.Args.String()
	c.done(c.onFolder(d, path, func(dir *vfs.Dir) error { return operation(dir, path) }))
}

// statAt reads the arguments of stat-at, and returns the attributes of the path.
func (c call) statAt() (s vfs.Stat, err error) {
	d, follow, path := c.descriptor(), c.Args.Flags()&flagFollow != 0, c.Args.String()
	var found vfs.Stat // of the job, which may outlive the call
	err = c.onFolder(d, path, func(dir *vfs.Dir) (err error) {
		found, err = dir.Lstat(path, follow)
		return err
	})
	if err != nil {
		return s, err
	}
	return found, nil
}

// setTimesAt: [method]descriptor.set-times-at.
func setTimesAt(c call) {
	d, follow, path := c.descriptor(), c.Args.Flags()&flagFollow != 0, c.Args.String()
	atime, mtime, err := newTimes(&c.Args)
	if err == nil {
		err = c.onFolder(d, path, func(dir *vfs.Dir) error { return dir.SetTimesOf(path, follow, atime, mtime) })
	}
	c.done(err)
}

// linkAt: [method]descriptor.link-at. A link at the old path is not followed.
func linkAt(c call) {
	from, flags, path := c.descriptor(), c.Args.Flags(), c.Args.String()
	to, newPath := c.descriptor(), c.Args.String()
	dir, err := to.folder()
	if err == nil && flags&flagFollow != 0 {
		err = syscall.EINVAL
	}
	if err == nil {
		err = c.onFolder(from, path, func(old *vfs.Dir) error { return old.Link(path, dir, newPath) })
	}
	c.done(err)
}

// renameAt: [method]descriptor.rename-at.
func renameAt(c call) {
	from, path := c.descriptor(), c.Args.String()
	to, newPath := c.descriptor(), c.Args.String()
	dir, err := to.folder()
	if err == nil {
		err = c.onFolder(from, path, func(old *vfs.Dir) error { return old.Rename(path, dir, newPath) })
	}
	c.done(err)
}

// symlinkAt: [method]descriptor.symlink-at.
func symlinkAt(c call) {
	d, target, path := c.descriptor(), c.Args.String(), c.Args.String()
	dir, err := d.folder()
	if err == nil {
		err = c.do(d.node, files.Op(files.Beneath(d.path, path), 0), func() error { return dir.Symlink(target, path) })
	}
	c.done(err)
}

// readlinkAt: [method]descriptor.readlink-at.
func readlinkAt(c call) {
	d, path := c.descriptor(), c.Args.String()
	var found string // of the job, which may outlive the call
	err := c.onFolder(d, path, func(dir *vfs.Dir) (err error) {
		found, err = dir.Readlink(path)
		return err
	})
	switch {
	case err != nil:
	case found != "" && found[0] == '/':
		err = syscall.EPERM
	case !utf8.ValidString(found):
		err = syscall.EILSEQ
	}
	if !c.fsFailed(err) {
		c.Results.OK()
		c.Results.String(found)
	}
}

// openAt: [method]descriptor.open-at.
func openAt(c call) {
	d, follow, path := c.descriptor(), c.Args.Flags()&flagFollow != 0, c.Args.String()
	how, flags := c.Args.Flags(), c.Args.Flags()
	n, err := c.openNode(d, path, vfs.How{
		Read: flags&flagRead != 0, Write: flags&flagWrite != 0, Follow: follow,
		Folder: how&openDirectory != 0, Create: how&openCreate != 0, Exclusive: how&openExclusive != 0, Truncate: how&openTruncate != 0,
		Sync: flags&(flagFileSync|flagRequestedSync) != 0, DataSync: flags&flagDataSync != 0,
	})
	if c.fsFailed(err) {
		return
	}
	if n.dir != nil {
		flags |= flagRead | d.flags&flagMutateDirectory // what changes in it is decided by the grant
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.descriptors, &descriptor{node: n, flags: flags}, nil))
}

// openNode opens a path.
func (c call) openNode(d *descriptor, path string, how vfs.How) (*node, error) {
	if c.handles.full() {
		c.refuseDescriptor()
		return nil, syscall.EMFILE
	}
	dir, err := d.folder()
	if err != nil {
		return nil, err
	}
	shown := files.Beneath(d.path, path)
	var entity vfs.Node
	revoked := c.grants.Folders.Do(c.hostcall(), d.grant.Lease(), files.Op(shown, 0),
		func() { entity, err = dir.Open(path, how) },
		func() {
			if entity != nil {
				_ = entity.Close()
			}
		})
	if revoked != nil {
		return nil, revoked
	}
	if err != nil {
		if errors.Is(err, vfs.ErrEscapes) {
			c.grants.Folders.Outside(shown)
		}
		return nil, err
	}
	n, err := c.opened(entity, shown, d.grant.Lease())
	if err != nil {
		c.grants.Folders.Close(c.hostcall(), shown, entity, func() {})
	}
	return n, err
}
