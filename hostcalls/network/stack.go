package network

import (
	"context"
	"net/netip"

	"github.com/reactord/reactord/hostcalls"
)

// Stack makes sockets and looks up names.
type Stack interface {
	// TCP makes a TCP socket that is neither bound nor connected.
	TCP(family Family) (TCP, error)
	// UDP makes a UDP socket that is neither bound nor connected.
	UDP(family Family) (UDP, error)
	// Lookup returns the addresses of a name, one or more, those of both families unless one is given. It blocks, and is
	// called on the driver's pool for lookups.
	Lookup(ctx context.Context, family Family, name string) ([]netip.Addr, error)
}

// Family is an address family.
type Family uint8

// The address families.
const (
	AnyFamily Family = iota // for lookups; a socket of it is of IPv6 and takes IPv4 too
	IPv4
	IPv6 // addresses of IPv6 only
)

// Direction is what a socket can be ready for.
type Direction uint8

// The directions.
const (
	In  Direction = iota // bytes or a datagram to read, the end of the stream, a connection to accept
	Out                  // room to write, a connection that was made or has failed
)

// Socket is what all sockets have.
type Socket interface {
	// Bind gives the socket a local address; port 0 chooses a free one.
	Bind(local netip.AddrPort) error
	// LocalAddr returns the local address; the zero AddrPort if there is none.
	LocalAddr() netip.AddrPort
	// RemoteAddr returns the address of the peer; the zero AddrPort if the socket is not connected.
	RemoteAddr() netip.AddrPort
	// Notify calls ready once the socket is ready, as a hostcalls.Notifier does. Any number of waits may be pending at a
	// time, in both directions; they cost the host neither a goroutine nor a descriptor.
	Notify(d Direction, ready func()) (stop func())
	// Level reports how many bytes can be read or written now, 1 if the number is not known, and whether the peer has
	// gone. It asks the system: 0 and false mean that the socket is not ready, whatever Notify says.
	Level(d Direction) (nbytes int, hangup bool)
	// Option and SetOption get and set an option of the socket. An option that the stack does not have is
	// ErrUnknownOption.
	Option(o Option) (int, error)
	SetOption(o Option, value int) error
	// Close closes the socket. Waits are notified; other methods return ErrClosed from then on. It does not block.
	Close() error
}

// TCP is a TCP socket, from its making over its connection, or its listening, to its close.
type TCP interface {
	Socket
	// Connect starts to connect. It returns nil if the connection was made at once, otherwise hostcalls.ErrWouldBlock: the
	// socket is ready for Out when FinishConnect would not return that.
	Connect(remote netip.AddrPort) error
	// FinishConnect returns nil if the connection has been made, hostcalls.ErrWouldBlock while it is being made, or why it
	// failed.
	FinishConnect() error
	// Listen begins to accept connections.
	Listen(backlog int) error
	// Accept returns a connection that has come.
	Accept() (TCP, error)
	// Read reads the available bytes, and returns io.EOF at the end. It returns hostcalls.ErrWouldBlock if there is nothing
	// yet. With peek the bytes remain to be read.
	Read(p []byte, peek bool) (int, error)
	// Write writes what there is room for, or returns hostcalls.ErrWouldBlock.
	Write(p []byte) (int, error)
	// Shutdown ends one direction or both.
	Shutdown(read, write bool) error
}

// UDP is a UDP socket.
type UDP interface {
	Socket
	// Connect sets the peer that WriteTo without an address sends to, and from which alone datagrams are received; the zero
	// AddrPort unsets it.
	Connect(remote netip.AddrPort) error
	// ReadFrom reads one datagram. If p is too short for it, truncated is true and the rest is lost, unless peek is true.
	ReadFrom(p []byte, peek bool) (n int, from netip.AddrPort, truncated bool, err error)
	// WriteTo sends one datagram, to the peer if to is the zero AddrPort.
	WriteTo(p []byte, to netip.AddrPort) (int, error)
}

// Option is an option of a socket: one of SOL_SOCKET, as POSIX names them, or of TCP.
type Option uint8

// The options. Durations are in microseconds, and -1 is none; sizes are in bytes; of the others 0 is off and 1 on.
const (
	ReuseAddr Option = iota
	KeepAlive
	Broadcast
	SendBuffer
	ReceiveBuffer
	Linger
	NoDelay
	KeepAliveIdle     // how long a connection is idle before it is probed
	KeepAliveInterval // the time between probes
	KeepAliveCount    // the probes before a connection is given up
	HopLimit          // of packets to a single host
	PendingError      // reading it clears it; it can't be set
	Listening         // it can't be set
)

var (
	_ hostcalls.Source = tcpSource{}
	_ hostcalls.Sink   = tcpSink{}
)

// Source returns the reading side of a connection, and Sink the writing side.
func Source(c TCP) hostcalls.Source { return tcpSource{c, false} }

// Peek is Source, for bytes that remain to be read.
func Peek(c TCP) hostcalls.Source { return tcpSource{c, true} }

// Sink returns the writing side of a connection.
func Sink(c TCP) hostcalls.Sink { return tcpSink{c} }

type tcpSource struct {
	TCP
	peek bool
}

func (s tcpSource) Read(p []byte) (int, error)        { return s.TCP.Read(p, s.peek) }
func (s tcpSource) Notify(ready func()) (stop func()) { return s.TCP.Notify(In, ready) }

type tcpSink struct{ TCP }

func (s tcpSink) Notify(ready func()) (stop func()) { return s.TCP.Notify(Out, ready) }
