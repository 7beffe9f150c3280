package wasip2

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func socketsTCP() component.Interface {
	return component.Interface{
		Name: "wasi:sockets/tcp", Version: version,
		Types: `
			use wasi:io/streams.{input-stream, output-stream};
			use wasi:io/poll.{pollable};
			use wasi:clocks/monotonic-clock.{duration};
			use wasi:sockets/network.{network, error-code, ip-socket-address, ip-address-family};
			enum shutdown-type { receive, send, both }
			resource tcp-socket;
		`,
		Functions: slices.Concat(tcpFunctions(), tcpOptions()),
		Resources: []component.Resource{
			resource("tcp-socket", func(h *host) *component.Objects[*tcpSocket] { return &h.tcpSockets }),
		},
	}
}

func socketsTCPCreateSocket() component.Interface {
	return component.Interface{
		Name: "wasi:sockets/tcp-create-socket", Version: version,
		Types: `
			use wasi:sockets/network.{error-code, ip-address-family};
			use wasi:sockets/tcp.{tcp-socket};
		`,
		Functions: []component.Function{
			function("create-tcp-socket", "func(address-family: ip-address-family) -> result<tcp-socket, error-code>", createTCP),
		},
	}
}

func tcpFunctions() []component.Function {
	const self = "func(self: borrow<tcp-socket>"
	return []component.Function{
		function("[method]tcp-socket.start-bind", self+", network: borrow<network>, local-address: ip-socket-address) -> result<_, error-code>", func(c call) {
			s := c.tcpSocket()
			c.Args.Borrow()
			c.sockDone(s.startBind(wasi.SocketAddress(&c.Args)))
		}),
		function("[method]tcp-socket.finish-bind", self+") -> result<_, error-code>",
			func(c call) { c.sockDone(c.tcpSocket().finish(tcpBinding, tcpBound)) }),
		function("[method]tcp-socket.start-connect", self+", network: borrow<network>, remote-address: ip-socket-address) -> result<_, error-code>", func(c call) {
			s := c.tcpSocket()
			c.Args.Borrow()
			c.sockDone(s.startConnect(c, wasi.SocketAddress(&c.Args)))
		}),
		function("[method]tcp-socket.finish-connect", self+") -> result<tuple<input-stream, output-stream>, error-code>", finishConnect),
		function("[method]tcp-socket.start-listen", self+") -> result<_, error-code>", func(c call) { c.sockDone(c.tcpSocket().startListen()) }),
		function("[method]tcp-socket.finish-listen", self+") -> result<_, error-code>",
			func(c call) { c.sockDone(c.tcpSocket().finish(tcpListenStarted, tcpListening)) }),
		function("[method]tcp-socket.accept", self+") -> result<tuple<tcp-socket, input-stream, output-stream>, error-code>", accept),
		function("[method]tcp-socket.local-address", self+") -> result<ip-socket-address, error-code>", func(c call) {
			s := c.tcpSocket()
			c.putLocal(s.tcp, s.family, s.state != tcpUnbound && s.state != tcpBinding && s.state != tcpClosed)
		}),
		function("[method]tcp-socket.remote-address", self+") -> result<ip-socket-address, error-code>", func(c call) {
			s := c.tcpSocket()
			c.putRemote(s.tcp, s.state == tcpConnected)
		}),
		function("[method]tcp-socket.is-listening", self+") -> bool", func(c call) { c.Results.Bool(c.tcpSocket().state == tcpListening) }),
		function("[method]tcp-socket.address-family", self+") -> ip-address-family", func(c call) { c.Results.Enum(wasi.CaseOf(c.tcpSocket().family)) }),
		function("[method]tcp-socket.subscribe", self+") -> pollable", func(c call) {
			s := c.tcpSocket()
			c.subscribe(s, s)
		}),
		function("[method]tcp-socket.shutdown", self+", shutdown-type: shutdown-type) -> result<_, error-code>", func(c call) {
			s, how := c.tcpSocket(), c.Args.Enum()
			if s.state != tcpConnected {
				c.sockFailed(wasi.SockInvalidState)
				return
			}
			c.sockDone(s.conn.shutdown(how != shutdownSend, how != shutdownReceive))
		}),
	}
}

