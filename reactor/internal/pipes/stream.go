package pipes

import (
	"errors"
	"sync/atomic"

	"github.com/reactord/reactord/hostcalls"
)

// BrokenError is what a guest gets that reads from a pipe whose writer did not end by itself.
type BrokenError struct{ Why string }

func (e *BrokenError) Error() string { return e.Why }

// use is how much of a pipe an attempt has used.
type use struct {
	bytes  atomic.Uint64
	closed atomic.Bool
}

// made reports whether the attempt has used the pipe, so that another one can't take its place.
func (u *use) made() bool { return u.bytes.Load() > 0 || u.closed.Load() }

// stream is what Reader and Writer share.
type stream struct {
	pipes *Pipes
	link  *link // nil: the workload has left the pair
	side  Side
	peer  string
	use   use
	gone  string // if link is nil: why
	fault string // why the last call failed
}

// Target says with which workload the stream is joined.
func (s *stream) Target() string { return nameOf(s.peer) }

// Peer implements hostcalls.Peered.
func (s *stream) Peer() string { return s.peer }

// Transferred implements hostcalls.Subject.
func (s *stream) Transferred(hostcalls.OpKind) uint64 { return s.use.bytes.Load() }

// Grant implements hostcalls.Subject.
func (s *stream) Grant() string { return "" }

// Fault says why the stream is broken; nothing if it is not known to be.
func (s *stream) Fault() string { return s.fault }

// failed notes why the peer has gone.
func (s *stream) failed(otherwise string) {
	if s.fault != "" {
		return
	}
	if s.fault = s.gone; s.fault == "" {
		s.fault = s.pipes.whyLeft(s.link, s.side.other())
	}
	if s.fault == "" {
		s.fault = otherwise
	}
}

// Writer is a guest's standard output into a pipe. It is a hostcalls.Sink and an io.Closer.
type Writer struct{ stream }

// Write implements hostcalls.Sink.
func (w *Writer) Write(b []byte) (int, error) {
	if w.link == nil {
		w.failed("")
		return 0, hostcalls.ErrBrokenPipe
	}
	n, err := w.link.data.Writer().Write(b)
	w.use.bytes.Add(uint64(n))
	if err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
		w.failed(w.Target() + " reads no more")
	}
	return n, err
}

// Notify implements hostcalls.Notifier.
func (w *Writer) Notify(ready func()) (stop func()) {
	if w.link == nil {
		return hostcalls.Discard{}.Notify(ready)
	}
	return w.link.data.Writer().Notify(ready)
}

// Level implements hostcalls.Leveler.
func (w *Writer) Level() (nbytes int, hangup bool) {
	if w.link == nil {
		return 0, true
	}
	return w.link.data.Writer().Level()
}

// Close ends the reader's input.
func (w *Writer) Close() error {
	if w.link != nil {
		w.use.closed.Store(true)
		w.link.data.CloseWrite()
	}
	return nil
}

// Reader is a guest's standard input from a pipe. It is a hostcalls.Source and an io.Closer.
type Reader struct{ stream }

// Read implements hostcalls.Source.
func (r *Reader) Read(b []byte) (int, error) {
	if r.link == nil {
		r.failed("")
		return 0, &BrokenError{r.fault}
	}
	n, err := r.link.data.Reader().Read(b)
	r.use.bytes.Add(uint64(n))
	if broken, ok := errors.AsType[*BrokenError](err); ok {
		r.fault = broken.Why
	}
	return n, err
}

// Notify implements hostcalls.Notifier.
func (r *Reader) Notify(ready func()) (stop func()) {
	if r.link == nil {
		return hostcalls.Empty{}.Notify(ready)
	}
	return r.link.data.Reader().Notify(ready)
}

// Level implements hostcalls.Leveler.
func (r *Reader) Level() (nbytes int, hangup bool) {
	if r.link == nil {
		return 0, true
	}
	return r.link.data.Reader().Level()
}

// Close breaks the pipe for the writer.
func (r *Reader) Close() error {
	if r.link != nil {
		r.use.closed.Store(true)
		r.link.data.CloseRead()
	}
	return nil
}

var (
	_ hostcalls.Sink    = (*Writer)(nil)
	_ hostcalls.Source  = (*Reader)(nil)
	_ hostcalls.Leveler = (*Writer)(nil)
	_ hostcalls.Leveler = (*Reader)(nil)
	_ hostcalls.Joint   = (*Writer)(nil)
	_ hostcalls.Joint   = (*Reader)(nil)
)
