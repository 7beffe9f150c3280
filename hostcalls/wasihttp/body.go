package wasihttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/reactord/reactord/hostcalls"
)

// BodyBytes bounds the bytes of a body that are on their way.
const BodyBytes = 32 << 10

// Body is the content of a message on its way from its writer to its reader: bytes, and then trailers, or an error in place of what
// is missing. Both sides may stop: the reader gets the error of a writer that fails, after the bytes before it, and the writer that
// of a reader that wants no more.
type Body struct {
	pipe    hostcalls.Pipe
	length  int64 // that the message announces; or unknownLength
	wrong   Code  // if it is not that
	written int64
	start   func()
	of      fmt.Stringer // nil: it is not known

	trailers *Fields // nil: none; set before the pipe is closed for writing

	mu      sync.Mutex // guards the fields below
	closed  bool
	outcome error
	onClose []func(error)
	first   [1]func(error) // the room for one of onClose
}

// NewBody makes the body of a message with these fields, which is a request or else a response. An error is an *Error: what the
// fields announce as its length is no length.
func NewBody(f *Fields, ofRequest bool) (*Body, error) {
	length, err := f.ContentLength()
	if err != nil {
		return nil, &Error{Code: ProtocolError}
	}
	return newBody(length, ofRequest), nil
}

func newBody(length int64, ofRequest bool) *Body {
	b := &Body{length: length, wrong: ResponseBodySize}
	b.pipe.Init(BodyBytes)
	if ofRequest {
		b.wrong = RequestBodySize
	}
	return b
}

// NewBodyOf makes a body of a length, -1 if it is not known, that is written only when it is read: start is called once then, by
// the reader, and must not block. It is not called for a body of length 0, which has ended.
func NewBodyOf(length int64, ofRequest bool, start func(*Body)) *Body {
	b := newBody(length, ofRequest)
	if length == 0 {
		b.End(nil) //nolint:errcheck // it is as long as announced
		return b
	}
	b.start = func() { start(b) }
	return b
}

// Empty makes a body that has ended.
func Empty() *Body { return NewBodyOf(0, false, nil) }

// Describe names what the message of the body is or answers, such as "GET /index.html". It is called before the body is read and
// written, or on the fiber of the component that does so.
func (b *Body) Describe(of fmt.Stringer) { b.of = of }

// Op returns the operation of a component that waits to read the body (hostcalls.OpRead), or to write it (hostcalls.OpWrite).
func (b *Body) Op(kind hostcalls.OpKind) hostcalls.Op {
	op := hostcalls.Op{Kind: kind, Target: "the body of an HTTP message"}
	if b.of != nil {
		op.Target = "the body of " + b.of.String()
	}
	return op
}

// AnnounceNothing has the body announce that it has no bytes, unless its message does. It is called before it is read and written.
func (b *Body) AnnounceNothing() {
	if b.length == unknownLength {
		b.length = 0
	}
}

// Length returns how long the body is as its message announces it, -1 if it does not.
func (b *Body) Length() int64 { return b.length }

// Whole returns how long the body is if all of it is there, or ok false. The reader calls it before it reads.
func (b *Body) Whole() (length int, ok bool) {
	n, over := b.pipe.Reader().Level()
	return n, over
}

// Held returns the memory that the body takes for bytes, about, when n more have been written.
func (b *Body) Held(n int) int64 { return int64(b.pipe.Footprint(n)) }

// Writer returns the side of the body that is written.
func (b *Body) Writer() Writer { return Writer{b} }

// Writer is the side of a Body that is written: a hostcalls.Sink.
type Writer struct{ b *Body }

var _ hostcalls.Sink = Writer{}

// Write writes what there is room for. The error is hostcalls.ErrWouldBlock, hostcalls.ErrBrokenPipe if the reader wants no more
// or the body has failed, or an *Error if the body is longer than announced: then it fails.
func (w Writer) Write(p []byte) (int, error) {
	b := w.b
	if b.length != unknownLength && int64(len(p)) > b.length-b.written {
		err := sized(b.wrong, b.written+int64(len(p)))
		b.Fail(err)
		return 0, err
	}
	n, err := b.pipe.Writer().Write(p)
	b.written += int64(n)
	if errors.Is(err, io.ErrClosedPipe) { // it has failed
		err = hostcalls.ErrBrokenPipe
	}
	return n, err
}

// Room returns how many bytes Write takes now, and whether the reader has gone or the body has ended.
func (w Writer) Room() (n int, over bool) { return w.b.pipe.Writer().Level() }

