package wasip2

import (
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/hostcalls/wasi"
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

// readAt: [method]descriptor.read. It reads one piece; a component that wants more calls again.
func readAt(c call) {
	d, n, at := c.descriptor(), c.Args.U64(), c.Args.U64()
	err := d.Readable(at)
	var buf files.Buffer
	var got int
	if err == nil && n > 0 {
		buf, got, err = d.ReadAt(c.Call, uint32(min(n, wasi.MaxPiece)), int64(at))
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
	err := d.Writable(at)
	n := 0
	if err == nil && len(p) > 0 {
		n, err = d.WriteAt(c.Call, p[:min(len(p), wasi.MaxPiece)], int64(at))
	}
	if !c.fsFailed(err) {
		c.Results.OK()
		c.Results.U64(uint64(n))
	}
}

// advise: [method]descriptor.advise.
func advise(c call) {
	d, at, n := c.descriptor(), c.Args.U64(), c.Args.U64()
	c.done(d.Advise(c.Call, at, n, vfs.Advice(c.Args.Enum()))) // the order is the same
}

// setSize: [method]descriptor.set-size.
func setSize(c call) {
	d := c.descriptor()
	c.done(d.SetSize(c.Call, c.Args.U64()))
}
