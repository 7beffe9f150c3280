package stdio

import (
	"io"
	"sync/atomic"

	"github.com/reactord/reactord/hostcalls"
)

// In is a standard input.
type In struct {
	Source  hostcalls.Source
	Waiting hostcalls.WaitStart
	moved   atomic.Uint64 // bytes
}

// Out is a standard output or error.
type Out struct {
	Sink    hostcalls.Sink
	Waiting hostcalls.WaitStart
	moved   atomic.Uint64 // bytes
}

var (
	_ hostcalls.Source  = (*In)(nil)
	_ hostcalls.Sink    = (*Out)(nil)
	_ hostcalls.Subject = (*In)(nil)
	_ hostcalls.Subject = (*Out)(nil)
)

// Read implements hostcalls.Source.
func (s *In) Read(b []byte) (int, error) {
	n, err := s.Source.Read(b)
	s.moved.Add(uint64(n))
	s.Waiting.Use(err)
	return n, err
}

// Notify implements hostcalls.Notifier.
func (s *In) Notify(ready func()) (stop func()) { return s.Source.Notify(ready) }

// Level returns how many bytes can be read now, 1 if the number is not known, and whether the peer has gone.
func (s *In) Level() (nbytes uint64, hangup bool) { return levelOf(s.Source) }

// Op is the operation that waits for the stream.
func (s *In) Op() hostcalls.Op { return op(hostcalls.OpRead, s, s.Source, hostcalls.Stdin) }

// Transferred implements hostcalls.Subject.
func (s *In) Transferred(hostcalls.OpKind) uint64 { return s.moved.Load() }

// Grant implements hostcalls.Subject.
func (s *In) Grant() string { return "" }

// Close is called when the guest has closed the stream.
func (s *In) Close() { closeStream(s.Source) }

// Write implements hostcalls.Sink.
func (s *Out) Write(b []byte) (int, error) {
	n, err := s.Sink.Write(b)
	s.moved.Add(uint64(n))
	s.Waiting.Use(err)
	return n, err
}

// Notify implements hostcalls.Notifier.
func (s *Out) Notify(ready func()) (stop func()) { return s.Sink.Notify(ready) }

// Level returns how many bytes can be written now, 1 if the number is not known, and whether the peer has gone.
func (s *Out) Level() (nbytes uint64, hangup bool) { return levelOf(s.Sink) }

// Op is the operation that waits for the stream, whose name is hostcalls.Stdout or hostcalls.Stderr.
func (s *Out) Op(name string) hostcalls.Op { return op(hostcalls.OpWrite, s, s.Sink, name) }

// Transferred implements hostcalls.Subject.
func (s *Out) Transferred(hostcalls.OpKind) uint64 { return s.moved.Load() }

// Grant implements hostcalls.Subject.
func (s *Out) Grant() string { return "" }

// Close is called when the guest has closed the stream.
func (s *Out) Close() { closeStream(s.Sink) }

// Break is called when the guest has been told that the reader has gone. It learns that from the first write, as a program
// natively does that ignores SIGPIPE, and can end as it likes. Most programs don't look: a second write is to end them, as
// the signal would; see Broken.
func (s *Out) Break() {
	closeStream(s.Sink)
	s.Sink = unread{}
}

// Broken reports whether Break was called.
func (s *Out) Broken() bool { return s.Sink == unread{} }

// BrokenExit is the exit status of a program that writes on although its reader has gone: 128 and the number of SIGPIPE.
const BrokenExit = 128 + 13

// unread is a sink whose reader has gone.
type unread struct{}

func (unread) Write([]byte) (int, error)         { return 0, hostcalls.ErrBrokenPipe }
func (unread) Notify(ready func()) (stop func()) { ready(); return func() {} }
func (unread) Level() (nbytes int, hangup bool)  { return 1, true }

// op is an operation on a standard stream that has a name unless it is joined to another workload's.
func op(kind hostcalls.OpKind, s hostcalls.Subject, stream any, name string) hostcalls.Op {
	op := hostcalls.Op{Kind: kind, Target: name, Subject: s}
	if joint, ok := stream.(hostcalls.Joint); ok {
		op.Target, op.Subject = joint.Target(), joint
	}
	return op
}

// closeStream closes a standard stream that can be closed.
func closeStream(stream any) {
	if c, ok := stream.(io.Closer); ok {
		_ = c.Close() // it is in memory
	}
}

// levelOf returns the level of a stream, or one byte if the stream does not know it.
func levelOf(n hostcalls.Notifier) (nbytes uint64, hangup bool) {
	l, ok := n.(hostcalls.Leveler)
	if !ok {
		return 1, false
	}
	bytes, hangup := l.Level()
	return uint64(max(bytes, 0)), hangup
}
