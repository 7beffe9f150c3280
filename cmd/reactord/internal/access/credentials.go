package access

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"syscall"

	"google.golang.org/grpc/credentials"
)

// connection is what is known about a connection before its first call.
type connection struct {
	credentials.CommonAuthInfo
	local       bool   // a unix socket
	peer        *Peer  // nil if unknown
	certificate string // the subject of the client's verified certificate; empty if it has none
}

// AuthType implements credentials.AuthInfo.
func (c connection) AuthType() string {
	switch {
	case c.local:
		return "peer"
	case c.SecurityLevel == credentials.PrivacyAndIntegrity:
		return "tls"
	default:
		return "plaintext"
	}
}

// Inside is the address of a server's end of a connection within the daemon, by which it passes calls on that came over TCP. They
// need the token as calls over TCP do, and have been decrypted if those are.
type Inside struct{}

// Network implements net.Addr.
func (Inside) Network() string { return "inside" }

// String implements net.Addr.
func (Inside) String() string { return "inside" }

// transport is the server's transport credentials: it asks the kernel who is at the other end of a unix
// socket, and speaks TLS over TCP if it has a configuration.
type transport struct {
	tls credentials.TransportCredentials // nil: plain text
}

// Transport makes the transport credentials of a server whose calls go through a Gate. Without config, TCP
// is plain text. The connections must be those that the listener accepted, or wrap them with a NetConn
// method.
func Transport(config *tls.Config) credentials.TransportCredentials {
	if config == nil {
		return transport{}
	}
	return transport{credentials.NewTLS(config)}
}

func (t transport) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	switch conn.LocalAddr().Network() {
	case "unix":
	case Inside{}.Network():
		return conn, connection{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}, nil
	default:
		return t.overTCP(conn)
	}
	info := connection{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}, local: true}
	if p, err := PeerOf(conn); err == nil {
		info.peer = &p
	}
	return conn, info, nil
}

func (t transport) overTCP(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if t.tls == nil {
		return conn, connection{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.NoSecurity}}, nil
	}
	secured, info, err := t.tls.ServerHandshake(conn)
	if err != nil {
		return nil, nil, err
	}
	c := connection{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}
	if state, ok := info.(credentials.TLSInfo); ok && len(state.State.VerifiedChains) > 0 {
		c.certificate = state.State.VerifiedChains[0][0].Subject.String()
	}
	return secured, c, nil
}

func (transport) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("these credentials are for servers only")
}

func (transport) Info() credentials.ProtocolInfo { return credentials.ProtocolInfo{} }

func (t transport) Clone() credentials.TransportCredentials { return t }

func (transport) OverrideServerName(string) error {
	return errors.New("these credentials are for servers only")
}

// PeerOf returns the process at the other end of a unix socket, which conn may wrap.
func PeerOf(conn net.Conn) (Peer, error) {
	for w, ok := conn.(interface{ NetConn() net.Conn }); ok; w, ok = conn.(interface{ NetConn() net.Conn }) {
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
