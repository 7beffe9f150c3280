package hostcalls

import (
	"io"
	"sync"
)

// Pipe is a bounded stream of bytes in memory, from its Writer, a Sink, to its Reader, a Source. It is for
// one reader and one writer at a time, on any goroutines.
//
// A full pipe makes its writer wait, which is the backpressure; so does a held one. Each side is closed on its own:
// after CloseWrite the reader gets the rest and then io.EOF, after Fail the rest and then an error; after CloseRead the
// rest is dropped and the writer gets ErrBrokenPipe.
type Pipe struct {
	mu       sync.Mutex
	ring     []byte // its length is a power of two, or zero while nothing has been written
	head     int    // where the next byte is read
	size     int    // bytes in the ring
	capacity int
	held     bool  // has no room
	end      error // what the reader gets after the rest; nil while the pipe is open for writing
	broken   bool  // closed for reading
	readers  Waiters
	writers  Waiters
}

// minRing is the ring's first size. An empty pipe keeps no larger ring.
const minRing = 512

// DefaultPipeCapacity is the capacity if NewPipe is given zero.
const DefaultPipeCapacity = 64 << 10

// NewPipe makes a pipe that holds up to capacity bytes, rounded up to a power of two. It takes memory for the
// bytes that it holds, not for its capacity.
func NewPipe(capacity int) *Pipe {
	p := &Pipe{}
	p.Init(capacity)
	return p
}

// Init makes the zero Pipe what NewPipe returns.
func (p *Pipe) Init(capacity int) {
	if capacity <= 0 {
		capacity = DefaultPipeCapacity
	}
	size := minRing
	for size < capacity {
		size *= 2
	}
	p.capacity = size
}

// PipeReader is the reading side of a Pipe: a Source and a Leveler.
type PipeReader struct{ pipe *Pipe }

// PipeWriter is the writing side of a Pipe: a Sink and a Leveler.
type PipeWriter struct{ pipe *Pipe }

// Capacity returns how many bytes the pipe holds at most.
func (p *Pipe) Capacity() int { return p.capacity }

// Reader returns the pipe's reading side.
func (p *Pipe) Reader() PipeReader { return PipeReader{p} }

// Writer returns the pipe's writing side.
func (p *Pipe) Writer() PipeWriter { return PipeWriter{p} }

// Read reads the available bytes.
func (r PipeReader) Read(b []byte) (int, error) {
	p := r.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := p.peek(b)
	if n == 0 {
		return 0, err
	}
	p.head = (p.head + n) & (len(p.ring) - 1)
	p.size -= n
	if p.size == 0 && len(p.ring) > minRing {
		p.ring, p.head = nil, 0
	}
	p.writers.Tell()
	return n, nil
}

// Peek is Read, but the bytes remain to be read.
func (r PipeReader) Peek(b []byte) (int, error) {
	r.pipe.mu.Lock()
	defer r.pipe.mu.Unlock()
	return r.pipe.peek(b)
}

func (p *Pipe) peek(b []byte) (int, error) {
	switch {
	case p.broken:
		return 0, io.ErrClosedPipe
	case len(b) == 0:
		return 0, nil
	case p.size == 0 && p.end != nil:
		return 0, p.end
	case p.size == 0:
		return 0, ErrWouldBlock
	}
	n := min(len(b), p.size)
	first := copy(b[:n], p.ring[p.head:])
	copy(b[first:n], p.ring)
	return n, nil
}

// Write writes the bytes that fit.
func (w PipeWriter) Write(b []byte) (int, error) {
	p := w.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.end != nil:
		return 0, io.ErrClosedPipe
	case p.broken:
		return 0, ErrBrokenPipe
	case len(b) == 0:
		return 0, nil
	case p.room() == 0:
		return 0, ErrWouldBlock
	}
	n := min(len(b), p.room())
	p.grow(p.size + n)
	tail := (p.head + p.size) & (len(p.ring) - 1)
	first := copy(p.ring[tail:], b[:n])
	copy(p.ring, b[first:n])
	p.size += n
	p.readers.Tell()
	return n, nil
}

// room returns how many bytes fit. p.mu is held.
func (p *Pipe) room() int {
	if p.held {
		return 0
	}
	return p.capacity - p.size
}

// grow makes room for need bytes in all, at most p.capacity.
func (p *Pipe) grow(need int) {
	if need <= len(p.ring) {
		return
	}
	size := max(minRing, len(p.ring))
	for size < need {
		size *= 2
	}
	ring := make([]byte, size)
	if p.size > 0 {
		first := copy(ring[:p.size], p.ring[p.head:])
		copy(ring[first:p.size], p.ring)
	}
	p.ring, p.head = ring, 0
}

// Footprint returns the bytes of memory that the pipe takes for what it holds, or takes when n more bytes have been written.
func (p *Pipe) Footprint(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	size := len(p.ring)
	for need := min(p.size+n, p.capacity); size < need; {
		size = max(minRing, 2*size)
	}
	return size
}

// Hold has the pipe take nothing until Release. It is called before the pipe is used.
func (p *Pipe) Hold() { p.held = true }

// Release ends Hold.
func (p *Pipe) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = false
	p.writers.Tell()
}

// CloseWrite ends the stream: the reader gets the rest, then io.EOF.
func (p *Pipe) CloseWrite() { p.Fail(io.EOF) }

// Fail ends the stream: the reader gets the rest, then err. A stream that has ended stays as it is.
func (p *Pipe) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end == nil {
		p.end = err
	}
	p.readers.Tell()
	p.writers.Tell()
}

// CloseRead drops the rest and breaks the pipe for its writer.
func (p *Pipe) CloseRead() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = true
	p.ring, p.head, p.size = nil, 0, 0
	p.readers.Tell()
	p.writers.Tell()
}

// Notify calls ready when Read would not block.
func (r PipeReader) Notify(ready func()) (stop func()) {
	p := r.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.readers.Add(&p.mu, ready, p.size > 0 || p.end != nil || p.broken)
}

// Level returns the number of bytes to read, and whether the writer has gone.
func (r PipeReader) Level() (nbytes int, hangup bool) {
	p := r.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size, p.end != nil || p.broken
}

// Notify calls ready when Write would not block.
func (w PipeWriter) Notify(ready func()) (stop func()) {
	p := w.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writers.Add(&p.mu, ready, p.room() > 0 || p.end != nil || p.broken)
}

// Level returns the number of bytes that fit, and whether the reader has gone.
func (w PipeWriter) Level() (nbytes int, hangup bool) {
	p := w.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.room(), p.end != nil || p.broken
}
