package wasip3

import (
	"slices"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func filesystemTypes() component.Interface {
	return component.Interface{
		Name: "wasi:filesystem/types", Version: version,
		Types:     filesystemText,
		Functions: slices.Concat(streamFunctions(), nodeFunctions(), pathFunctions()),
		Resources: []component.Resource{
			resource("descriptor", func(h *host) *component.Objects[*wasi.Descriptor] { return &h.descriptors }),
		},
	}
}

const filesystemText = `
	use wasi:clocks/system-clock.{instant};
	type filesize = u64;
	variant descriptor-type {
		block-device, character-device, directory, fifo, symbolic-link, regular-file, socket, other(option<string>),
	}
	flags descriptor-flags {
		read, write, file-integrity-sync, data-integrity-sync, requested-write-sync, mutate-directory,
	}
	flags path-flags { symlink-follow }
	flags open-flags { create, directory, exclusive, truncate }
	type link-count = u64;
	record descriptor-stat {
		%type: descriptor-type,
		link-count: link-count,
		size: filesize,
		data-access-timestamp: option<instant>,
		data-modification-timestamp: option<instant>,
		status-change-timestamp: option<instant>,
	}
	variant new-timestamp { no-change, now, timestamp(instant) }
	record directory-entry { %type: descriptor-type, name: string }
	variant error-code {
		access, already, bad-descriptor, busy, deadlock, quota, exist, file-too-large, illegal-byte-sequence,
		in-progress, interrupted, invalid, io, is-directory, loop, too-many-links, message-size, name-too-long, no-device,
		no-entry, no-lock, insufficient-memory, insufficient-space, not-directory, not-empty, not-recoverable, unsupported,
		no-tty, no-such-device, overflow, not-permitted, pipe, read-only, invalid-seek, text-file-busy, cross-device,
		other(option<string>),
	}
	enum advice { normal, sequential, random, will-need, dont-need, no-reuse }
	record metadata-hash-value { lower: u64, upper: u64 }
	resource descriptor;
`

func filesystemPreopens() component.Interface {
	return component.Interface{
		Name: "wasi:filesystem/preopens", Version: version,
		Types: `use wasi:filesystem/types.{descriptor};`,
		Functions: []component.Function{
			// Each call gives handles of their own, of the same folders.
			function("get-directories", "func() -> list<tuple<descriptor, string>>", func(c call) {
				list := c.Results.List(len(c.Preopens))
				for _, p := range c.Preopens {
					pair := list.Record()
					pair.Own(give(c, &c.descriptors, p.Descriptor()))
					pair.String(p.Name)
				}
			}),
		},
	}
}

// descriptor reads a handle of a descriptor.
func (c call) descriptor() *wasi.Descriptor { return c.descriptors.Get(c.Args.Borrow()) }

// method makes an asynchronous method of descriptor, of its parameters and its result.
func method(name, params, result string, body func(c call, d *wasi.Descriptor)) component.Function {
	if params != "" {
		params = ", " + params
	}
	return function("[method]descriptor."+name, "async func(self: borrow<descriptor>"+params+") -> "+result, func(c call) { body(c, c.descriptor()) })
}

const nothing = "result<_, error-code>"

func nodeFunctions() []component.Function {
	return []component.Function{
		method("advise", "offset: filesize, length: filesize, advice: advice", nothing, func(c call, d *wasi.Descriptor) {
			at, n := c.Args.U64(), c.Args.U64()
			c.done(d.Advise(c.Call, at, n, vfs.Advice(c.Args.Enum()))) // the order is the same
		}),
		method("sync-data", "", nothing, func(c call, d *wasi.Descriptor) { c.done(d.SyncData(c.Call)) }),
		method("sync", "", nothing, func(c call, d *wasi.Descriptor) { c.done(d.Sync(c.Call)) }),
		method("get-flags", "", "result<descriptor-flags, error-code>", func(c call, d *wasi.Descriptor) {
			if !c.failed(d.Usable()) {
				c.Results.OK()
				c.Results.Flags(d.Flags)
			}
		}),
		method("get-type", "", "result<descriptor-type, error-code>", func(c call, d *wasi.Descriptor) {
			if !c.failed(d.Usable()) {
				c.Results.OK()
				putType(&c.Results, d.Type())
			}
		}),
		method("set-size", "size: filesize", nothing, func(c call, d *wasi.Descriptor) { c.done(d.SetSize(c.Call, c.Args.U64())) }),
		method("set-times", times, nothing, func(c call, d *wasi.Descriptor) {
			atime, mtime, err := newTimes(&c.Args)
			if err == nil {
				err = d.SetTimes(c.Call, atime, mtime)
			}
			c.done(err)
		}),
		method("stat", "", "result<descriptor-stat, error-code>", func(c call, d *wasi.Descriptor) {
			s, err := d.Stat(c.Call)
			c.putStat(s, err)
		}),
		method("is-same-object", "other: borrow<descriptor>", "bool", func(c call, d *wasi.Descriptor) {
			c.Results.Bool(d.IsSameObject(c.Call, c.descriptor()))
		}),
		method("metadata-hash", "", "result<metadata-hash-value, error-code>", func(c call, d *wasi.Descriptor) {
			s, err := d.Stat(c.Call)
			c.putHash(s, err)
		}),
	}
}

const times = "data-access-timestamp: new-timestamp, data-modification-timestamp: new-timestamp"

func pathFunctions() []component.Function {
	const at = "path-flags: path-flags, path: string"
	return []component.Function{
		onPath("create-directory-at", (*wasi.Descriptor).CreateDirectoryAt),
		onPath("remove-directory-at", (*wasi.Descriptor).RemoveDirectoryAt),
		onPath("unlink-file-at", (*wasi.Descriptor).UnlinkFileAt),
		method("stat-at", at, "result<descriptor-stat, error-code>", func(c call, d *wasi.Descriptor) {
			follow := c.follow()
			s, err := d.StatAt(c.Call, follow, c.Args.String())
			c.putStat(s, err)
		}),
		method("metadata-hash-at", at, "result<metadata-hash-value, error-code>", func(c call, d *wasi.Descriptor) {
			follow := c.follow()
			s, err := d.StatAt(c.Call, follow, c.Args.String())
			c.putHash(s, err)
		}),
		method("set-times-at", at+", "+times, nothing, func(c call, d *wasi.Descriptor) {
			follow, path := c.follow(), c.Args.String()
			atime, mtime, err := newTimes(&c.Args)
			if err == nil {
				err = d.SetTimesAt(c.Call, follow, path, atime, mtime)
			}
			c.done(err)
		}),
		method("link-at", "old-path-flags: path-flags, old-path: string, new-descriptor: borrow<descriptor>, new-path: string", nothing,
			func(c call, d *wasi.Descriptor) {
				follow, path := c.follow(), c.Args.String()
				to := c.descriptor()
				c.done(d.LinkAt(c.Call, follow, path, to, c.Args.String()))
			}),
		method("rename-at", "old-path: string, new-descriptor: borrow<descriptor>, new-path: string", nothing, func(c call, d *wasi.Descriptor) {
			path := c.Args.String()
			to := c.descriptor()
			c.done(d.RenameAt(c.Call, path, to, c.Args.String()))
		}),
		method("symlink-at", "old-path: string, new-path: string", nothing, func(c call, d *wasi.Descriptor) {
			target := c.Args.String()
			c.done(d.SymlinkAt(c.Call, target, c.Args.String()))
		}),
		method("readlink-at", "path: string", "result<string, error-code>", func(c call, d *wasi.Descriptor) {
			found, err := d.ReadlinkAt(c.Call, c.Args.String())
			if !c.failed(err) {
				c.Results.OK()
				c.Results.String(found)
			}
		}),
		method("open-at", at+", open-flags: open-flags, %flags: descriptor-flags", "result<descriptor, error-code>", func(c call, d *wasi.Descriptor) {
			follow, path := c.follow(), c.Args.String()
			how, flags := c.Args.Flags(), c.Args.Flags()
			opened, err := d.OpenAt(c.Call, follow, path, how, openFlags(how, flags))
			if c.failed(err) {
				return
			}
			if opened.IsFolder() {
				opened.Flags = wasi.FlagRead | flags&d.Flags&wasi.FlagMutateDirectory // what changes in it is decided by the grant
			}
			c.Results.OK()
			c.Results.Own(give(c, &c.descriptors, opened))
		}),
	}
}

// openFlags are the descriptor-flags with which open-at opens: what is opened for nothing is opened for reading, and what may be
// created is opened for writing.
func openFlags(how, flags uint32) uint32 {
	if flags&(wasi.FlagRead|wasi.FlagWrite) == 0 {
		flags |= wasi.FlagRead
	}
	if how&wasi.OpenCreate != 0 {
		flags |= wasi.FlagWrite
	}
	return flags
}

// onPath makes a method whose only argument is a path.
func onPath(name string, operation func(*wasi.Descriptor, *component.Call, string) error) component.Function {
	return method(name, "path: string", nothing, func(c call, d *wasi.Descriptor) { c.done(operation(d, c.Call, c.Args.String())) })
}

// follow reads path-flags.
func (c call) follow() bool { return c.Args.Flags()&wasi.FlagFollow != 0 }
