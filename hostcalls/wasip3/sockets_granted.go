package wasip3

import (
	"errors"
	"io"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// ConnectionType is the resource type of the connections that components get as arguments.
func ConnectionType() component.ConnectionType {
	return component.ConnectionType{Interface: "wasi:sockets/types", Track: "0.3", Name: "tcp-socket"}
}

var errNoMemory = errors.New("the memory limit has no room for another object of the host")

// Connection makes the connection that is granted under a name a tcp-socket, which is connected, and returns what its handle stands
// for. It can do what a socket can that the component has connected itself, so it is no way to anybody else.
func (s *State) Connection(name string) (rep uint32, err error) {
	socket, err := s.granted(name)
	if err != nil {
		return 0, err
	}
	return s.tcpSockets.Add(s.store, socket, nil), nil
}

// Received makes what comes from the connection that is granted under a name a stream, by open. When that ends, the connection is
// closed.
func (s *State) Received(name string, open func(component.Producer) *component.HostEnd) error {
	socket, err := s.granted(name)
	if err != nil {
		return err
	}
	i := &input{socket: socket, name: name}
	i.end = open(i)
	return nil
}

// granted takes a connection, and counts it as an object of the component.
func (s *State) granted(name string) (*tcpSocket, error) {
	if !s.store.Hold(wasi.ObjectBytes) {
		return nil, errNoMemory
	}
	tcp, err := s.TakeConnection(name)
	if err != nil {
		s.store.Free(wasi.ObjectBytes)
		return nil, err
	}
	family := network.IPv4
	if addr := tcp.LocalAddr().Addr(); addr.Is6() && !addr.Is4In6() {
		family = network.IPv6
	}
	return &tcpSocket{host: &s.host, tcp: tcp, family: family, state: tcpConnected, backlog: wasi.DefaultBacklog, uses: 1}, nil
}

// input is a stream of what comes from a granted connection. A component that has only the stream can't be told that the connection
// has failed, and must not take that for its end: it traps.
type input struct {
	end    *component.HostEnd
	socket *tcpSocket
	name   string
}

var (
	_ component.Producer = (*input)(nil)
	_ component.Readier  = (*input)(nil)
)

// Ready implements component.Readier.
func (i *input) Ready() bool { return i.socket.ready(i.end, hostcalls.OpRead, network.In) }

// Produce implements component.Producer.
func (i *input) Produce(to *component.Items) (more bool) {
	c := to.Call()
	c.Charge(wasi.StreamCost)
	bytes := to.Bytes()
	n, err := i.socket.read(bytes[:min(len(bytes), wasi.MaxPiece)])
	c.Charge(wasi.CopyCost(n))
	to.Moved(n)
	switch {
	case n > 0:
		return true
	case err == nil || errors.Is(err, hostcalls.ErrWouldBlock):
		i.socket.await(i.end, hostcalls.OpRead, network.In, to.Len())
		return true
	case !errors.Is(err, io.EOF):
		c.Trap("the connection %q, from which a stream comes, has failed: %v", i.name, err)
	}
	return false
}

// Stop implements component.Producer.
func (i *input) Stop() {
	i.socket.drop()
	i.socket.host.store.Free(wasi.ObjectBytes)
}
