package wasip2

import (
	"math"
	"syscall"
	"time"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// nodeFunctions are the methods of descriptor for files and folders alike, and the function on errors.
func nodeFunctions() []component.Function {
	return []component.Function{
		function("[method]descriptor.sync-data", "func(self: borrow<descriptor>) -> result<_, error-code>", func(c call) {
			c.done(c.descriptor().SyncData(c.Call))
		}),
		function("[method]descriptor.sync", "func(self: borrow<descriptor>) -> result<_, error-code>", func(c call) {
			c.done(c.descriptor().Sync(c.Call))
		}),
		function("[method]descriptor.get-flags", "func(self: borrow<descriptor>) -> result<descriptor-flags, error-code>", func(c call) {
			d := c.descriptor()
			if !c.fsFailed(d.Usable()) {
				c.Results.OK()
				c.Results.Flags(d.Flags)
			}
		}),
		function("[method]descriptor.get-type", "func(self: borrow<descriptor>) -> result<descriptor-type, error-code>", func(c call) {
			d := c.descriptor()
			if !c.fsFailed(d.Usable()) {
				c.Results.OK()
				c.Results.Enum(typeOf(d.Type()))
			}
		}),
		function("[method]descriptor.set-times",
			"func(self: borrow<descriptor>, data-access-timestamp: new-timestamp, data-modification-timestamp: new-timestamp) -> result<_, error-code>", setTimes),
		function("[method]descriptor.stat", "func(self: borrow<descriptor>) -> result<descriptor-stat, error-code>", func(c call) {
			s, err := c.descriptor().Stat(c.Call)
			c.putStat(s, err)
		}),
		function("[method]descriptor.is-same-object", "func(self: borrow<descriptor>, other: borrow<descriptor>) -> bool", isSameObject),
		function("[method]descriptor.metadata-hash", "func(self: borrow<descriptor>) -> result<metadata-hash-value, error-code>", func(c call) {
			s, err := c.descriptor().Stat(c.Call)
			c.putHash(s, err)
		}),
		function("filesystem-error-code", "func(err: borrow<error>) -> option<error-code>", filesystemErrorCode),
	}
}

// descriptor reads a handle of a descriptor.
func (c call) descriptor() *wasi.Descriptor { return c.descriptors.Get(c.Args.Borrow()) }

// The cases of descriptor-type.
const (
	typeUnknown = iota
	typeBlockDevice
	typeCharacterDevice
	typeDirectory
	typeFIFO
	typeSymbolicLink
	typeRegularFile
	typeSocket
)

// typeOf returns the descriptor-type of a type.
func typeOf(t vfs.Type) int {
	switch t {
	case vfs.Regular:
		return typeRegularFile
	case vfs.Folder:
		return typeDirectory
	case vfs.Symlink:
		return typeSymbolicLink
	case vfs.BlockDevice:
		return typeBlockDevice
	case vfs.CharDevice:
		return typeCharacterDevice
	case vfs.FIFO:
		return typeFIFO
	case vfs.Socket:
		return typeSocket
	default:
		return typeUnknown
	}
}

// putStat writes a descriptor-stat, or an error.
func (c call) putStat(s vfs.Stat, err error) {
	if c.fsFailed(err) {
		return
	}
	c.Results.OK()
	out := c.Results.Record()
	out.Enum(typeOf(s.Type))
	out.U64(s.Nlink)
	out.U64(uint64(s.Size))
	for _, t := range [...]int64{s.Atime, s.Mtime, s.Ctime} {
		if t < 0 { // a datetime can't be before 1970
			out.None()
			continue
		}
		out.Some()
		putTime(out, time.Unix(0, t))
	}
}

// putTime writes a datetime, which is not before 1970.
func putTime(w *cabi.Writer, t time.Time) {
	out := w.Record()
	out.U64(uint64(max(t.Unix(), 0)))
	out.U32(uint32(t.Nanosecond()))
}

// putHash writes a metadata-hash-value, or an error.
func (c call) putHash(s vfs.Stat, err error) {
	if c.fsFailed(err) {
		return
	}
	c.Results.OK()
	out := c.Results.Record()
	for _, half := range c.Node.Hash(s) {
		out.U64(half)
	}
}

// isSameObject: [method]descriptor.is-same-object.
func isSameObject(c call) {
	d := c.descriptor()
	c.Results.Bool(d.IsSameObject(c.Call, c.descriptor()))
}

// The cases of new-timestamp.
const (
	noChange = iota
	timeNow
	timestamp
)

// newTime reads a new-timestamp. The error is that of a time that does not exist.
func newTime(r *cabi.Reader) (vfs.Time, error) {
	switch r.Variant() {
	case noChange:
		return vfs.Time{}, nil
	case timeNow:
		return vfs.Now(), nil
	}
	at := r.Record()
	seconds, nanoseconds := at.U64(), at.U32()
	if seconds > math.MaxInt64 || nanoseconds >= uint32(time.Second) {
		return vfs.Time{}, syscall.EINVAL
	}
	return vfs.At(time.Unix(int64(seconds), int64(nanoseconds))), nil
}

// newTimes reads two of them.
func newTimes(r *cabi.Reader) (atime, mtime vfs.Time, err error) {
	atime, errA := newTime(r)
	mtime, errM := newTime(r)
	if errA != nil {
		return atime, mtime, errA
	}
	return atime, mtime, errM
}

// setTimes: [method]descriptor.set-times.
func setTimes(c call) {
	d := c.descriptor()
	atime, mtime, err := newTimes(&c.Args)
	if err == nil {
		err = d.SetTimes(c.Call, atime, mtime)
	}
	c.done(err)
}

// filesystemErrorCode: filesystem-error-code. Errors of streams that are none of files have no code.
func filesystemErrorCode(c call) {
	e := c.errors.Get(c.Args.Borrow())
	if !e.ofFile {
		c.Results.None()
		return
	}
	c.Results.Some()
	c.Results.Enum(int(wasi.FileCodeOf(e.err)))
}