// The cases of shutdown-type.
const (
	shutdownReceive = iota
	shutdownSend
)

// tcpState is the state of a tcp-socket, as the specification has them. What ends at once has a state of its own until the
// component has asked for its result.
type tcpState uint8

const (
	tcpUnbound tcpState = iota
	tcpBinding
	tcpBound
	tcpConnecting
	tcpConnected
	tcpListenStarted
	tcpListening
	tcpClosed
)

// tcpSocket is a tcp-socket.
type tcpSocket struct {
	component.Object
	host    *host
	tcp     network.TCP
	family  network.Family
	state   tcpState
	backlog int
	conn    *connection // once it is connected
	starts  [2]hostcalls.WaitStart
}

// Drop implements component.Dropper.
func (s *tcpSocket) Drop() {
	if s.conn != nil {
		s.conn.drop()
		return
	}
	s.host.closeSocket(s.tcp)
}

// tcpSocket reads a handle of a tcp-socket.
func (c call) tcpSocket() *tcpSocket { return c.tcpSockets.Get(c.Args.Borrow()) }

// createTCP: create-tcp-socket. Every component may make sockets; what they may reach is asked when they bind and connect.
func createTCP(c call) {
	family := wasi.FamilyOf(c.Args.Enum())
	c.Charge(wasi.OpenCost)
	began := time.Now()
	tcp, err := c.NewSocket(c.Call, func() (network.Socket, error) { return c.Net().TCP(family) })
	c.Store().AddCostSince(began)
	if c.sockFailed(err) {
		return
	}
	s := &tcpSocket{host: c.host, tcp: tcp.(network.TCP), family: family, backlog: wasi.DefaultBacklog}
	c.Results.OK()
	c.Results.Own(give(c, &c.tcpSockets, s, nil))
}

// finish ends an operation that was over when it began.
func (s *tcpSocket) finish(from, to tcpState) error {
	if s.state != from {
		return wasi.SockNotInProgress
	}
	s.state = to
	return nil
}

func (s *tcpSocket) startBind(local netip.AddrPort) error {
	switch {
	case s.state == tcpBinding:
		return wasi.SockConcurrencyConflict
	case s.state != tcpUnbound:
		return wasi.SockInvalidState
	case !wasi.IsOf(local, s.family):
		return wasi.SockInvalidArgument
	}
	defer s.host.store.AddCostSince(time.Now())
	if err := s.tcp.Bind(local); err != nil {
		return err
	}
	s.state = tcpBinding
	return nil
}

func (s *tcpSocket) startConnect(c call, remote netip.AddrPort) error {
	switch {
	case s.state == tcpConnecting:
		return wasi.SockConcurrencyConflict
	case s.state != tcpUnbound && s.state != tcpBound:
		return wasi.SockInvalidState
	case !wasi.IsPeer(remote, s.family):
		return wasi.SockInvalidArgument
	}
	c.Charge(wasi.ConnectCost)
	defer s.host.store.AddCostSince(time.Now())
	if err := s.tcp.Connect(remote); err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
		s.state = tcpClosed
		return err
	}
	s.state = tcpConnecting
	return nil
}

// finishConnect: [method]tcp-socket.finish-connect.
func finishConnect(c call) {
	s := c.tcpSocket()
	if s.state != tcpConnecting {
		c.sockFailed(wasi.SockNotInProgress)
		return
	}
	began := time.Now()
	err := s.tcp.FinishConnect()
	c.Store().AddCostSince(began)
	s.starts[network.Out].Use(err)
	if c.sockFailed(err) {
		if !errors.Is(err, hostcalls.ErrWouldBlock) {
			s.state = tcpClosed
		}
		return
	}
	s.connected()
	c.Results.OK()
	streams := c.Results.Record()
	streams.Own(give(c, &c.inputs, &inputStream{from: received{s.conn.use()}}, nil))
	streams.Own(give(c, &c.outputs, &outputStream{to: sent{s.conn.use()}}, nil))
}

// connected makes s a socket that is connected.
func (s *tcpSocket) connected() {
	s.state = tcpConnected
	s.conn = s.host.connect(s.tcp).use()
}

