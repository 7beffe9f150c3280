package wasip1

import (
	"math"
	"syscall"
	"time"

	"github.com/reactord/reactord/hostcalls/network"
)

func optionFunctions() []function {
	return []function{
		{"sock_getsockopt", "iiiii", sockGetOption},
		{"sock_setsockopt", "iiiii", sockSetOption},
	}
}

// optionName is a level and the name of an option in it.
type optionName struct{ level, name uint32 }

// Levels of options. WasmEdge has only the first; wasi-go has added the other.
const (
	levelSocket = 0
	levelTCP    = 6
)

// The options that are not simply one of package network.
var (
	optionType           = optionName{levelSocket, 1}
	optionError          = optionName{levelSocket, 2}
	optionLinger         = optionName{levelSocket, 9}
	optionReceiveTimeout = optionName{levelSocket, 11}
	optionSendTimeout    = optionName{levelSocket, 12}
	optionListening      = optionName{levelSocket, 13}
)

// plainOptions are options of package network whose value is an i32.
var plainOptions = map[optionName]network.Option{
	{levelSocket, 0}: network.ReuseAddr,
	{levelSocket, 4}: network.Broadcast,
	{levelSocket, 5}: network.SendBuffer,
	{levelSocket, 6}: network.ReceiveBuffer,
	{levelSocket, 7}: network.KeepAlive,
	{levelTCP, 1}:    network.NoDelay,
}

// Sizes of the values of options.
const (
	sizeIntOption = 4
	sizeLinger    = 8  // {on: i32, seconds: i32}
	sizeTimeval   = 16 // {seconds: i64, microseconds: i64}
)

// sizeOf returns the size of an option's value, and whether there is such an option.
func sizeOf(o optionName) (size uint32, known bool) {
	switch o {
	case optionReceiveTimeout, optionSendTimeout:
		return sizeTimeval, true
	case optionLinger:
		return sizeLinger, true
	case optionType, optionError, optionListening:
		return sizeIntOption, true
	}
	_, known = plainOptions[o]
	return sizeIntOption, known
}

// sockGetOption: sock_getsockopt(fd, level, name, *value, size). WasmEdge and its Rust library take size for a pointer
// to the size, which is updated; the Go library passes the size itself. No value is larger than sizeTimeval, and no
// program has a variable so near to the beginning of its memory, so what is not larger is a size.
func sockGetOption(p *Process, m memory, a args) errno {
	s, o, want, e := p.optionOf(a)
	if e != errnoSuccess {
		return e
	}
	size := a.u32(4)
	pointer := uint32(0)
	if size > sizeTimeval {
		pointer = size
		record, e := m.bytes(pointer, 4)
		if e != errnoSuccess {
			return e
		}
		size = le.Uint32(record)
	}
	if size < want {
		return errnoInval
	}
	buf, e := m.bytes(a.u32(3), want)
	if e != errnoSuccess {
		return e
	}
	if e := p.readOption(s, o, buf); e != errnoSuccess || pointer == 0 {
		return e
	}
	return m.putUint32(pointer, want)
}

// sockSetOption: sock_setsockopt(fd, level, name, *value, size).
func sockSetOption(p *Process, m memory, a args) errno {
	s, o, want, e := p.optionOf(a)
	if e != errnoSuccess {
		return e
	}
	if a.u32(4) < want {
		return errnoInval
	}
	buf, e := m.bytes(a.u32(3), want)
	if e != errnoSuccess {
		return e
	}
	return p.writeOption(s, o, buf)
}

// optionOf returns the socket and the option of a call, and the size of its value.
func (p *Process) optionOf(a args) (s netSocket, o optionName, size uint32, e errno) {
	o = optionName{a.u32(1), a.u32(2)}
	if s, e = p.netSocket(a.u32(0)); e != errnoSuccess {
		return s, o, 0, e
	}
	size, known := sizeOf(o)
	switch {
	case o.level != levelSocket && o.level != levelTCP:
		e = errnoInval
	case !known:
		e = errnoNoprotoopt
	}
	return s, o, size, e
}

