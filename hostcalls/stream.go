package hostcalls

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
)

// ErrWouldBlock is returned by a Source or Sink that is not ready.
var ErrWouldBlock = errors.New("hostcalls: would block")

// ErrBrokenPipe is returned by a Sink whose reader has gone.
var ErrBrokenPipe = errors.New("hostcalls: broken pipe")

// Notifier notifies a waiter when a stream, or anything else, becomes ready.
type Notifier interface {
	// Notify arranges for ready to be called once, as soon as the Notifier is ready: before Notify returns
	// if it is ready already, otherwise from any goroutine. ready must neither block nor call the Notifier.
	// It may be called spuriously, and it is called if the stream is broken: the waiter tries again and
	// gets the error.
	//
	// stop cancels the arrangement: after it has returned, ready is not called. It may be called more than
	// once, and waits only for a running call of ready.
	Notify(ready func()) (stop func())
}

// Source is a stream of bytes to read. Read never blocks: it returns ErrWouldBlock if there is nothing yet,
// io.EOF at the end. Ready means that Read would not return ErrWouldBlock.
type Source interface {
	Read(p []byte) (int, error)
	Notifier
}

// Sink is a stream of bytes to write. Write never blocks: it accepts what it can, which may be less than all
// of p, and returns ErrWouldBlock if it can accept nothing now. It keeps no reference to p. Ready means that
// Write would not return ErrWouldBlock.
type Sink interface {
	Write(p []byte) (int, error)
	Notifier
}

// Leveler is a Source or Sink that knows how much is ready.
type Leveler interface {
	// Level returns how many bytes can be read or written now, and whether the peer has gone.
	Level() (nbytes int, hangup bool)
}

// Joint is a standard stream that is joined to another workload's. An io.Closer, too, it is closed if the guest closes its
// descriptor, but not at the guest's end.
type Joint interface {
	Peered
	// Target names what it is joined to.
	Target() string
	// Fault says why the last operation failed.
	Fault() string
}

// Empty is a Source that is at its end.
type Empty struct{}

// Read returns io.EOF.
func (Empty) Read([]byte) (int, error) { return 0, io.EOF }

// Notify calls ready.
func (Empty) Notify(ready func()) (stop func()) { return readyNow(ready) }

// Level returns no bytes, and that the peer has gone.
func (Empty) Level() (nbytes int, hangup bool) { return 0, true }

// Discard is a Sink that accepts everything and keeps nothing.
type Discard struct{}

// Write accepts all of p.
func (Discard) Write(p []byte) (int, error) { return len(p), nil }

// Notify calls ready.
func (Discard) Notify(ready func()) (stop func()) { return readyNow(ready) }

// Ready reports whether a Notifier is ready now.
func Ready(n Notifier) bool {
	var ready atomic.Bool
	n.Notify(func() { ready.Store(true) })()
	return ready.Load()
}

func readyNow(ready func()) (stop func()) {
	ready()
	return func() {}
}

var (
	_ Source = Empty{}
	_ Sink   = Discard{}
)

// ReadContext reads from s and blocks until there is something to read.
func ReadContext(ctx context.Context, s Source, p []byte) (int, error) {
	for {
		n, err := s.Read(p)
		if !errors.Is(err, ErrWouldBlock) {
			return n, err
		}
		if err := awaitReady(ctx, s); err != nil {
			return 0, err
		}
	}
}

// WriteContext writes all of p to s and blocks as needed. It returns the number of bytes written.
func WriteContext(ctx context.Context, s Sink, p []byte) (int, error) {
	written := 0
	for written < len(p) {
		n, err := s.Write(p[written:])
		written += n
		switch {
		case errors.Is(err, ErrWouldBlock):
			if err := awaitReady(ctx, s); err != nil {
				return written, err
			}
		case err != nil:
			return written, err
		}
	}
	return written, nil
}

func awaitReady(ctx context.Context, n Notifier) error {
	ready := make(chan struct{})
	stop := n.Notify(func() { close(ready) })
	defer stop()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
