package wasip2

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func socketsUDP() component.Interface {
	return component.Interface{
		Name: "wasi:sockets/udp", Version: version,
		Types: `
			use wasi:io/poll.{pollable};
			use wasi:sockets/network.{network, error-code, ip-socket-address, ip-address-family};
			record incoming-datagram { data: list<u8>, remote-address: ip-socket-address }
			record outgoing-datagram { data: list<u8>, remote-address: option<ip-socket-address> }
			resource udp-socket;
			resource incoming-datagram-stream;
			resource outgoing-datagram-stream;
		`,
		Functions: slices.Concat(udpFunctions(), udpOptions(), datagramFunctions()),
		Resources: []component.Resource{
			resource("udp-socket", func(h *host) *component.Objects[*udpSocket] { return &h.udpSockets }),
			resource("incoming-datagram-stream", func(h *host) *component.Objects[*incomingDatagrams] { return &h.incoming }),
			resource("outgoing-datagram-stream", func(h *host) *component.Objects[*outgoingDatagrams] { return &h.outgoing }),
		},
	}
}

func socketsUDPCreateSocket() component.Interface {
	return component.Interface{
		Name: "wasi:sockets/udp-create-socket", Version: version,
		Types: `
			use wasi:sockets/network.{error-code, ip-address-family};
			use wasi:sockets/udp.{udp-socket};
		`,
		Functions: []component.Function{
			function("create-udp-socket", "func(address-family: ip-address-family) -> result<udp-socket, error-code>", createUDP),
		},
	}
}

func udpFunctions() []component.Function {
	const self = "func(self: borrow<udp-socket>"
	return []component.Function{
		function("[method]udp-socket.start-bind", self+", network: borrow<network>, local-address: ip-socket-address) -> result<_, error-code>", func(c call) {
			s := c.udpSocket()
			c.Args.Borrow()
			c.sockDone(s.startBind(wasi.SocketAddress(&c.Args)))
		}),
		function("[method]udp-socket.finish-bind", self+") -> result<_, error-code>", func(c call) { c.sockDone(c.udpSocket().finishBind()) }),
		function("[method]udp-socket.stream",
			self+", remote-address: option<ip-socket-address>) -> result<tuple<incoming-datagram-stream, outgoing-datagram-stream>, error-code>", udpStream),
		function("[method]udp-socket.local-address", self+") -> result<ip-socket-address, error-code>", func(c call) {
			s := c.udpSocket()
			c.putLocal(s.udp, s.family, s.state == udpBound)
		}),
		function("[method]udp-socket.remote-address", self+") -> result<ip-socket-address, error-code>", func(c call) {
			s := c.udpSocket()
			c.putRemote(s.udp, s.remote.IsValid())
		}),
		function("[method]udp-socket.address-family", self+") -> ip-address-family", func(c call) { c.Results.Enum(wasi.CaseOf(c.udpSocket().family)) }),
		function("[method]udp-socket.subscribe", self+") -> pollable", func(c call) {
			c.subscribe(&always{}, c.udpSocket())
		}),
	}
}

func datagramFunctions() []component.Function {
	return []component.Function{
		function("[method]incoming-datagram-stream.receive", "func(self: borrow<incoming-datagram-stream>, max-results: u64) -> result<list<incoming-datagram>, error-code>", receive),
		function("[method]incoming-datagram-stream.subscribe", "func(self: borrow<incoming-datagram-stream>) -> pollable", func(c call) {
			s := c.incoming.Get(c.Args.Borrow())
			c.subscribe(udpSide{s.udpSocket, network.In}, s)
		}),
		function("[method]outgoing-datagram-stream.check-send", "func(self: borrow<outgoing-datagram-stream>) -> result<u64, error-code>", checkSend),
		function("[method]outgoing-datagram-stream.send", "func(self: borrow<outgoing-datagram-stream>, datagrams: list<outgoing-datagram>) -> result<u64, error-code>", send),
		function("[method]outgoing-datagram-stream.subscribe", "func(self: borrow<outgoing-datagram-stream>) -> pollable", func(c call) {
			s := c.outgoing.Get(c.Args.Borrow())
			c.subscribe(udpSide{s.udpSocket, network.Out}, s)
		}),
	}
}

// udpState is the state of a udp-socket.
type udpState uint8

