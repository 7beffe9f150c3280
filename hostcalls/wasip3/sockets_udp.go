package wasip3

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

func udpFunctions() []component.Function {
	const self = "func(self: borrow<udp-socket>"
	return []component.Function{
		function("[static]udp-socket.create", "func(address-family: ip-address-family) -> result<udp-socket, error-code>", createUDP),
		function("[method]udp-socket.bind", self+", local-address: ip-socket-address) -> result<_, error-code>", func(c call) {
			s := c.udpSocket()
			c.sockDone(s.bind(wasi.SocketAddress(&c.Args)))
		}),
		function("[method]udp-socket.connect", self+", remote-address: ip-socket-address) -> result<_, error-code>", func(c call) {
			s := c.udpSocket()
			c.sockDone(s.connect(wasi.SocketAddress(&c.Args)))
		}),
		function("[method]udp-socket.disconnect", self+") -> result<_, error-code>", func(c call) { c.sockDone(c.udpSocket().disconnect()) }),
		later("[method]udp-socket.send", "async "+self+", data: list<u8>, remote-address: option<ip-socket-address>) -> result<_, error-code>", udpSend),
		later("[method]udp-socket.receive", "async "+self+") -> result<tuple<list<u8>, ip-socket-address>, error-code>", udpReceive),
		function("[method]udp-socket.get-local-address", self+") -> result<ip-socket-address, error-code>", func(c call) {
			s := c.udpSocket()
			c.putLocal(s.udp, s.family, s.bound)
		}),
		function("[method]udp-socket.get-remote-address", self+") -> result<ip-socket-address, error-code>", func(c call) {
			s := c.udpSocket()
			c.putRemote(s.udp, s.remote.IsValid())
		}),
		function("[method]udp-socket.get-address-family", self+") -> ip-address-family", func(c call) { c.Results.Enum(wasi.CaseOf(c.udpSocket().family)) }),
	}
}

// udpSocket is a udp-socket.
type udpSocket struct {
	component.Object
	host   *host
	udp    network.UDP
	family network.Family
	bound  bool           // by bind, or since it was connected or has sent
	remote netip.AddrPort // that it is connected to
}

// Drop implements component.Dropper.
func (s *udpSocket) Drop() { s.host.CloseSocket(s.udp) }

// udpSocket reads a handle of a udp-socket.
func (c call) udpSocket() *udpSocket { return c.udpSockets.Get(c.Args.Borrow()) }

// createUDP: [static]udp-socket.create.
func createUDP(c call) {
	family := wasi.FamilyOf(c.Args.Enum())
	c.Charge(wasi.OpenCost)
	began := time.Now()
	udp, err := c.NewSocket(c.Call, func() (network.Socket, error) { return c.Net().UDP(family) })
	c.store.AddCostSince(began)
	if c.sockFailed(err) {
		return
	}
	c.Results.OK()
	c.Results.Own(give(c, &c.udpSockets, &udpSocket{host: c.host, udp: udp.(network.UDP), family: family}))
}

func (s *udpSocket) bind(local netip.AddrPort) error {
	switch {
	case s.bound:
		return wasi.SockInvalidState
	case !wasi.IsOf(local, s.family):
		return wasi.SockInvalidArgument
	}
	defer s.host.store.AddCostSince(time.Now())
	if err := s.udp.Bind(local); err != nil {
		return err
	}
	s.bound = true
	return nil
}

func (s *udpSocket) connect(remote netip.AddrPort) error {
	if !wasi.IsPeer(remote, s.family) {
		return wasi.SockInvalidArgument
	}
	defer s.host.store.AddCostSince(time.Now())
	if err := s.udp.Connect(remote); err != nil {
		return err
	}
	s.bound, s.remote = true, remote
	return nil
}

func (s *udpSocket) disconnect() error {
	if !s.remote.IsValid() {
		return wasi.SockInvalidState
	}
	defer s.host.store.AddCostSince(time.Now())
	s.remote = netip.AddrPort{}
	return s.udp.Connect(s.remote)
}

