package access

import (
	"context"
	"errors"
	"net"
	"syscall"

	"google.golang.org/grpc/credentials"
)

// connection is what is known of a connection before its first call.
type connection struct {
	credentials.CommonAuthInfo
	local bool  // a unix socket
	peer  *Peer // nil if not known
}

// AuthType is that of gRPC's interface.
func (c connection) AuthType() string {
	if c.local {
		return "peer"
	}
	return "plaintext"
}

// transport are the credentials of the server's connections: at a unix socket it asks the kernel
// who is at the other end.
type transport struct{}

// Transport makes the transport credentials of a server whose calls go through a Gate. They need the
// connections that the listener accepted, or what gives them by NetConn.
func Transport() credentials.TransportCredentials { return transport{} }

func (transport) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if conn.LocalAddr().Network() != "unix" {
		return conn, connection{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.NoSecurity}}, nil
	}
	info := connection{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}, local: true}
	if p, err := PeerOf(conn); err == nil {
		info.peer = &p
	}
	return conn, info, nil
}

func (transport) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("these credentials are a server's")
}

func (transport) Info() credentials.ProtocolInfo { return credentials.ProtocolInfo{} }

func (t transport) Clone() credentials.TransportCredentials { return t }

func (transport) OverrideServerName(string) error {
	return errors.New("these credentials are a server's")
}

// PeerOf is the process at the other end of a unix socket, which conn may wrap.
func PeerOf(conn net.Conn) (Peer, error) {
	if w, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = w.NetConn()
	}
	c, ok := conn.(syscall.Conn)
	if !ok {
		return Peer{}, errors.New("the connection has no descriptor")
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var p Peer
	var failure error
	err = raw.Control(func(fd uintptr) { p, failure = peerOf(int(fd)) })
	return p, errors.Join(err, failure)
}