const (
	udpUnbound udpState = iota
	udpBinding
	udpBound
)

// udpSocket is a udp-socket. Its streams share it.
type udpSocket struct {
	component.Object
	host    *host
	udp     network.UDP
	family  network.Family
	state   udpState
	remote  netip.AddrPort // that its streams are limited to
	streams int            // that there are
	uses    int
	starts  [2]hostcalls.WaitStart
}

// incomingDatagrams is an incoming-datagram-stream.
type incomingDatagrams struct {
	component.Object
	*udpSocket
}

// outgoingDatagrams is an outgoing-datagram-stream.
type outgoingDatagrams struct {
	component.Object
	*udpSocket
	permit int // datagrams that check-send has permitted
}

// Drop implements component.Dropper.
func (s *udpSocket) Drop() { s.drop() }

// Drop implements component.Dropper.
func (s *incomingDatagrams) Drop() { s.dropStream() }

// Drop implements component.Dropper.
func (s *outgoingDatagrams) Drop() { s.dropStream() }

// drop ends a use; the last one closes the socket.
func (s *udpSocket) drop() {
	if s.uses--; s.uses > 0 {
		return
	}
	s.host.closeSocket(s.udp)
}

func (s *udpSocket) dropStream() {
	s.streams--
	s.drop()
}

// udpSocket reads a handle of a udp-socket.
func (c call) udpSocket() *udpSocket { return c.udpSockets.Get(c.Args.Borrow()) }

// createUDP: create-udp-socket.
func createUDP(c call) {
	family := wasi.FamilyOf(c.Args.Enum())
	c.Charge(wasi.OpenCost)
	began := time.Now()
	udp, err := c.NewSocket(c.Call, func() (network.Socket, error) { return c.Net().UDP(family) })
	c.Store().AddCostSince(began)
	if c.sockFailed(err) {
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.udpSockets, &udpSocket{host: c.host, udp: udp.(network.UDP), family: family, uses: 1}, nil))
}

func (s *udpSocket) startBind(local netip.AddrPort) error {
	switch {
	case s.state == udpBinding:
		return wasi.SockConcurrencyConflict
	case s.state == udpBound:
		return wasi.SockInvalidState
	case !wasi.IsOf(local, s.family):
		return wasi.SockInvalidArgument
	}
	defer s.host.store.AddCostSince(time.Now())
	if err := s.udp.Bind(local); err != nil {
		return err
	}
	s.state = udpBinding
	return nil
}

func (s *udpSocket) finishBind() error {
	if s.state != udpBinding {
		return wasi.SockNotInProgress
	}
	s.state = udpBound
	return nil
}

// udpStream: [method]udp-socket.stream. There is one pair of streams at a time.
func udpStream(c call) {
	s := c.udpSocket()
	var remote netip.AddrPort
	limited := c.Args.Option()
	if limited {
		remote = wasi.SocketAddress(&c.Args)
	}
	if s.streams > 0 {
		c.Trap("udp-socket.stream was called while the streams of the call before were not dropped")
	}
	if c.sockFailed(s.limit(remote, limited)) {
		return
	}
	s.streams, s.uses = 2, s.uses+2
	c.Results.OK()
	streams := c.Results.Record()
	streams.Own(give(c, &c.incoming, &incomingDatagrams{udpSocket: s}, nil))
	streams.Own(give(c, &c.outgoing, &outgoingDatagrams{udpSocket: s}, nil))
}

// limit limits the socket to a peer, or to none.
func (s *udpSocket) limit(remote netip.AddrPort, limited bool) error {
	switch {
	case s.state != udpBound:
		return wasi.SockInvalidState
	case limited && !wasi.IsPeer(remote, s.family):
		return wasi.SockInvalidArgument
	case !limited && !s.remote.IsValid():
		return nil
	}
	defer s.host.store.AddCostSince(time.Now())
	if err := s.udp.Connect(remote); err != nil {
		return err
	}
	s.remote = remote
	return nil
}

const (
	// maxDatagrams bounds the datagrams that one call moves, and receivedAtOnce the bytes of those that it has received before
	// it stops.
	maxDatagrams   = 16
	receivedAtOnce = 64 << 10
)

type datagram struct {
	data []byte
	from netip.AddrPort
}

