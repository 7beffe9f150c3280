package wasip3

import (
	"errors"
	"syscall"
	"time"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// done writes the result of an operation on files that has no value.
func (c call) done(err error) {
	if !c.failed(err) {
		c.Results.OK()
	}
}

// failed writes an error, if there is one, as the result of an operation on files.
func (c call) failed(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		c.Handles.Shortage()
	}
	c.Results.Err()
	putFileCode(&c.Results, err)
	return true
}

// otherCode is the case of error-code that is none of 0.2.
const otherCode = int(wasi.FileCrossDevice)

// putFileCode writes an error-code, whose cases are those of 0.2 without would-block.
func putFileCode(w *cabi.Writer, err error) {
	switch code := wasi.FileCodeOf(err); {
	case code == wasi.FileWouldBlock:
		w.Variant(otherCode)
		w.None()
	case code > wasi.FileWouldBlock:
		w.Variant(int(code) - 1)
	default:
		w.Variant(int(code))
	}
}

// putType writes a descriptor-type.
func putType(w *cabi.Writer, t vfs.Type) {
	const (
		blockDevice = iota
		characterDevice
		directory
		fifo
		symbolicLink
		regularFile
		socket
		other
	)
	switch t {
	case vfs.Regular:
		w.Variant(regularFile)
	case vfs.Folder:
		w.Variant(directory)
	case vfs.Symlink:
		w.Variant(symbolicLink)
	case vfs.BlockDevice:
		w.Variant(blockDevice)
	case vfs.CharDevice:
		w.Variant(characterDevice)
	case vfs.FIFO:
		w.Variant(fifo)
	case vfs.Socket:
		w.Variant(socket)
	default:
		w.Variant(other)
		w.None()
	}
}

// putStat writes a descriptor-stat, or an error.
func (c call) putStat(s vfs.Stat, err error) {
	if c.failed(err) {
		return
	}
	c.Results.OK()
	out := c.Results.Record()
	putType(out, s.Type)
	out.U64(s.Nlink)
	out.U64(uint64(s.Size))
	for _, t := range [...]int64{s.Atime, s.Mtime, s.Ctime} {
		out.Some()
		putTime(out, time.Unix(0, t))
	}
}

// putHash writes a metadata-hash-value, or an error.
func (c call) putHash(s vfs.Stat, err error) {
	if c.failed(err) {
		return
	}
	c.Results.OK()
	out := c.Results.Record()
	for _, half := range c.Node.Hash(s) {
		out.U64(half)
	}
}

// newTime reads a new-timestamp. The error is that of a time that does not exist.
func newTime(r *cabi.Reader) (vfs.Time, error) {
	const (
		noChange = iota
		timeNow
	)
	switch r.Variant() {
	case noChange:
		return vfs.Time{}, nil
	case timeNow:
		return vfs.Now(), nil
	}
	at := r.Record()
	seconds, nanoseconds := at.S64(), at.U32()
	if nanoseconds >= uint32(time.Second) {
		return vfs.Time{}, syscall.EINVAL
	}
	return vfs.At(time.Unix(seconds, int64(nanoseconds))), nil
}

// newTimes reads two of them.
func newTimes(r *cabi.Reader) (atime, mtime vfs.Time, err error) {
	atime, errA := newTime(r)
	mtime, errM := newTime(r)
	return atime, mtime, errors.Join(errA, errM)
}
