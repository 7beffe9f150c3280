package wasip2

import (
	"errors"
	"io"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// inputStream is an input-stream.
type inputStream struct {
	component.Object
	from   input
	failed bool // it is closed since an operation has failed
	atEnd  bool // the last operation met the end; a file may have more later
}

// input is what an input-stream reads from.
type input interface {
	waitable
	// read reads up to n bytes, at most wasi.MaxPiece, into a buffer, which is the caller's. The error is io.EOF at the end,
	// hostcalls.ErrWouldBlock if there is nothing yet, or why it has failed; then there is no buffer.
	read(c call, n uint32) (buf files.Buffer, got int, err error)
	close()
}

// Drop implements component.Dropper.
func (s *inputStream) Drop() { s.from.close() }

// take reads up to n bytes of a stream, and waits for some if block is true. ended says that there will be none; an error
// closes the stream.
func (c call) take(s *inputStream, n uint64, block bool) (buf files.Buffer, got int, ended bool, err error) {
	switch {
	case s.failed:
		return buf, 0, true, nil
	case n == 0:
		return buf, 0, s.atEnd, nil
	}
	for {
		c.Charge(wasi.StreamCost)
		buf, got, err = s.from.read(c, uint32(min(n, wasi.MaxPiece)))
		s.atEnd = errors.Is(err, io.EOF)
		switch {
		case err == nil:
			c.Charge(wasi.CopyCost(got))
			return buf, got, false, nil
		case s.atEnd:
			return buf, 0, true, nil
		case !errors.Is(err, hostcalls.ErrWouldBlock):
			s.failed = true
			return buf, 0, false, err
		case !block:
			return buf, 0, false, nil
		}
		c.waitFor(s.from)
	}
}

// read answers read and blocking-read.
func (c call) read(s *inputStream, n uint64, block bool) {
	buf, got, ended, err := c.take(s, n, block)
	if ended || err != nil {
		c.fail(s.from, err)
		return
	}
	c.Results.OK()
	c.Results.Bytes(buf.Bytes[:got])
	buf.GiveBack()
}

// skip answers skip and blocking-skip.
func (c call) skip(s *inputStream, n uint64, block bool) {
	buf, got, ended, err := c.take(s, n, block)
	buf.GiveBack()
	if ended || err != nil {
		c.fail(s.from, err)
		return
	}
	c.Results.OK()
	c.Results.U64(uint64(got))
}

// readInto reads once from a source that never waits, into a buffer.
func readInto(s io.Reader, n uint32) (files.Buffer, int, error) {
	buf := files.Borrow(n)
	got, err := s.Read(buf.Bytes)
	if got == 0 && err == nil {
		err = hostcalls.ErrWouldBlock
	}
	if got == 0 {
		buf.GiveBack()
		return files.Buffer{}, 0, err
	}
	return buf, got, nil // the next read meets an error
}