// readOption writes the value of an option into buf, which has the option's size.
func (p *Process) readOption(s netSocket, o optionName, buf []byte) errno {
	defer p.AddCostSince(time.Now())
	value, e := 0, errnoSuccess
	switch o {
	case optionReceiveTimeout, optionSendTimeout:
		putTimeval(buf, *s.timeout(o))
		return errnoSuccess
	case optionLinger:
		micros, err := s.socket().Option(network.Linger)
		putLinger(buf, micros)
		return errnoOf(err)
	case optionError:
		value = int(s.pendingError())
	case optionType:
		if value = sockStream; s.stat().filetype == filetypeSocketDgram {
			value = sockDgram
		}
	case optionListening:
		if a, ok := s.(acceptor); ok && a.listening() {
			value = 1
		}
	default:
		var err error
		value, err = s.socket().Option(plainOptions[o])
		e = errnoOf(err)
	}
	if e == errnoSuccess {
		le.PutUint32(buf, uint32(int32(value)))
	}
	return e
}

// writeOption sets an option to the value in buf.
func (p *Process) writeOption(s netSocket, o optionName, buf []byte) errno {
	defer p.AddCostSince(time.Now())
	switch o {
	case optionReceiveTimeout, optionSendTimeout:
		timeout, ok := timeval(buf)
		if !ok {
			return errnoDom
		}
		*s.timeout(o) = timeout
		return errnoSuccess
	case optionLinger:
		return errnoOf(s.socket().SetOption(network.Linger, linger(buf)))
	case optionType, optionError, optionListening:
		return errnoNoprotoopt
	}
	return errnoOf(s.socket().SetOption(plainOptions[o], int(int32(le.Uint32(buf)))))
}

// linger decodes how long a close waits for what was not sent, in microseconds; -1 if it does not.
func linger(buf []byte) (micros int) {
	if le.Uint32(buf) == 0 {
		return -1
	}
	return int(max(int32(le.Uint32(buf[4:])), 0)) * 1e6
}

func putLinger(buf []byte, micros int) {
	clear(buf)
	if micros >= 0 {
		le.PutUint32(buf, 1)
		le.PutUint32(buf[4:], uint32(micros/1e6))
	}
}

// timeval decodes a duration. It returns false for one that is out of range.
func timeval(buf []byte) (time.Duration, bool) {
	seconds, micros := int64(le.Uint64(buf)), int64(le.Uint64(buf[8:]))
	if seconds < 0 || micros < 0 || micros >= 1e6 {
		return 0, false
	}
	if seconds > math.MaxInt64/int64(time.Second)-1 {
		return 0, true // longer than any program runs
	}
	return time.Duration(seconds)*time.Second + time.Duration(micros)*time.Microsecond, true
}

func putTimeval(buf []byte, d time.Duration) {
	le.PutUint64(buf, uint64(d/time.Second))
	le.PutUint64(buf[8:], uint64(d%time.Second/time.Microsecond))
}

// pendingErrorOf returns and clears the error of a socket.
func pendingErrorOf(s network.Socket) errno {
	code, err := s.Option(network.PendingError)
	if err != nil {
		return errnoOf(err)
	}
	return errnoOfSyscall(syscall.Errno(code))
}

// pendingError implements netSocket.
func (s *tcpSocket) pendingError() errno {
	s.settle()
	switch {
	case s.failure != errnoSuccess:
		return s.takeFailure()
	case s.state == tcpConnecting:
		return errnoSuccess
	default:
		return pendingErrorOf(s.tcp)
	}
}

// pendingError implements netSocket.
func (s *udpSocket) pendingError() errno { return pendingErrorOf(s.udp) }

func (t *timeouts) of(o optionName) *time.Duration {
	if o == optionSendTimeout {
		return &t.send
	}
	return &t.receive
}

func (s *tcpSocket) timeout(o optionName) *time.Duration { return s.timeouts.of(o) }
func (s *udpSocket) timeout(o optionName) *time.Duration { return s.timeouts.of(o) }