func (s *tcpSocket) startListen() error {
	switch s.state {
	case tcpBound:
	case tcpListenStarted:
		return wasi.SockConcurrencyConflict
	default:
		return wasi.SockInvalidState
	}
	defer s.host.store.AddCostSince(time.Now())
	if err := s.tcp.Listen(s.backlog); err != nil {
		return err
	}
	s.state = tcpListenStarted
	return nil
}

// accept: [method]tcp-socket.accept. Without a descriptor for it a connection is left waiting, so that it can be accepted later.
func accept(c call) {
	s := c.tcpSocket()
	if s.state != tcpListening {
		c.sockFailed(wasi.SockInvalidState)
		return
	}
	began := time.Now()
	var tcp network.Socket
	err := hostcalls.ErrWouldBlock
	if n, hangup := s.tcp.Level(network.In); n > 0 || hangup {
		tcp, err = c.NewSocket(c.Call, func() (network.Socket, error) { return s.tcp.Accept() })
	}
	c.Store().AddCostSince(began)
	s.starts[network.In].Use(err)
	if c.sockFailed(err) {
		return
	}
	a := &tcpSocket{host: c.host, tcp: tcp.(network.TCP), family: s.family}
	a.connected()
	c.Results.OK()
	out := c.Results.Record()
	out.Own(give(c, &c.tcpSockets, a, nil))
	out.Own(give(c, &c.inputs, &inputStream{from: received{a.conn.use()}}, nil))
	out.Own(give(c, &c.outputs, &outputStream{to: sent{a.conn.use()}}, nil))
}

// putLocal writes the local address of a socket that is bound. One that is bound to any port of every address has its port only
// once it is connected or listens.
func (c call) putLocal(s network.Socket, family network.Family, bound bool) {
	if !bound {
		c.sockFailed(wasi.SockInvalidState)
		return
	}
	local := s.LocalAddr()
	if !local.IsValid() {
		local = wasi.Unspecified(family)
	}
	c.Results.OK()
	wasi.PutSocketAddress(&c.Results, local)
}

// putRemote writes the address of the peer of a socket.
func (c call) putRemote(s network.Socket, connected bool) {
	remote := s.RemoteAddr()
	if !connected || !remote.IsValid() {
		c.sockFailed(wasi.SockInvalidState)
		return
	}
	c.Results.OK()
	wasi.PutSocketAddress(&c.Results, remote)
}

// direction returns what a socket waits for, if it waits for anything.
func (s *tcpSocket) direction() (d network.Direction, waits bool) {
	switch s.state {
	case tcpConnecting:
		return network.Out, true
	case tcpListening:
		return network.In, true
	}
	return network.In, false
}

// The methods of waitable: a socket is ready when what is in progress is over, and otherwise at once.

// Notify implements hostcalls.Notifier.
func (s *tcpSocket) Notify(ready func()) (stop func()) {
	d, waits := s.direction()
	if !waits {
		ready()
		return func() {}
	}
	return s.tcp.Notify(d, ready)
}

func (s *tcpSocket) ready() bool {
	d, waits := s.direction()
	if !waits {
		return true
	}
	defer s.host.store.AddCostSince(time.Now())
	n, hangup := s.tcp.Level(d)
	return n > 0 || hangup
}

func (s *tcpSocket) op() hostcalls.Op {
	d, _ := s.direction()
	if d == network.Out {
		return network.Op(s.tcp, hostcalls.OpConnect, d, 0)
	}
	return network.Op(s.tcp, hostcalls.OpAccept, d, 0)
}

func (s *tcpSocket) waiting() *hostcalls.WaitStart {
	d, _ := s.direction()
	return &s.starts[d]
}

// setBacklog sets how many connections may wait to be accepted.
func (s *tcpSocket) setBacklog(n uint64) error {
	switch {
	case n == 0:
		return wasi.SockInvalidArgument
	case s.state == tcpConnecting, s.state == tcpConnected, s.state == tcpClosed:
		return wasi.SockInvalidState
	}
	s.backlog = int(min(n, wasi.MaxBacklog))
	if s.state == tcpListening || s.state == tcpListenStarted {
		defer s.host.store.AddCostSince(time.Now())
		return s.tcp.Listen(s.backlog)
	}
	return nil
}
