package wasip2

import (
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// pathFunctions are the methods of descriptor for paths below a folder.
func pathFunctions() []component.Function {
	const times = "data-access-timestamp: new-timestamp, data-modification-timestamp: new-timestamp"
	return []component.Function{
		function("[method]descriptor.create-directory-at", "func(self: borrow<descriptor>, path: string) -> result<_, error-code>",
			func(c call) { c.onPath((*wasi.Descriptor).CreateDirectoryAt) }),
		function("[method]descriptor.remove-directory-at", "func(self: borrow<descriptor>, path: string) -> result<_, error-code>",
			func(c call) { c.onPath((*wasi.Descriptor).RemoveDirectoryAt) }),
		function("[method]descriptor.unlink-file-at", "func(self: borrow<descriptor>, path: string) -> result<_, error-code>",
			func(c call) { c.onPath((*wasi.Descriptor).UnlinkFileAt) }),
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

// onPath answers a method whose only argument is a path.
func (c call) onPath(operation func(*wasi.Descriptor, *component.Call, string) error) {
	d := c.descriptor()
	c.done(operation(d, c.Call, c.Args.String()))
}

// follow reads path-flags.
func (c call) follow() bool { return c.Args.Flags()&wasi.FlagFollow != 0 }

// statAt reads the arguments of stat-at, and returns the attributes of the path.
func (c call) statAt() (vfs.Stat, error) {
	d, follow := c.descriptor(), c.follow()
	return d.StatAt(c.Call, follow, c.Args.String())
}

// setTimesAt: [method]descriptor.set-times-at.
func setTimesAt(c call) {
	d, follow, path := c.descriptor(), c.follow(), c.Args.String()
	atime, mtime, err := newTimes(&c.Args)
	if err == nil {
		err = d.SetTimesAt(c.Call, follow, path, atime, mtime)
	}
	c.done(err)
}

// linkAt: [method]descriptor.link-at.
func linkAt(c call) {
	from, follow, path := c.descriptor(), c.follow(), c.Args.String()
	to := c.descriptor()
	c.done(from.LinkAt(c.Call, follow, path, to, c.Args.String()))
}

// renameAt: [method]descriptor.rename-at.
func renameAt(c call) {
	from, path := c.descriptor(), c.Args.String()
	to := c.descriptor()
	c.done(from.RenameAt(c.Call, path, to, c.Args.String()))
}

// symlinkAt: [method]descriptor.symlink-at.
func symlinkAt(c call) {
	d, target := c.descriptor(), c.Args.String()
	c.done(d.SymlinkAt(c.Call, target, c.Args.String()))
}

// readlinkAt: [method]descriptor.readlink-at.
func readlinkAt(c call) {
	d := c.descriptor()
	found, err := d.ReadlinkAt(c.Call, c.Args.String())
	if !c.fsFailed(err) {
		c.Results.OK()
		c.Results.String(found)
	}
}

// openAt: [method]descriptor.open-at.
func openAt(c call) {
	d, follow, path := c.descriptor(), c.follow(), c.Args.String()
	how, flags := c.Args.Flags(), c.Args.Flags()
	opened, err := d.OpenAt(c.Call, follow, path, how, flags)
	if c.fsFailed(err) {
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.descriptors, opened, nil))
}
