package wasip1

import (
	"errors"
	"io"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/stdio"
)

// stdioRights are the rights of all standard streams, besides the right to read or to write.
const stdioRights = rightFdFdstatSetFlags | rightFdFilestatGet | rightPollFdReadwrite

// stdin is descriptor 0. Its type is unknown, as preview 1 has for pipes: programs would take a character device
// for a terminal.
type stdin struct {
	fdstat
	stdio.In
}

// stdout is descriptor 1 or 2.
type stdout struct {
	fdstat
	stdio.Out
}

// onStreamFailed notes why an operation on a standard stream has failed, if that has to do with another workload.
func (p *Process) onStreamFailed(stream any, e errno) {
	if e == errnoPipe || e == errnoIo {
		p.refused.Stream(&p.Call, stream)
	}
}

// openStdio puts the standard streams under 0, 1 and 2. They are part of the Process itself.
func (p *Process) openStdio(config *abi.Config) {
	p.stdin.base, p.stdin.Source = stdioRights|rightFdRead, config.Stdin
	p.stdout.base, p.stdout.Sink = stdioRights|rightFdWrite, config.Stdout
	p.stderr.base, p.stderr.Sink = stdioRights|rightFdWrite, config.Stderr
	for _, d := range [...]descriptor{&p.stdin, &p.stdout, &p.stderr} {
		// The limit is no less than three: abi.Config.Validate.
		_, _ = p.fds.add(d)
	}
}

func (s *stdin) read(p *Process, v iovecs) (uint32, errno) {
	n, e := p.readStream(s, v, s.flags, s.Op())
	if e != errnoSuccess {
		p.onStreamFailed(s.Source, e)
	}
	return n, e
}

func (s *stdin) notifier(t eventtype) hostcalls.Notifier {
	if t != eventFdRead {
		return nil
	}
	return s.Source
}

func (s *stdin) waitStart(eventtype) *hostcalls.WaitStart { return &s.Waiting }
func (s *stdin) level(eventtype) (uint64, bool)           { return s.Level() }
func (s *stdin) op(*Process, eventtype) hostcalls.Op      { return s.Op() }
func (s *stdin) close(_ *Process, onClosed func())        { s.Close(); onClosed() }

// write writes to the stream.
func (s *stdout) write(p *Process, v iovecs) (uint32, errno) {
	if s.Broken() {
		engine.Abort(&exit{stdio.BrokenExit})
	}
	n, e := p.writeStream(s, v, s.flags, s.op(p, eventFdWrite))
	if e != errnoSuccess {
		p.onStreamFailed(s.Sink, e)
	}
	if e == errnoPipe {
		s.Break()
	}
	return n, e
}

func (s *stdout) notifier(t eventtype) hostcalls.Notifier {
	if t != eventFdWrite {
		return nil
	}
	return s.Sink
}

func (s *stdout) waitStart(eventtype) *hostcalls.WaitStart { return &s.Waiting }
func (s *stdout) level(eventtype) (uint64, bool)           { return s.Level() }
func (s *stdout) close(_ *Process, onClosed func())        { s.Close(); onClosed() }

func (s *stdout) op(p *Process, _ eventtype) hostcalls.Op {
	if s == &p.stderr {
		return s.Op(hostcalls.Stderr)
	}
	return s.Op(hostcalls.Stdout)
}

// readStream reads at most a piece from s. If there is nothing to read it waits, unless flags has nonblock, but not
// beyond op's deadline, if it has one.
func (p *Process) readStream(s hostcalls.Source, v iovecs, flags fdflags, op hostcalls.Op) (uint32, errno) {
	op.Bytes = uint64(v.total)
	v = v.front(pieceBytes)
	for {
		n, err := p.receive(s, v)
		switch {
		case n > 0 || errors.Is(err, io.EOF):
			p.charge(copyCost(int(n)))
			return n, errnoSuccess
		case !errors.Is(err, hostcalls.ErrWouldBlock) || flags&fdflagNonblock != 0 || expired(op.Deadline):
			return 0, errnoOf(err)
		}
		op.Kind = waitKind(hostcalls.OpRead, s)
		p.await(op.Deadline, hostcalls.Wait{Op: op, On: s})
	}
}

// receive reads once, so that it takes one system call, or one lock and clock reading, for all buffers
// together.
func (p *Process) receive(s hostcalls.Source, v iovecs) (uint32, error) {
	p.charge(streamCost + int64(v.count)*iovecCost)
	if buf, ok := v.whole(); ok {
		n, err := s.Read(buf)
		return uint32(n), err
	}
	buf := files.Borrow(v.total)
	defer buf.GiveBack()
	n, err := s.Read(buf.Bytes)
	return uint32(v.scatter(buf.Bytes[:n])), err
}

// writeStream writes all of v, piece by piece, and waits while s has no room. POSIX says so, and programs rely
// on it that do not check how much was written. If flags has nonblock, it writes what s accepts of one piece. If
// an error follows bytes that were written, it returns their number, and the guest's next call meets the error.
func (p *Process) writeStream(s hostcalls.Sink, v iovecs, flags fdflags, op hostcalls.Op) (uint32, errno) {
	op.Bytes = uint64(v.total)
	written := uint32(0)
	for v.total > 0 {
		n, e := p.writeSome(s, v.front(pieceBytes), flags, op)
		if e != errnoSuccess && written == 0 {
			return 0, e
		}
		written += n
		if e != errnoSuccess || n == 0 || flags&fdflagNonblock != 0 {
			break
		}
		v = v.after(n)
	}
	return written, errnoSuccess
}

// writeSome writes what s accepts of v. If it accepts nothing it waits, unless flags has nonblock, but not beyond op's
// deadline, if it has one.
func (p *Process) writeSome(s hostcalls.Sink, v iovecs, flags fdflags, op hostcalls.Op) (uint32, errno) {
	for {
		n, err := p.send(s, v)
		switch {
		case n > 0 || err == nil:
			return n, errnoSuccess
		case !errors.Is(err, hostcalls.ErrWouldBlock) || flags&fdflagNonblock != 0 || expired(op.Deadline):
			return 0, errnoOf(err)
		}
		op.Kind = waitKind(hostcalls.OpWrite, s)
		p.await(op.Deadline, hostcalls.Wait{Op: op, On: s})
	}
}

// rated is a stream that may have to wait for the workload's rate rather than for its peer.
type rated interface{ waitsForRate() bool }

// waitKind returns the kind of a wait for a stream that begins now.
func waitKind(kind hostcalls.OpKind, s any) hostcalls.OpKind {
	if r, ok := s.(rated); ok && r.waitsForRate() {
		return hostcalls.OpRate
	}
	return kind
}

// send writes once, in the same way as receive reads.
func (p *Process) send(s hostcalls.Sink, v iovecs) (uint32, error) {
	p.charge(streamCost + int64(v.count)*iovecCost + copyCost(int(v.total)))
	if buf, ok := v.whole(); ok {
		n, err := s.Write(buf)
		return uint32(n), err
	}
	buf := files.Borrow(v.total)
	defer buf.GiveBack()
	n, err := s.Write(buf.Bytes[:v.gather(buf.Bytes)])
	return uint32(n), err
}

// streamCost is the cost of an attempt to read or write a stream, in addition to the bytes.
const streamCost = 200
