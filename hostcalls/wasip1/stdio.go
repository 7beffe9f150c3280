package wasip1

import (
	"errors"
	"io"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
)

// stdioRights are those of any stream; fd_read or fd_write is added.
const stdioRights = rightFdFdstatSetFlags | rightFdFilestatGet | rightPollFdReadwrite

// stdin is descriptor 0. Its type is unknown, which is preview 1's for a pipe: a character device
// would be taken for a terminal.
type stdin struct {
	fdstat
	source hostcalls.Source
}

// stdout is descriptor 1 or 2.
type stdout struct {
	fdstat
	sink hostcalls.Sink
	name string
}

// openStdio puts the standard streams under 0, 1 and 2. They are part of the Process itself.
func (p *Process) openStdio(config Config) {
	p.stdin = stdin{fdstat{base: stdioRights | rightFdRead}, config.Stdin}
	p.stdout = stdout{fdstat{base: stdioRights | rightFdWrite}, config.Stdout, "stdout"}
	p.stderr = stdout{fdstat{base: stdioRights | rightFdWrite}, config.Stderr, "stderr"}
	for _, d := range [...]descriptor{&p.stdin, &p.stdout, &p.stderr} {
		// The limit is no less than three: Config.Validate.
		_, _ = p.fds.add(d)
	}
}

func (s *stdin) read(p *Process, v iovecs) (uint32, errno) {
	return p.readStream(s.source, v, s.flags, hostcalls.Op{Kind: opRead, Target: "stdin"})
}

func (s *stdin) notifier(t eventtype) hostcalls.Notifier {
	if t != eventFdRead {
		return nil
	}
	return s.source
}

func (s *stdin) level(eventtype) (uint64, bool) { return levelOf(s.source) }
func (s *stdin) target() string                 { return "stdin" }
func (s *stdin) close(*driver.Driver)           {}

func (s *stdout) write(p *Process, v iovecs) (uint32, errno) {
	return p.writeStream(s.sink, v, s.flags, hostcalls.Op{Kind: opWrite, Target: s.name})
}

func (s *stdout) notifier(t eventtype) hostcalls.Notifier {
	if t != eventFdWrite {
		return nil
	}
	return s.sink
}

func (s *stdout) level(eventtype) (uint64, bool) { return levelOf(s.sink) }
func (s *stdout) target() string                 { return s.name }
func (s *stdout) close(*driver.Driver)           {}

// Kinds of ops.
const (
	opRead    = "read"
	opWrite   = "write"
	opAccept  = "accept"
	opConnect = "connect"
	opListen  = "listen"
)

// levelOf asks a stream what it knows; one byte stands for an unknown number.
func levelOf(n hostcalls.Notifier) (nbytes uint64, hangup bool) {
	l, ok := n.(hostcalls.Leveler)
	if !ok {
		return 1, false
	}
	bytes, hangup := l.Level()
	return uint64(max(bytes, 0)), hangup
}

// readStream reads what s has, and waits until it has something unless flags say not to.
func (p *Process) readStream(s hostcalls.Source, v iovecs, flags fdflags, op hostcalls.Op) (uint32, errno) {
	op.Bytes = uint64(v.total)
	for {
		n, err := transfer(s.Read, v)
		switch {
		case n > 0 || errors.Is(err, io.EOF):
			return n, errnoSuccess
		case !errors.Is(err, hostcalls.ErrWouldBlock) || flags&fdflagNonblock != 0:
			return 0, errnoOf(err)
		}
		p.await(time.Time{}, hostcalls.Wait{Op: op, On: s})
	}
}

// transfer moves the bytes of v by move, Read or Write, until that takes a buffer only in part. It
// returns an error only if nothing was moved.
func transfer(move func([]byte) (int, error), v iovecs) (uint32, error) {
	total := 0
	for buf := range v.all {
		n, err := move(buf)
		total += n
		if err != nil && total == 0 {
			return 0, err
		}
		if err != nil || n < len(buf) {
			break
		}
	}
	return uint32(total), nil
}

// writeStream writes what s takes, and waits until it takes something unless flags say not to.
func (p *Process) writeStream(s hostcalls.Sink, v iovecs, flags fdflags, op hostcalls.Op) (uint32, errno) {
	op.Bytes = uint64(v.total)
	for {
		n, err := transfer(s.Write, v)
		switch {
		case err == nil:
			return n, errnoSuccess
		case !errors.Is(err, hostcalls.ErrWouldBlock) || flags&fdflagNonblock != 0:
			return 0, errnoOf(err)
		}
		p.await(time.Time{}, hostcalls.Wait{Op: op, On: s})
	}
}