// receive: [method]incoming-datagram-stream.receive.
func receive(c call) {
	s, n := c.incoming.Get(c.Args.Borrow()), c.Args.U64()
	buf := files.Borrow(wasi.MaxDatagram)
	defer buf.GiveBack()
	var all []datagram
	var err error
	for bytes := 0; uint64(len(all)) < min(n, maxDatagrams) && bytes < receivedAtOnce; {
		c.Charge(wasi.StreamCost)
		var got int
		var from netip.AddrPort
		if got, from, err = s.receive(buf.Bytes); err != nil {
			break
		}
		c.Charge(wasi.CopyCost(got))
		all = append(all, datagram{slices.Clone(buf.Bytes[:got]), from})
		bytes += got
	}
	if len(all) == 0 && err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
		c.sockFailed(err)
		return
	}
	c.Results.OK()
	list := c.Results.List(len(all))
	for _, d := range all {
		out := list.Record()
		out.Bytes(d.data)
		wasi.PutSocketAddress(out, d.from)
	}
}

// receive receives a datagram, if there is one.
func (s *udpSocket) receive(p []byte) (int, netip.AddrPort, error) {
	defer s.host.store.AddCostSince(time.Now())
	n, from, _, err := s.udp.ReadFrom(p, false)
	s.starts[network.In].Use(err)
	s.host.Refused().SocketFailed(s.host.hostcall(), s.host.Net(), network.In, err)
	return n, from, err
}

// checkSend: [method]outgoing-datagram-stream.check-send.
func checkSend(c call) {
	s := c.outgoing.Get(c.Args.Borrow())
	s.permit = 0
	if (udpSide{s.udpSocket, network.Out}).ready() {
		s.permit = maxDatagrams
	}
	c.Results.OK()
	c.Results.U64(uint64(s.permit))
}

// send: [method]outgoing-datagram-stream.send.
func send(c call) {
	s, list := c.outgoing.Get(c.Args.Borrow()), c.Args.List()
	if list.Len() > s.permit {
		c.Trap("send was called with %d datagrams, and check-send has permitted %d", list.Len(), s.permit)
	}
	s.permit = 0
	sent := uint64(0)
	for list.Len() > 0 {
		d := list.Record()
		data := d.Bytes()
		var to netip.AddrPort
		if d.Option() {
			to = wasi.SocketAddress(&d)
		}
		c.Charge(wasi.StreamCost + wasi.CopyCost(len(data)))
		err := s.sendTo(data, to)
		if errors.Is(err, hostcalls.ErrWouldBlock) {
			break
		}
		if err != nil && sent == 0 {
			c.sockFailed(err)
			return
		}
		if err != nil {
			break
		}
		sent++
	}
	c.Results.OK()
	c.Results.U64(sent)
}

// sendTo sends a datagram, to the peer that the streams are limited to if to is the zero AddrPort.
func (s *udpSocket) sendTo(data []byte, to netip.AddrPort) error {
	switch {
	case len(data) > wasi.MaxDatagram:
		return wasi.SockDatagramTooLarge
	case s.remote.IsValid() && (!to.IsValid() || to == s.remote):
		to = netip.AddrPort{}
	case s.remote.IsValid(), !wasi.IsPeer(to, s.family):
		return wasi.SockInvalidArgument
	}
	defer s.host.store.AddCostSince(time.Now())
	_, err := s.udp.WriteTo(data, to)
	s.starts[network.Out].Use(err)
	s.host.Refused().SocketFailed(s.host.hostcall(), s.host.Net(), network.Out, err)
	return err
}

// udpSide is a direction of a socket, as a waitable.
type udpSide struct {
	*udpSocket
	d network.Direction
}

var _ waitable = udpSide{}

// Notify implements hostcalls.Notifier.
func (s udpSide) Notify(ready func()) (stop func()) { return s.udp.Notify(s.d, ready) }

func (s udpSide) ready() bool {
	defer s.host.store.AddCostSince(time.Now())
	n, hangup := s.udp.Level(s.d)
	return n > 0 || hangup
}

func (s udpSide) op() hostcalls.Op {
	if s.d == network.Out {
		return network.Op(s.udp, hostcalls.OpWrite, s.d, 0)
	}
	return network.Op(s.udp, hostcalls.OpRead, s.d, 0)
}

func (s udpSide) waiting() *hostcalls.WaitStart { return &s.starts[s.d] }
