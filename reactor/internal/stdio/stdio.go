package stdio

import (
	"errors"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// Streams are the standard streams of a guest.
type Streams struct {
	Stdin          hostcalls.Source
	Stdout, Stderr hostcalls.Sink
}

// New makes the streams of a guest. It first reads submitted, and then, if port is not nil, what clients send. log is
// called only when the guest writes, so that a silent guest needs no log.
func New(submitted []byte, port *terminal.Port, log func() *logbuf.Log) Streams {
	s := Streams{
		Stdin:  hostcalls.Empty{},
		Stdout: &output{store.Stdout, port, log},
		Stderr: &output{store.Stderr, port, log},
	}
	if port != nil {
		s.Stdin = port.Stdin()
	}
	if len(submitted) > 0 {
		s.Stdin = &input{rest: submitted, next: s.Stdin}
	}
	return s
}

// input is a guest's stdin: first what was submitted, then the next source.
type input struct {
	rest []byte
	next hostcalls.Source
}

// Read implements hostcalls.Source.
func (s *input) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return s.next.Read(p)
	}
	n := copy(p, s.rest)
	if s.rest = s.rest[n:]; len(s.rest) == 0 {
		s.rest = nil
	}
	return n, nil
}

// Notify implements hostcalls.Notifier.
func (s *input) Notify(ready func()) (stop func()) {
	if len(s.rest) > 0 {
		ready()
		return func() {}
	}
	return s.next.Notify(ready)
}

// Level implements hostcalls.Leveler.
func (s *input) Level() (nbytes int, hangup bool) {
	nbytes = 1 // if it is not known
	if next, ok := s.next.(hostcalls.Leveler); ok {
		nbytes, hangup = next.Level()
	}
	return nbytes + len(s.rest), hangup
}

// output is a guest's stdout or stderr: its log, and the attached client.
type output struct {
	stream store.Stream
	port   *terminal.Port // nil if no client can attach
	log    func() *logbuf.Log
}

// Write implements hostcalls.Sink.
func (s *output) Write(p []byte) (int, error) {
	if s.port == nil {
		_, n, err := s.log().Append(s.stream, p, time.Now(), true)
		return blocking(n, err)
	}
	return blocking(s.port.Write(s.stream, p, s.log()))
}

// blocking has a guest wait for room in the log.
func blocking(n int, err error) (int, error) {
	if errors.Is(err, logbuf.ErrNoRoom) {
		err = hostcalls.ErrWouldBlock
	}
	return n, err
}

// Notify implements hostcalls.Notifier.
func (s *output) Notify(ready func()) (stop func()) {
	if s.port == nil {
		return s.log().Notify(ready, true)
	}
	return s.port.Notify(ready, s.log())
}

// Level implements hostcalls.Leveler: the amount of room is unknown, and the reader never hangs up.
func (s *output) Level() (nbytes int, hangup bool) { return 1, false }
