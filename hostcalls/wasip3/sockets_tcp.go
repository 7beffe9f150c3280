package wasip3

import (
	"errors"
	"net/netip"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func tcpFunctions() []component.Function {
	const self = "func(self: borrow<tcp-socket>"
	const outcomeType = "future<result<_, error-code>>"
	return []component.Function{
		function("[static]tcp-socket.create", "func(address-family: ip-address-family) -> result<tcp-socket, error-code>", createTCP),
		function("[method]tcp-socket.bind", self+", local-address: ip-socket-address) -> result<_, error-code>", func(c call) {
			s := c.tcpSocket()
			c.sockDone(s.bind(wasi.SocketAddress(&c.Args)))
		}),
		later("[method]tcp-socket.connect", "async "+self+", remote-address: ip-socket-address) -> result<_, error-code>", func(c call) {
			s := c.tcpSocket()
			c.connect(s, wasi.SocketAddress(&c.Args))
		}),
		function("[method]tcp-socket.listen", self+") -> result<stream<tcp-socket>, error-code>", func(c call) { c.listen(c.tcpSocket()) }),
		function("[method]tcp-socket.send", self+", data: stream<u8>) -> "+outcomeType, func(c call) {
			s := c.tcpSocket()
			c.send(s, c.Args.Stream())
		}),
		function("[method]tcp-socket.receive", self+") -> tuple<stream<u8>, "+outcomeType+">", func(c call) { c.receive(c.tcpSocket()) }),
		function("[method]tcp-socket.get-local-address", self+") -> result<ip-socket-address, error-code>", func(c call) {
			s := c.tcpSocket()
			c.putLocal(s.tcp, s.family, s.state != tcpUnbound && s.state != tcpClosed)
		}),
		function("[method]tcp-socket.get-remote-address", self+") -> result<ip-socket-address, error-code>", func(c call) {
			s := c.tcpSocket()
			c.putRemote(s.tcp, s.state == tcpConnected)
		}),
		function("[method]tcp-socket.get-is-listening", self+") -> bool", func(c call) { c.Results.Bool(c.tcpSocket().state == tcpListening) }),
		function("[method]tcp-socket.get-address-family", self+") -> ip-address-family", func(c call) { c.Results.Enum(wasi.CaseOf(c.tcpSocket().family)) }),
		function("[method]tcp-socket.set-listen-backlog-size", self+", value: u64) -> result<_, error-code>", func(c call) {
			s := c.tcpSocket()
			c.sockDone(s.setBacklog(c.Args.U64()))
		}),
	}
}

// tcpState is the state of a tcp-socket, as the specification has them.
type tcpState uint8

const (
	tcpUnbound tcpState = iota
	tcpBound
	tcpConnecting
	tcpConnected
	tcpListening
	tcpClosed
)

// tcpSocket is a tcp-socket. Its streams share it; it is closed when the last of them has ended and the handle is dropped.
type tcpSocket struct {
	component.Object
	host    *host
	tcp     network.TCP
	family  network.Family
	state   tcpState
	backlog int
	uses    int
	used    [2]bool // by network.Direction: receive or send was called
	starts  [2]hostcalls.WaitStart
}

// Drop implements component.Dropper.
func (s *tcpSocket) Drop() { s.drop() }

func (s *tcpSocket) use() *tcpSocket {
	s.uses++
	return s
}

// drop ends a use.
func (s *tcpSocket) drop() {
	if s.uses--; s.uses == 0 {
		s.host.CloseSocket(s.tcp)
	}
}

// tcpSocket reads a handle of a tcp-socket.
func (c call) tcpSocket() *tcpSocket { return c.tcpSockets.Get(c.Args.Borrow()) }

// createTCP: [static]tcp-socket.create. Every component may make sockets; what they may reach is asked when they bind and connect.
func createTCP(c call) {
	family := wasi.FamilyOf(c.Args.Enum())
	c.Charge(wasi.OpenCost)
	began := time.Now()
	tcp, err := c.NewSocket(c.Call, func() (network.Socket, error) { return c.Net().TCP(family) })
	c.store.AddCostSince(began)
	if c.sockFailed(err) {
		return
	}
	s := &tcpSocket{host: c.host, tcp: tcp.(network.TCP), family: family, backlog: wasi.DefaultBacklog, uses: 1}
	c.Results.OK()
	c.Results.Own(give(c, &c.tcpSockets, s))
}

func (s *tcpSocket) bind(local netip.AddrPort) error {
	switch {
	case s.state != tcpUnbound:
		return wasi.SockInvalidState
	case !wasi.IsOf(local, s.family):
		return wasi.SockInvalidArgument
	}
	defer s.host.store.AddCostSince(time.Now())
	if err := s.tcp.Bind(local); err != nil {
		return err
	}
	s.state = tcpBound
	return nil
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
	if s.state == tcpListening {
		defer s.host.store.AddCostSince(time.Now())
		return s.tcp.Listen(s.backlog)
	}
	return nil
}

// connect answers connect. One that is cancelled leaves the socket closed, as one that has failed does.
func (c call) connect(s *tcpSocket, remote netip.AddrPort) {
	if err := s.startConnect(c, remote); !errors.Is(err, hostcalls.ErrWouldBlock) {
		c.sockDone(err)
		return
	}
	c.await(waiting{
		op: func() hostcalls.Op { return network.Op(s.tcp, hostcalls.OpConnect, network.Out, 0) },
		on: network.Sink(s.tcp),
		try: func(call) error {
			defer s.host.store.AddCostSince(time.Now())
			return s.tcp.FinishConnect()
		},
		answer: func(c call, err error) {
			s.state = tcpConnected
			if c.sockFailed(err) {
				s.state = tcpClosed
				return
			}
			c.Results.OK()
		},
		cancel: func() {
			s.state = tcpClosed
			_ = s.tcp.Close()
		},
	})
}

func (s *tcpSocket) startConnect(c call, remote netip.AddrPort) error {
	switch {
	case s.state != tcpUnbound && s.state != tcpBound:
		return wasi.SockInvalidState
	case !wasi.IsPeer(remote, s.family):
		return wasi.SockInvalidArgument
	}
	c.Charge(wasi.ConnectCost)
	defer s.host.store.AddCostSince(time.Now())
	err := s.tcp.Connect(remote)
	switch {
	case err == nil:
		s.state = tcpConnected
	case errors.Is(err, hostcalls.ErrWouldBlock):
		s.state = tcpConnecting
	default:
		s.state = tcpClosed
	}
	return err
}
