package wasip3

import (
	"errors"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// begin notes that the socket is to send or to receive, which each connection does once.
func (s *tcpSocket) begin(d network.Direction) error {
	if s.state != tcpConnected || s.used[d] {
		return wasi.SockInvalidState
	}
	s.used[d] = true
	return nil
}

// await has an end of the host wait for the socket.
func (s *tcpSocket) await(end *component.HostEnd, kind hostcalls.OpKind, d network.Direction, size int) {
	on := hostcalls.Notifier(network.Source(s.tcp))
	if d == network.Out {
		on = network.Sink(s.tcp)
	}
	end.Await(since(network.Op(s.tcp, kind, d, size), &s.starts[d]), on)
}

// ready reports whether the socket is ready in a direction, and has an end of the host wait for that otherwise.
func (s *tcpSocket) ready(end *component.HostEnd, kind hostcalls.OpKind, d network.Direction) bool {
	defer s.host.store.AddCostSince(time.Now())
	if n, hangup := s.tcp.Level(d); (n > 0 || hangup) && !network.WaitsForRate(s.tcp, d) {
		s.starts[d].End()
		return true
	}
	s.await(end, kind, d, 0)
	return false
}

// receive answers receive.
func (c call) receive(s *tcpSocket) {
	r := &tcpReceiver{outcome: c.outcomeOfStream(putSocketCode), failed: s.begin(network.In)}
	if r.failed == nil {
		r.socket = s.use()
	}
	r.end = r.produce(c, r, r.failed)
}

// tcpReceiver is a stream of what a connection receives.
type tcpReceiver struct {
	*outcome
	end    *component.HostEnd
	socket *tcpSocket // nil: failed says why
	failed error
	over   bool // there is nothing more to receive
}

var (
	_ component.Producer = (*tcpReceiver)(nil)
	_ component.Readier  = (*tcpReceiver)(nil)
)

// Ready implements component.Readier.
func (r *tcpReceiver) Ready() bool {
	return r.failed != nil || r.socket.ready(r.end, hostcalls.OpRead, network.In)
}

// Produce implements component.Producer.
func (r *tcpReceiver) Produce(to *component.Items) (more bool) {
	c := to.Call()
	c.Charge(wasi.StreamCost)
	if r.failed != nil {
		return false
	}
	bytes := to.Bytes()
	n, err := r.socket.read(bytes[:min(len(bytes), wasi.MaxPiece)])
	c.Charge(wasi.CopyCost(n))
	to.Moved(n)
	switch {
	case n > 0:
		return true // the next read meets an error
	case err == nil || errors.Is(err, hostcalls.ErrWouldBlock):
		r.socket.await(r.end, hostcalls.OpRead, network.In, to.Len())
		return true
	case errors.Is(err, io.EOF):
		err = nil
	}
	r.over = true
	r.resolve(err)
	return false
}

// read reads once.
func (s *tcpSocket) read(p []byte) (int, error) {
	defer s.host.store.AddCostSince(time.Now())
	n, err := s.tcp.Read(p, false)
	s.starts[network.In].Use(err)
	s.host.Refused().SocketFailed(&s.host.store.Call, s.host.Net(), network.In, err)
	return n, err
}

// Stop implements component.Producer. A component that drops the stream wants to receive no more.
func (r *tcpReceiver) Stop() {
	if r.socket != nil {
		if !r.over {
			_ = r.socket.tcp.Shutdown(true, false)
		}
		r.socket.drop()
	}
	r.resolve(nil)
	r.release()
}

// send answers send.
func (c call) send(s *tcpSocket, data uint64) {
	w := &tcpSender{outcome: c.outcomeOfStream(putSocketCode), failed: s.begin(network.Out)}
	if w.failed == nil {
		w.socket = s.use()
	}
	w.end = w.consume(c, data, w, w.failed)
}

// tcpSender sends what a component writes to a stream.
type tcpSender struct {
	*outcome
	end    *component.HostEnd
	socket *tcpSocket // nil: failed says why
	failed error
}

var (
	_ component.Consumer = (*tcpSender)(nil)
	_ component.Readier  = (*tcpSender)(nil)
)

// Ready implements component.Readier.
func (w *tcpSender) Ready() bool {
	return w.failed != nil || w.socket.ready(w.end, hostcalls.OpWrite, network.Out)
}

// Consume implements component.Consumer. What it has consumed the system has.
func (w *tcpSender) Consume(from *component.Items) (more bool) {
	c := from.Call()
	c.Charge(wasi.StreamCost)
	if w.failed != nil {
		return false
	}
	bytes := from.Bytes()
	n, err := w.socket.write(bytes[:min(len(bytes), wasi.MaxPiece)])
	c.Charge(wasi.CopyCost(n))
	from.Moved(n)
	switch {
	case n > 0:
		return true // the next write meets an error
	case err == nil || errors.Is(err, hostcalls.ErrWouldBlock):
		w.socket.await(w.end, hostcalls.OpWrite, network.Out, from.Len())
		return true
	}
	w.resolve(err)
	return false
}

// write writes once.
func (s *tcpSocket) write(p []byte) (int, error) {
	defer s.host.store.AddCostSince(time.Now())
	n, err := s.tcp.Write(p)
	s.starts[network.Out].Use(err)
	s.host.Refused().SocketFailed(&s.host.store.Call, s.host.Net(), network.Out, err)
	return n, err
}

// Stop implements component.Consumer. The end of the stream is the end of what is sent.
func (w *tcpSender) Stop(bool) {
	if w.socket != nil {
		_ = w.socket.tcp.Shutdown(false, true)
		w.socket.drop()
	}
	w.resolve(nil)
	w.release()
}

// listen answers listen.
func (c call) listen(s *tcpSocket) {
	if s.state != tcpUnbound && s.state != tcpBound {
		c.sockFailed(wasi.SockInvalidState)
		return
	}
	began := time.Now()
	err := s.tcp.Listen(s.backlog)
	c.store.AddCostSince(began)
	if c.sockFailed(err) {
		return
	}
	c.hold(wasi.ObjectBytes, "another stream of the host")
	s.state = tcpListening
	l := &tcpAcceptor{socket: s.use()}
	c.Results.OK()
	end, stream := c.store.NewStream(c.Results.Type(), l)
	l.end = end
	c.Results.Stream(stream)
}

// tcpAcceptor is a stream of the connections to a listener.
type tcpAcceptor struct {
	end    *component.HostEnd
	socket *tcpSocket
}

var (
	_ component.Producer = (*tcpAcceptor)(nil)
	_ component.Readier  = (*tcpAcceptor)(nil)
)

// Ready implements component.Readier.
func (l *tcpAcceptor) Ready() bool {
	h := l.socket.host
	if !l.socket.ready(l.end, hostcalls.OpAccept, network.In) {
		return false
	}
	if !h.Handles.Full() && !h.Net().Full() {
		return true
	}
	l.awaitRoom()
	return false
}

// awaitRoom has the end wait until a connection may be accepted that was not for want of something.
func (l *tcpAcceptor) awaitRoom() {
	s := l.socket
	l.end.Await(since(network.Op(s.tcp, hostcalls.OpAccept, network.In, 0), &s.starts[network.In]), wasi.Room{Host: s.host.Host})
}

// Produce implements component.Producer. It accepts one connection, which it hands over; others wait meanwhile, as they do while
// there is no descriptor for them.
func (l *tcpAcceptor) Produce(to *component.Items) (more bool) {
	s := l.socket
	c := call{to.Call(), s.host}
	c.Charge(wasi.StreamCost)
	tcp, err := s.accept(c)
	s.starts[network.In].Use(err)
	switch {
	case err == nil:
		c.Charge(wasi.OpenCost)
		accepted := &tcpSocket{host: s.host, tcp: tcp, family: s.family, state: tcpConnected, uses: 1}
		rep := give(c, &c.tcpSockets, accepted)
		to.Writer(1).Own(rep)
		return true
	case errors.Is(err, hostcalls.ErrWouldBlock):
		s.await(l.end, hostcalls.OpAccept, network.In, 0)
		return true
	case lacks(err):
		if !c.Handles.Full() {
			c.Handles.Shortage()
		}
		l.awaitRoom()
		return true
	}
	return false
}

// lacks reports whether a connection can't be accepted for want of something that there may be later.
func lacks(err error) bool {
	return errors.Is(err, network.ErrTooManySockets) || slices.ContainsFunc([]error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS},
		func(known error) bool { return errors.Is(err, known) })
}

// acceptFaults are errors of accept that say what has become of one connection.
var acceptFaults = []error{
	syscall.ENETDOWN, syscall.EPROTO, syscall.ENOPROTOOPT, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.EOPNOTSUPP,
	syscall.ENETUNREACH, syscall.ECONNABORTED, syscall.EPERM,
}

// accept accepts a connection, if there is one.
func (s *tcpSocket) accept(c call) (network.TCP, error) {
	defer s.host.store.AddCostSince(time.Now())
	if n, hangup := s.tcp.Level(network.In); n == 0 && !hangup {
		return nil, hostcalls.ErrWouldBlock
	}
	tcp, err := c.NewSocket(c.Call, func() (network.Socket, error) { return s.tcp.Accept() })
	switch {
	case err == nil:
		return tcp.(network.TCP), nil
	case slices.ContainsFunc(acceptFaults, func(known error) bool { return errors.Is(err, known) }):
		return nil, hostcalls.ErrWouldBlock // there may be others: the socket remains ready
	}
	return nil, err
}

// Stop implements component.Producer.
func (l *tcpAcceptor) Stop() {
	l.socket.host.store.Free(wasi.ObjectBytes)
	l.socket.drop()
}
