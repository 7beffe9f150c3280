package wasip2

import (
	"errors"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// outputStream is an output-stream.
type outputStream struct {
	component.Object
	to     output
	permit uint64 // bytes that check-write has permitted
	failed bool   // it is closed since an operation has failed
}

// output is what an output-stream writes to. An error of its methods is errClosed if it has ended rather than failed.
type output interface {
	waitable
	// room returns how many bytes can be written now without waiting; 0 if it is not ready.
	room(c call) (int, error)
	// write writes all of p, which has at most wasi.MaxPiece bytes. p is the component's memory, and valid until the call waits.
	write(c call, p []byte) error
	// flush begins to send what was written, and reports whether all was. Until then there is no room.
	flush(c call) (done bool, err error)
	close()
}

// Drop implements component.Dropper.
func (s *outputStream) Drop() { s.to.close() }

// The methods of waitable: an output-stream is ready when its destination is, and when it has failed.

// Notify implements hostcalls.Notifier.
func (s *outputStream) Notify(ready func()) (stop func()) {
	if s.failed {
		ready()
		return func() {}
	}
	return s.to.Notify(ready)
}

func (s *outputStream) ready() bool                   { return s.failed || s.to.ready() }
func (s *outputStream) op() hostcalls.Op              { return s.to.op() }
func (s *outputStream) waiting() *hostcalls.WaitStart { return s.to.waiting() }

// errClosed is the error of a stream that is closed, rather than broken.
var errClosed = errors.New("the stream is closed")

// maxBlockingWrite is the most bytes that a blocking write may have.
const maxBlockingWrite = 4096

// bounded traps if a blocking write has more bytes than it may.
func (c call) bounded(n uint64, name string) {
	if n > maxBlockingWrite {
		c.Trap("%s was called with %d bytes, and the most is %d", name, n, maxBlockingWrite)
	}
}

// permitted traps if a write has more bytes than check-write has permitted.
func (c call) permitted(s *outputStream, n uint64, name string) {
	if n > s.permit {
		c.Trap("%s was called with %d bytes, and check-write has permitted %d", name, n, s.permit)
	}
	s.permit -= n
}

// written writes the result of an operation that has no value.
func (c call) written(s *outputStream, err error) {
	if err == nil {
		c.Results.OK()
		return
	}
	c.failOutput(s, err)
}

// failOutput writes the error of an operation on a stream, which is closed from then on.
func (c call) failOutput(s *outputStream, err error) {
	s.failed, s.permit = true, 0
	if errors.Is(err, errClosed) {
		err = nil
	}
	c.fail(s.to, err)
}

// checkWrite: [method]output-stream.check-write.
func checkWrite(c call) {
	s := c.output()
	n, err := c.room(s)
	if err != nil {
		c.failOutput(s, err)
		return
	}
	s.permit = uint64(n)
	c.Results.OK()
	c.Results.U64(s.permit)
}

// room returns how many bytes a stream takes now.
func (c call) room(s *outputStream) (int, error) {
	if s.failed {
		return 0, errClosed
	}
	n, err := s.to.room(c)
	return min(n, wasi.MaxPiece), err
}

// writePiece writes bytes for which there is room.
func (c call) writePiece(s *outputStream, p []byte) error {
	if s.failed {
		return errClosed
	}
	c.Charge(wasi.StreamCost + wasi.CopyCost(len(p)))
	if len(p) == 0 {
		return nil
	}
	return s.to.write(c, p)
}

// awaitRoom waits until a stream takes bytes, and returns how many.
func (c call) awaitRoom(s *outputStream) (n int, err error) {
	for {
		if n, err = c.room(s); n > 0 || err != nil {
			return n, err
		}
		c.waitFor(s)
	}
}

// writeAndFlush writes bytes, of which there are at most maxBlockingWrite, and waits until they are out.
func (c call) writeAndFlush(s *outputStream, p []byte) error {
	n, err := c.room(s)
	if err != nil {
		return err
	}
	if n < len(p) { // p is the component's memory, which may not be kept while the call waits
		buf := files.Borrow(uint32(len(p)))
		defer buf.GiveBack()
		p = buf.Bytes[:copy(buf.Bytes, p)]
	}
	for len(p) > 0 {
		if n, err = c.awaitRoom(s); err != nil {
			return err
		}
		piece := p[:min(n, len(p))]
		if err := c.writePiece(s, piece); err != nil {
			return err
		}
		p = p[len(piece):]
	}
	return c.awaitFlush(s)
}

// flush begins to flush a stream.
func (c call) flush(s *outputStream) error {
	if s.failed {
		return errClosed
	}
	done, err := s.to.flush(c)
	if !done {
		s.permit = 0
	}
	return err
}

// awaitFlush waits until all that was written is out.
func (c call) awaitFlush(s *outputStream) error {
	for {
		if s.failed {
			return errClosed
		}
		if done, err := s.to.flush(c); done || err != nil {
			return err
		}
		c.waitFor(s)
	}
}

// splice answers splice and blocking-splice.
func (c call) splice(to *outputStream, from *inputStream, n uint64, block bool) {
	room, err := c.room(to)
	if block && err == nil && room == 0 {
		room, err = c.awaitRoom(to)
	}
	if err != nil {
		c.failOutput(to, err)
		return
	}
	buf, got, ended, err := c.take(from, min(n, uint64(room)), block)
	if ended || err != nil {
		c.fail(from.from, err)
		return
	}
	err = c.writePiece(to, buf.Bytes[:got])
	buf.GiveBack()
	to.permit = 0
	if err != nil {
		c.failOutput(to, err)
		return
	}
	c.Results.OK()
	c.Results.U64(uint64(got))
}