// Notify implements hostcalls.Notifier.
func (w Writer) Notify(ready func()) (stop func()) { return w.b.pipe.Writer().Notify(ready) }

// End ends the body, after all of its bytes, with trailers or without. The error is an *Error if it is shorter than announced: then
// it fails.
func (b *Body) End(trailers *Fields) error {
	if b.length != unknownLength && b.written < b.length {
		err := sized(b.wrong, b.written)
		b.Fail(err)
		return err
	}
	b.trailers = trailers
	b.pipe.CloseWrite()
	return nil
}

// Fail ends the body with an error in place of what is missing. It may be called from any goroutine. A body that has ended stays as
// it is.
func (b *Body) Fail(err error) { b.pipe.Fail(AsError(err)) }

// OnClose calls tell once the reader has closed the body, at once if it has: with its error. tell must not block.
func (b *Body) OnClose(tell func(error)) {
	b.mu.Lock()
	if !b.closed {
		if b.onClose == nil {
			b.onClose = b.first[:0]
		}
		b.onClose = append(b.onClose, tell)
		b.mu.Unlock()
		return
	}
	b.mu.Unlock()
	tell(b.outcome)
}

// Reader returns the side of the body that is read.
func (b *Body) Reader() Reader { return Reader{b} }

// Reader is the side of a Body that is read: a hostcalls.Source.
type Reader struct{ b *Body }

var _ hostcalls.Source = Reader{}

// Read reads what is there. The error is hostcalls.ErrWouldBlock, io.EOF, or that of the writer as an *Error.
func (r Reader) Read(p []byte) (int, error) {
	r.begin()
	n, err := r.b.pipe.Reader().Read(p)
	if errors.Is(err, io.ErrClosedPipe) {
		err = &Error{Code: ConnectionTerminated}
	}
	return n, err
}

// Notify implements hostcalls.Notifier.
func (r Reader) Notify(ready func()) (stop func()) {
	r.begin()
	return r.b.pipe.Reader().Notify(ready)
}

func (r Reader) begin() {
	if start := r.b.start; start != nil {
		r.b.start = nil
		start()
	}
}

// Trailers returns what came after the bytes; nil if nothing did. It is called after Read has returned io.EOF.
func (b *Body) Trailers() *Fields { return b.trailers }

// Close ends the reading: err is nil if the reader has all that it wants, or why it does not. It may be called from any goroutine;
// only the first call has an effect.
func (b *Body) Close(err error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.closed, b.outcome = true, err
	told := b.onClose
	b.onClose = nil
	b.mu.Unlock()
	b.pipe.CloseRead()
	for _, tell := range told {
		tell(err)
	}
}

// Stream returns the body for a goroutine that blocks in its Read until there are bytes, or ctx ends. Its Close closes the body.
func (b *Body) Stream(ctx context.Context) io.ReadCloser { return &stream{body: b, ctx: ctx} }

type stream struct {
	body *Body
	ctx  context.Context //nolint:containedctx // io.Reader has none
	err  error
}

func (s *stream) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := hostcalls.ReadContext(s.ctx, s.body.Reader(), p)
	s.err = err
	return n, err
}

func (s *stream) Close() error {
	if errors.Is(s.err, io.EOF) {
		s.body.Close(nil)
	} else {
		s.body.Close(&Error{Code: ConnectionTerminated})
	}
	return nil
}

// pieces are the buffers of Fill.
var pieces = sync.Pool{New: func() any { return new([BodyBytes / 2]byte) }}

// FillBytes is the memory that Fill takes, beside that of the body.
const FillBytes = BodyBytes / 2

// Fill writes all that from has, and then ends the body with the trailers, which are asked for then. It blocks until that is done,
// or ctx ends, or the reader wants no more. What goes wrong is what the body ends with.
func (b *Body) Fill(ctx context.Context, from io.Reader, trailers func() (*Fields, error)) {
	piece := pieces.Get().(*[BodyBytes / 2]byte)
	defer pieces.Put(piece)
	for {
		n, err := from.Read(piece[:])
		if n > 0 {
			if _, failed := hostcalls.WriteContext(ctx, b.Writer(), piece[:n]); failed != nil {
				b.Fail(failed)
				return
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			b.Fail(err)
			return
		}
	}
	fields, err := trailers()
	if err != nil {
		b.Fail(err)
		return
	}
	_ = b.End(fields)
}
