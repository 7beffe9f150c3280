package wasip2

import (
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func ioStreams() component.Interface {
	return component.Interface{
		Name: "wasi:io/streams", Version: version,
		Types: `
			use wasi:io/error.{error};
			use wasi:io/poll.{pollable};
			variant stream-error {
				last-operation-failed(error),
				closed,
			}
			resource input-stream;
			resource output-stream;
		`,
		Functions: append(inputFunctions(), outputFunctions()...),
		Resources: []component.Resource{
			resource("input-stream", func(h *host) *component.Objects[*inputStream] { return &h.inputs }),
			resource("output-stream", func(h *host) *component.Objects[*outputStream] { return &h.outputs }),
		},
	}
}

func inputFunctions() []component.Function {
	return []component.Function{
		function("[method]input-stream.read", "func(self: borrow<input-stream>, len: u64) -> result<list<u8>, stream-error>",
			func(c call) { c.read(c.input(), c.Args.U64(), false) }),
		function("[method]input-stream.blocking-read", "func(self: borrow<input-stream>, len: u64) -> result<list<u8>, stream-error>",
			func(c call) { c.read(c.input(), c.Args.U64(), true) }),
		function("[method]input-stream.skip", "func(self: borrow<input-stream>, len: u64) -> result<u64, stream-error>",
			func(c call) { c.skip(c.input(), c.Args.U64(), false) }),
		function("[method]input-stream.blocking-skip", "func(self: borrow<input-stream>, len: u64) -> result<u64, stream-error>",
			func(c call) { c.skip(c.input(), c.Args.U64(), true) }),
		function("[method]input-stream.subscribe", "func(self: borrow<input-stream>) -> pollable", func(c call) {
			s := c.input()
			c.subscribe(s.from, s)
		}),
	}
}

func outputFunctions() []component.Function {
	const written = " -> result<_, stream-error>"
	return []component.Function{
		function("[method]output-stream.check-write", "func(self: borrow<output-stream>) -> result<u64, stream-error>", checkWrite),
		function("[method]output-stream.write", "func(self: borrow<output-stream>, contents: list<u8>)"+written, func(c call) {
			s, contents := c.output(), c.Args.Bytes()
			c.permitted(s, uint64(len(contents)), "write")
			c.written(s, c.writePiece(s, contents))
		}),
		function("[method]output-stream.blocking-write-and-flush", "func(self: borrow<output-stream>, contents: list<u8>)"+written, func(c call) {
			s, contents := c.output(), c.Args.Bytes()
			c.bounded(uint64(len(contents)), "blocking-write-and-flush")
			c.written(s, c.writeAndFlush(s, contents))
		}),
		function("[method]output-stream.flush", "func(self: borrow<output-stream>)"+written, func(c call) {
			s := c.output()
			c.written(s, c.flush(s))
		}),
		function("[method]output-stream.blocking-flush", "func(self: borrow<output-stream>)"+written, func(c call) {
			s := c.output()
			c.written(s, c.awaitFlush(s))
		}),
		function("[method]output-stream.subscribe", "func(self: borrow<output-stream>) -> pollable", func(c call) {
			s := c.output()
			c.subscribe(s, s)
		}),
		function("[method]output-stream.write-zeroes", "func(self: borrow<output-stream>, len: u64)"+written, func(c call) {
			s, n := c.output(), c.Args.U64()
			c.permitted(s, n, "write-zeroes")
			c.written(s, c.writePiece(s, zeroes[:n]))
		}),
		function("[method]output-stream.blocking-write-zeroes-and-flush", "func(self: borrow<output-stream>, len: u64)"+written, func(c call) {
			s, n := c.output(), c.Args.U64()
			c.bounded(n, "blocking-write-zeroes-and-flush")
			c.written(s, c.writeAndFlush(s, zeroes[:n]))
		}),
		function("[method]output-stream.splice",
			"func(self: borrow<output-stream>, src: borrow<input-stream>, len: u64) -> result<u64, stream-error>",
			func(c call) { c.splice(c.output(), c.input(), c.Args.U64(), false) }),
		function("[method]output-stream.blocking-splice",
			"func(self: borrow<output-stream>, src: borrow<input-stream>, len: u64) -> result<u64, stream-error>",
			func(c call) { c.splice(c.output(), c.input(), c.Args.U64(), true) }),
	}
}

// zeroes are what write-zeroes writes.
var zeroes [wasi.MaxPiece]byte

// The cases of stream-error.
const (
	lastOperationFailed = iota
	closed
)

// fail writes the error of an operation on a stream of something; nil says that the stream is closed.
func (c call) fail(of waitable, err error) {
	c.Results.Err()
	if err == nil {
		c.Results.Variant(closed)
		return
	}
	e := &streamError{err: err}
	switch of.(type) {
	case *fileInput, *fileOutput:
		e.ofFile = true
	case received, sent:
		e.ofSocket = true
	}
	c.Results.Variant(lastOperationFailed)
	c.Results.Own(give(c, &c.errors, e, nil))
}

// input reads a handle of an input-stream.
func (c call) input() *inputStream { return c.inputs.Get(c.Args.Borrow()) }

// output reads a handle of an output-stream.
func (c call) output() *outputStream { return c.outputs.Get(c.Args.Borrow()) }
