package wasip2

import (
	"errors"
	"sync/atomic"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/stdio"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// The standard streams. Any number of handles stand for each; the stream itself stays open until the store is closed, since the
// component may ask for another handle.

// standardInput is an input.
type standardInput struct{ *host }

var _ input = standardInput{}

func (s standardInput) read(c call, n uint32) (files.Buffer, int, error) {
	buf, got, err := readInto(&s.Stdin, n)
	if err != nil && !isPlain(err) {
		c.Refused().Stream(c.hostcall(), s.Stdin.Source)
	}
	return buf, got, err
}

// isPlain reports whether an error of a stream is no failure.
func isPlain(err error) bool { return errors.Is(err, hostcalls.ErrWouldBlock) || isEOF(err) }

func (s standardInput) Notify(ready func()) (stop func()) { return s.Stdin.Notify(ready) }
func (s standardInput) op() hostcalls.Op                  { return s.Stdin.Op() }
func (s standardInput) waiting() *hostcalls.WaitStart     { return &s.Stdin.Waiting }
func (standardInput) close()                              {}

func (s standardInput) ready() bool {
	n, hangup := s.Stdin.Level()
	return n > 0 || hangup
}

// standardOutput is an output. A write that the stream takes only a part of waits for the rest, as natively.
type standardOutput struct {
	*stdio.Out
	name string
}

var _ output = standardOutput{}

func (s standardOutput) op() hostcalls.Op              { return s.Out.Op(s.name) }
func (s standardOutput) waiting() *hostcalls.WaitStart { return &s.Waiting }
func (standardOutput) close()                          {}

func (s standardOutput) ready() bool {
	n, hangup := s.Level()
	return n > 0 || hangup
}

// room of a stream that does not know how much it takes is that of a piece, if it takes anything.
func (s standardOutput) room(c call) (int, error) {
	s.endIfBroken(c)
	if !isReady(s.Out) {
		return 0, nil
	}
	n, hangup := s.Level()
	if n <= 1 || hangup {
		return wasi.MaxPiece, nil
	}
	return int(min(n, wasi.MaxPiece)), nil
}

func (s standardOutput) flush(c call) (bool, error) {
	s.endIfBroken(c)
	return true, nil
}

// endIfBroken ends a component that goes on although it knows that nobody reads any more.
func (s standardOutput) endIfBroken(c call) {
	if s.Broken() {
		c.Exit(stdio.BrokenExit)
	}
}

func (s standardOutput) write(c call, p []byte) error {
	s.endIfBroken(c)
	n, err := s.Write(p)
	if n == len(p) || err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
		return s.failure(c, err)
	}
	rest := files.Borrow(uint32(len(p) - n)) // p may not be kept while the call waits
	defer rest.GiveBack()
	copy(rest.Bytes, p[n:])
	for left := rest.Bytes; len(left) > 0; {
		c.waitFor(s)
		n, err := s.Write(left)
		if err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
			return s.failure(c, err)
		}
		left = left[n:]
	}
	return nil
}

// failure is the error of a write for the component.
func (s standardOutput) failure(c call, err error) error {
	if err == nil {
		return nil
	}
	c.Refused().Stream(c.hostcall(), s.Sink)
	if errors.Is(err, hostcalls.ErrBrokenPipe) {
		s.Break()
		return errClosed
	}
	return err
}

// isReady reports whether a Notifier is ready now.
func isReady(n hostcalls.Notifier) bool {
	var ready atomic.Bool
	n.Notify(func() { ready.Store(true) })()
	return ready.Load()
}
