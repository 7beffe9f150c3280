package ui

import (
	"context"
	"net"
	"net/http"
	"sync"

	"google.golang.org/grpc/test/bufconn"

	"github.com/reactord/reactord/cmd/reactord/internal/access"
	"github.com/reactord/reactord/cmd/reactord/internal/conns"
)

// What a connection in memory may hold of answers that the browser has not read: the flow-control windows, and what has been sent and
// not looked at yet, in each direction.
const (
	streamWindow     = 64 << 10
	connectionWindow = 1 << 20
	buffer           = 32 << 10
)

// inner is a listener in memory.
type inner struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()

	mu    sync.Mutex
	links map[net.Conn]*link // by the connection of the browser
}

func newInner() *inner {
	in := &inner{conns: make(chan net.Conn), closed: make(chan struct{}), links: make(map[net.Conn]*link)}
	in.close = sync.OnceFunc(func() { close(in.closed) })
	return in
}

// Accept implements net.Listener.
func (in *inner) Accept() (net.Conn, error) {
	select {
	case c := <-in.conns:
		return c, nil
	case <-in.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (in *inner) Close() error {
	in.close()
	return nil
}

// Addr implements net.Listener.
func (in *inner) Addr() net.Addr { return access.Inside{} }

// dial connects to whoever accepts, on behalf of a client at from.
func (in *inner) dial(ctx context.Context, from net.Addr) (net.Conn, error) {
	client, server, err := pair(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case in.conns <- &end{server, from}:
		return client, nil
	case <-in.closed:
		err = net.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	_ = client.Close() // there is nobody at the other end
	return nil, err
}

// pair makes the two ends of a connection with buffers: with those of net.Pipe client and server would each wait until the other one
// reads, since both begin with what they want.
func pair(ctx context.Context) (client, server net.Conn, err error) {
	l := bufconn.Listen(buffer)
	defer func() { _ = l.Close() }() // it has done its work
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := l.Accept(); err == nil { // it fails if l is closed, and the dial has failed too
			accepted <- c
		}
	}()
	if client, err = l.DialContext(ctx); err != nil {
		return nil, nil, err
	}
	return client, <-accepted, nil
}

// end is the server's end of a connection in memory.
type end struct {
	net.Conn
	from net.Addr
}

// LocalAddr implements net.Conn.
func (*end) LocalAddr() net.Addr { return access.Inside{} }

// RemoteAddr implements net.Conn.
func (e *end) RemoteAddr() net.Addr { return e.from }

// link is the connection in memory that belongs to a browser's connection. It is made by the first call, and again if the server
// has closed it.
type link struct{ transport *http.Transport }

type linkKey struct{}

func (in *inner) newLink(from net.Addr) *link {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &link{&http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return in.dial(ctx, from) },
		Protocols:          protocols,
		DisableCompression: true,
		IdleConnTimeout:    idleTime,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream:     streamWindow,
			MaxReceiveBufferPerConnection: connectionWindow,
		},
	}}
}

// connContext gives a browser's connection a link.
func (in *inner) connContext(ctx context.Context, c net.Conn) context.Context {
	l := in.newLink(c.RemoteAddr())
	in.mu.Lock()
	defer in.mu.Unlock()
	in.links[c] = l
	return context.WithValue(conns.Context(ctx, c), linkKey{}, l)
}

// connState closes the link of a connection that has been closed. One that still has calls is closed after the last of them.
func (in *inner) connState(c net.Conn, state http.ConnState) {
	if state != http.StateClosed {
		return
	}
	in.mu.Lock()
	l, ok := in.links[c]
	delete(in.links, c)
	in.mu.Unlock()
	if ok {
		l.transport.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper: it makes a call by the link of the request's connection.
func (in *inner) RoundTrip(r *http.Request) (*http.Response, error) {
	l, ok := r.Context().Value(linkKey{}).(*link)
	if !ok {
		return nil, net.ErrClosed
	}
	return l.transport.RoundTrip(r)
}
