package wasip1

import (
	"errors"
	"net/netip"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// tcpState is what a tcpSocket is for.
type tcpState uint8

const (
	tcpIdle tcpState = iota // for neither of these; it may be bound
	tcpConnecting
	tcpConnected
	tcpListening
)

const (
	socketRights     = rightFdFdstatSetFlags | rightFdFilestatGet | rightPollFdReadwrite
	connectionRights = socketRights | rightFdRead | rightFdWrite | rightSockShutdown
	listenerRights   = socketRights | rightSockAccept
)

// tcpSocket is a TCP socket of the process's network: one that was granted, that the guest has opened, or accepted. The
// calls of the network never wait; their time is charged to the guest.
type tcpSocket struct {
	fdstat
	process  *Process
	tcp      network.TCP
	family   network.Family // of an unbound socket
	state    tcpState
	failure  errno // why a connection was not made, until the guest has been told
	timeouts timeouts
	waiting  [2]hostcalls.WaitStart // by network.Direction
}

// timeouts bound how long calls on a socket wait (SO_RCVTIMEO, SO_SNDTIMEO). Zero is no bound.
type timeouts struct{ receive, send time.Duration }

// dueIn returns the end of a wait that begins now.
func dueIn(timeout time.Duration) (due time.Time) {
	if timeout > 0 {
		due = time.Now().Add(timeout)
	}
	return due
}

// expired reports whether a wait is over because of its end, which is zero if it has none.
func expired(due time.Time) bool { return !due.IsZero() && !time.Now().Before(due) }

func newTCPSocket(tcp network.TCP, p *Process, state tcpState, base, inheriting rights) *tcpSocket {
	s := &tcpSocket{process: p, tcp: tcp, state: state}
	s.filetype, s.base, s.inheriting = filetypeSocketStream, base, inheriting
	return s
}

func newConnection(tcp network.TCP, p *Process) *tcpSocket {
	return newTCPSocket(tcp, p, tcpConnected, connectionRights, 0)
}

// newListener makes the descriptor of a listener grant. It starts as nonblocking, as in other hosts of preview 1:
// guests that serve many connections rely on it (Go's package net does not set it, and an accept that waits would
// stop all goroutines of the guest). Connections block, unless the guest sets nonblock.
func newListener(tcp network.TCP, p *Process) *tcpSocket {
	l := newTCPSocket(tcp, p, tcpListening, listenerRights, connectionRights)
	l.flags = fdflagNonblock
	return l
}

func (s *tcpSocket) close(p *Process, onClosed func()) {
	defer p.AddCostSince(time.Now())
	_ = s.tcp.Close()
	onClosed()
}

func (s *tcpSocket) socket() network.Socket { return s.tcp }

func (s *tcpSocket) addressFamily() network.Family { return s.family }

// bind gives the socket a local address.
func (s *tcpSocket) bind(p *Process, local netip.AddrPort) errno {
	if s.state != tcpIdle {
		return errnoInval
	}
	defer p.AddCostSince(time.Now())
	return errnoOf(s.tcp.Bind(local))
}

// connectCost is the cost of beginning a connection.
const connectCost = 20_000

// connect connects to an address. It waits, unless flags has nonblock: then the connection goes on to be made. What
// came of it is told by the next connect, read or write, or by the pending error.
func (s *tcpSocket) connect(p *Process, to netip.AddrPort) errno {
	before := s.state
	s.settle()
	switch {
	case s.failure != errnoSuccess:
		return s.takeFailure()
	case s.state == tcpConnecting:
		return errnoAlready
	case s.state == tcpConnected && before == tcpConnecting:
		return errnoSuccess
	case s.state != tcpIdle:
		return errnoIsconn
	}
	p.charge(connectCost)
	began := time.Now()
	err := s.tcp.Connect(to)
	p.AddCostSince(began)
	s.waiting = [2]hostcalls.WaitStart{}
	switch {
	case err == nil:
		s.state = tcpConnected
		return errnoSuccess
	case !errors.Is(err, hostcalls.ErrWouldBlock):
		return errnoOf(err)
	}
	s.state = tcpConnecting
	if s.flags&fdflagNonblock != 0 {
		return errnoInprogress
	}
	if !s.awaitConnection(p) {
		return errnoInprogress
	}
	return s.takeFailure()
}

// settle finds out what has become of a connection that is being made.
func (s *tcpSocket) settle() {
	if s.state != tcpConnecting {
		return
	}
	err := s.tcp.FinishConnect()
	s.waiting[network.Out].Use(err)
	switch {
	case err == nil:
		s.state = tcpConnected
	case !errors.Is(err, hostcalls.ErrWouldBlock):
		s.state, s.failure = tcpIdle, errnoOf(err)
	}
}

// awaitConnection waits until a connection has been made or has failed. It returns false if that took too long.
func (s *tcpSocket) awaitConnection(p *Process) (settled bool) {
	due := dueIn(s.timeouts.send)
	for {
		s.settle()
		if s.state != tcpConnecting {
			return true
		}
		if expired(due) {
			return false
		}
		p.await(due, hostcalls.Wait{Op: network.Op(s.tcp, hostcalls.OpConnect, network.Out, 0), On: tcpWriter{s}})
	}
}

func (s *tcpSocket) takeFailure() errno {
	e := s.failure
	s.failure = errnoSuccess
	return e
}

// connected returns errnoSuccess if the socket is connected. If a connection is being made it waits for it, unless
// flags has nonblock.
func (s *tcpSocket) connected(p *Process) errno {
	if s.state == tcpConnected {
		return errnoSuccess
	}
	s.settle()
	if s.state == tcpConnecting && (s.flags&fdflagNonblock != 0 || !s.awaitConnection(p)) {
		return errnoAgain
	}
	switch {
	case s.failure != errnoSuccess:
		return s.takeFailure()
	case s.state != tcpConnected:
		return errnoNotconn
	default:
		return errnoSuccess
	}
}

// maxBacklog bounds the connections that wait to be accepted.
const maxBacklog = 4096

// listen begins to accept connections.
func (s *tcpSocket) listen(p *Process, backlog int32) errno {
	if s.state != tcpIdle && s.state != tcpListening {
		return errnoInval
	}
	defer p.AddCostSince(time.Now())
	err := s.tcp.Listen(int(min(max(backlog, 1), maxBacklog)))
	if err == nil {
		s.state = tcpListening
		s.waiting = [2]hostcalls.WaitStart{}
	}
	return errnoOf(err)
}

// listening implements acceptor.
func (s *tcpSocket) listening() bool { return s.state == tcpListening }

// accept waits for a connection, unless flags has nonblock. Without a descriptor of the host for it the connection is left
// waiting, so that it can be accepted later.
func (s *tcpSocket) accept(p *Process, flags fdflags) (descriptor, errno) {
	due := dueIn(s.timeouts.receive)
	for {
		began := time.Now()
		if p.fds.hostFull() {
			if n, _ := s.tcp.Level(network.In); n > 0 {
				p.AddCostSince(began)
				return nil, p.refuseHostDescriptor()
			}
		}
		c, err := s.tcp.Accept()
		s.waiting[network.In].Use(err)
		p.AddCostSince(began)
		switch {
		case err == nil:
			accepted := newConnection(c, p)
			accepted.family, accepted.flags = s.family, flags
			return accepted, errnoSuccess
		case !errors.Is(err, hostcalls.ErrWouldBlock) || s.flags&fdflagNonblock != 0 || expired(due):
			return nil, p.noSocket(err)
		}
		p.await(due, hostcalls.Wait{Op: network.Op(s.tcp, hostcalls.OpAccept, network.In, 0), On: tcpReader{s}})
	}
}

// tcpReader, tcpPeeker and tcpWriter are the streams of a tcpSocket. They charge the time that they take.
type (
	tcpReader struct{ *tcpSocket }
	tcpPeeker struct{ *tcpSocket }
	tcpWriter struct{ *tcpSocket }
)

func (r tcpReader) Read(b []byte) (int, error) {
	defer r.process.AddCostSince(time.Now())
	n, err := r.tcp.Read(b, false)
	r.waiting[network.In].Use(err)
	r.process.onSocketFailed(network.In, err)
	return n, err
}

func (r tcpPeeker) Read(b []byte) (int, error) {
	defer r.process.AddCostSince(time.Now())
	n, err := r.tcp.Read(b, true)
	r.waiting[network.In].Use(err)
	r.process.onSocketFailed(network.In, err)
	return n, err
}

func (w tcpWriter) Write(b []byte) (int, error) {
	defer w.process.AddCostSince(time.Now())
	n, err := w.tcp.Write(b)
	w.waiting[network.Out].Use(err)
	w.process.onSocketFailed(network.Out, err)
	return n, err
}

func (r tcpReader) Notify(ready func()) (stop func()) { return r.tcp.Notify(network.In, ready) }
func (r tcpPeeker) Notify(ready func()) (stop func()) { return r.tcp.Notify(network.In, ready) }
func (w tcpWriter) Notify(ready func()) (stop func()) { return w.tcp.Notify(network.Out, ready) }

func (r tcpReader) waitsForRate() bool { return network.WaitsForRate(r.tcp, network.In) }
func (r tcpPeeker) waitsForRate() bool { return network.WaitsForRate(r.tcp, network.In) }
func (w tcpWriter) waitsForRate() bool { return network.WaitsForRate(w.tcp, network.Out) }

func (s *tcpSocket) read(p *Process, v iovecs) (uint32, errno) {
	n, _, e := s.receive(p, v, 0)
	return n, e
}

// receive implements conversation. A stream never truncates.
//
//nolint:unparam // datagrams have flags
func (s *tcpSocket) receive(p *Process, v iovecs, flags riflags) (uint32, roflags, errno) {
	if e := s.connected(p); e != errnoSuccess {
		return 0, 0, e
	}
	op := network.Op(s.tcp, hostcalls.OpRead, network.In, 0)
	op.Deadline = dueIn(s.timeouts.receive)
	var n uint32
	var e errno
	switch {
	case flags&recvPeek != 0:
		n, e = p.readStream(tcpPeeker{s}, v, s.flags, op)
	case flags&recvWaitall != 0:
		n, e = readFull(v, func(v iovecs) (uint32, errno) { return p.readStream(tcpReader{s}, v, s.flags, op) })
	default:
		n, e = p.readStream(tcpReader{s}, v, s.flags, op)
	}
	return n, 0, e
}

func (s *tcpSocket) write(p *Process, v iovecs) (uint32, errno) {
	if e := s.connected(p); e != errnoSuccess {
		return 0, e
	}
	op := network.Op(s.tcp, hostcalls.OpWrite, network.Out, 0)
	op.Deadline = dueIn(s.timeouts.send)
	return p.writeStream(tcpWriter{s}, v, s.flags, op)
}

func (s *tcpSocket) shutdown(p *Process, how sdflags) errno {
	if s.settle(); s.state != tcpConnected {
		return errnoNotconn
	}
	defer p.AddCostSince(time.Now())
	return errnoOf(s.tcp.Shutdown(how&shutdownRead != 0, how&shutdownWrite != 0))
}

func (s *tcpSocket) notifier(t eventtype) hostcalls.Notifier {
	if t == eventFdWrite {
		return tcpWriter{s}
	}
	return tcpReader{s}
}

func (s *tcpSocket) waitStart(t eventtype) *hostcalls.WaitStart { return &s.waiting[directionOf(t)] }

func (s *tcpSocket) level(t eventtype) (nbytes uint64, hangup bool) {
	defer s.process.AddCostSince(time.Now())
	return levelFor(s.tcp, t)
}

func levelFor(s network.Socket, t eventtype) (nbytes uint64, hangup bool) {
	n, hangup := s.Level(directionOf(t))
	return uint64(max(n, 0)), hangup
}

func directionOf(t eventtype) network.Direction {
	if t == eventFdWrite {
		return network.Out
	}
	return network.In
}

func (s *tcpSocket) op(_ *Process, t eventtype) hostcalls.Op {
	kind := hostcalls.OpRead
	switch {
	case s.state == tcpListening:
		kind = hostcalls.OpAccept
	case s.state == tcpConnecting:
		kind = hostcalls.OpConnect
	case t == eventFdWrite:
		kind = hostcalls.OpWrite
	}
	return network.Op(s.tcp, kind, directionOf(t), 0)
}