// side is a direction of a UDP socket, as a hostcalls.Notifier.
type side struct {
	network.UDP
	d network.Direction
}

// Notify implements hostcalls.Notifier.
func (s side) Notify(ready func()) (stop func()) { return s.UDP.Notify(s.d, ready) }

// udpSend: [method]udp-socket.send.
func udpSend(c call) {
	s, data := c.udpSocket(), c.Args.Bytes()
	var to netip.AddrPort
	if c.Args.Option() {
		to = wasi.SocketAddress(&c.Args)
	}
	to, err := s.destination(data, to)
	if c.sockFailed(err) {
		return
	}
	kept := false
	c.await(waiting{
		op: func() hostcalls.Op { return network.Op(s.udp, hostcalls.OpWrite, network.Out, len(data)) },
		on: side{s.udp, network.Out},
		try: func(c call) error {
			c.Charge(wasi.StreamCost + wasi.CopyCost(len(data)))
			err := s.send(data, to)
			if errors.Is(err, hostcalls.ErrWouldBlock) && !kept { // data is the component's memory until the function returns
				if !c.store.Hold(int64(len(data))) {
					return wasi.SockOutOfMemory
				}
				kept, data = true, slices.Clone(data)
			}
			return err
		},
		answer: func(c call, err error) { c.sockDone(err) },
		end: func() {
			if kept {
				s.host.store.Free(int64(len(data)))
			}
		},
	})
}

// destination returns where a datagram goes, the zero AddrPort if that is the peer.
func (s *udpSocket) destination(data []byte, to netip.AddrPort) (netip.AddrPort, error) {
	switch {
	case len(data) > wasi.MaxDatagram:
		return to, wasi.SockDatagramTooLarge
	case s.remote.IsValid() && (!to.IsValid() || to == s.remote):
		return netip.AddrPort{}, nil
	case s.remote.IsValid(), !wasi.IsPeer(to, s.family):
		return to, wasi.SockInvalidArgument
	}
	return to, nil
}

// send sends a datagram.
func (s *udpSocket) send(data []byte, to netip.AddrPort) error {
	defer s.host.store.AddCostSince(time.Now())
	_, err := s.udp.WriteTo(data, to)
	s.bound = s.bound || err == nil
	s.host.Refused().SocketFailed(&s.host.store.Call, s.host.Net(), network.Out, err)
	return err
}

// udpReceive: [method]udp-socket.receive.
func udpReceive(c call) {
	s := c.udpSocket()
	if !s.bound {
		c.sockFailed(wasi.SockInvalidState)
		return
	}
	var buf files.Buffer // while there is a datagram
	var n int
	var from netip.AddrPort
	c.await(waiting{
		op: func() hostcalls.Op { return network.Op(s.udp, hostcalls.OpRead, network.In, 0) },
		on: side{s.udp, network.In},
		try: func(c call) (err error) {
			c.Charge(wasi.StreamCost)
			buf = files.Borrow(wasi.MaxDatagram)
			if n, from, err = s.receive(buf.Bytes); err != nil {
				buf.GiveBack()
				return err
			}
			c.Charge(wasi.CopyCost(n))
			return nil
		},
		answer: func(c call, err error) {
			if c.sockFailed(err) {
				return
			}
			c.Results.OK()
			out := c.Results.Record()
			out.Bytes(buf.Bytes[:n])
			wasi.PutSocketAddress(out, from)
			buf.GiveBack()
		},
	})
}

// receive receives a datagram, if there is one.
func (s *udpSocket) receive(p []byte) (int, netip.AddrPort, error) {
	defer s.host.store.AddCostSince(time.Now())
	n, from, _, err := s.udp.ReadFrom(p, false)
	s.host.Refused().SocketFailed(&s.host.store.Call, s.host.Net(), network.In, err)
	return n, from, err
}
