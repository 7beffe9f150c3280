package wasip2

import (
	"math"
	"syscall"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// fileFunctions are the methods of descriptor for files.
func fileFunctions() []component.Function {
	return []component.Function{
		function("[method]descriptor.read-via-stream", "func(self: borrow<descriptor>, offset: filesize) -> result<input-stream, error-code>", readViaStream),
		function("[method]descriptor.write-via-stream", "func(self: borrow<descriptor>, offset: filesize) -> result<output-stream, error-code>", writeViaStream),
		function("[method]descriptor.append-via-stream", "func(self: borrow<descriptor>) -> result<output-stream, error-code>", appendViaStream),
		function("[method]descriptor.advise", "func(self: borrow<descriptor>, offset: filesize, length: filesize, advice: advice) -> result<_, error-code>", advise),
		function("[method]descriptor.set-size", "func(self: borrow<descriptor>, size: filesize) -> result<_, error-code>", setSize),
		function("[method]descriptor.read", "func(self: borrow<descriptor>, length: filesize, offset: filesize) -> result<tuple<list<u8>, bool>, error-code>", readAt),
		function("[method]descriptor.write", "func(self: borrow<descriptor>, buffer: list<u8>, offset: filesize) -> result<filesize, error-code>", writeAt),
	}
}

// readPiece reads up to n bytes of a file at an offset, at most maxPiece, into a buffer, which is the caller's.
func (c call) readPiece(f *node, n uint32, at int64) (files.Buffer, int, error) {
	var buf files.Buffer // borrowed when the job runs, not while it is queued
	var got int
	var err error
	revoked := c.grants.Folders.Do(c.hostcall(), f.grant.Lease(), f.op(n), func() {
		buf = files.Borrow(n)
		got, err = f.file.ReadAt(buf.Bytes, at)
	}, func() { buf.GiveBack() })
	if revoked != nil {
		return files.Buffer{}, 0, revoked
	}
	if err != nil {
		buf.GiveBack()
		return files.Buffer{}, 0, err
	}
	c.Charge(copyCost(got))
	return buf, got, nil
}

// writeJob writes bytes, at most maxPiece, to a file on the blocking pool. They are copied first, since the job may outlive the
// component and its memory.
func (c call) writeJob(f *node, p []byte, write func(p []byte) (int, error)) (int, error) {
	buf := files.Borrow(uint32(len(p)))
	copy(buf.Bytes, p)
	var n int
	var err error
	revoked := c.grants.Folders.Do(c.hostcall(), f.grant.Lease(), f.op(uint32(len(p))),
		func() { n, err = write(buf.Bytes) }, func() { buf.GiveBack() })
	if revoked != nil {
		return 0, revoked
	}
	buf.GiveBack()
	return n, err
}

// readAt: [method]descriptor.read. It reads one piece; a component that wants more calls again.
func readAt(c call) {
	d, n, at := c.descriptor(), c.Args.U64(), c.Args.U64()
	err := d.readable()
	if err == nil && at > math.MaxInt64 {
		err = syscall.EINVAL
	}
	var buf files.Buffer
	var got int
	if err == nil && n > 0 {
		buf, got, err = c.readPiece(d.node, uint32(min(n, maxPiece)), int64(at))
	}
	if c.fsFailed(err) {
		return
	}
	c.Results.OK()
	out := c.Results.Record()
	out.Bytes(buf.Bytes[:got])
	out.Bool(n > 0 && got == 0)
	buf.GiveBack()
}

// writeAt: [method]descriptor.write. It writes one piece, and returns how much that was.
func writeAt(c call) {
	d, p, at := c.descriptor(), c.Args.Bytes(), c.Args.U64()
	f, err := d.writable()
	if err == nil && at > math.MaxInt64 {
		err = syscall.EINVAL
	}
	n := 0
	if err == nil && len(p) > 0 {
		n, err = c.writeJob(d.node, p[:min(len(p), maxPiece)], func(p []byte) (int, error) { return f.WriteAt(p, int64(at)) })
	}
	if !c.fsFailed(err) {
		c.Results.OK()
		c.Results.U64(uint64(n))
	}
}

// advise: [method]descriptor.advise.
func advise(c call) {
	d, at, n := c.descriptor(), c.Args.U64(), c.Args.U64()
	advice := vfs.Advice(c.Args.Enum()) // the order is the same
	f, err := d.regular()
	if err == nil {
		err = c.do(d.node, d.op(0), func() error { return f.Advise(int64(at), int64(n), advice) })
	}
	c.done(err)
}

// setSize: [method]descriptor.set-size.
func setSize(c call) {
	d, size := c.descriptor(), c.Args.U64()
	f, err := d.writable()
	if err == nil && size > math.MaxInt64 {
		err = syscall.EFBIG
	}
	if err == nil {
		err = c.do(d.node, d.op(0), func() error { return f.Truncate(int64(size)) })
	}
	c.done(err)
}
