package network

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/reactord/reactord/hostcalls"
)

const (
	handshakeTimeout = 10 * time.Second
	// lingerTimeout bounds how long a closed connection stays open for a peer that does not read what was written.
	lingerTimeout = 5 * time.Second
	// handshakeCost is the cost of a handshake in units of fuel: about a millisecond.
	handshakeCost = 2_500_000
	// maxRecord is the number of bytes that a record of TLS carries at most.
	maxRecord = 16 << 10
)

// ClientTLS begins TLS, as the client, on a connection that it takes over, and waits for the handshake on the call's
// fiber. It returns a socket for what TLS carries. Closing that, or ending its writing, ends TLS with it; a peer that
// ends the connection without ending TLS is ErrTruncated, and one that ends it with an alert a *TLSError: in TLS 1.3 a server
// that does not take the client's certificate says so after the handshake. config is as of [TLSOptions]. The error is a *TLSError, ErrRevoked
// if the grant, which may be nil, is revoked meanwhile, or the cause of a cancel.
//
// The handshake runs on the driver's pool for what waits for the network. After it, TLS costs no goroutine: reading and
// writing never wait. At most one record of what was written is kept until the peer has room for it. It is sent as soon
// as there is room, whatever the guest does meanwhile; after Close for five seconds at most.
func ClientTLS(c *hostcalls.Call, conn TCP, by Grant, config *tls.Config) (TCP, error) {
	if err := c.Charge(handshakeCost); err != nil {
		_ = conn.Close()
		return nil, err
	}
	transport := &tlsTransport{inner: conn}
	client := tls.Client(transport, config)
	over, stop := untilRevoked(c, by)
	defer stop()
	var failure error
	err := c.Lookup(over, opBy(by, hostcalls.OpHandshake, addressOf(conn)), laneOf(hostcalls.OpHandshake, c.Tenant(), conn.RemoteAddr().Addr().String()), func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
		defer cancel()
		transport.handshake = ctx
		failure = client.HandshakeContext(ctx)
		transport.handshake = nil
	})
	if err == nil && failure != nil {
		err = explainTLS(failure, config.ServerName)
	}
	if err != nil {
		_ = conn.Close() // ends the handshake, too, if it still runs
		return nil, err
	}
	return &tlsConn{TCP: conn, server: config.ServerName, transport: transport, tls: client}, nil
}

// tlsConn is a connection with TLS, of which TCP is the connection below.
//
// crypto/tls reads and writes through a transport that never waits: when there is nothing to read, it returns an error
// that is temporary, after which crypto/tls can be asked again; what there is no room for it keeps. While it keeps
// something, no more is written, and a wait for room below is pending, which ends in flush on a goroutine of its own, as
// a callback of Notify must not use the socket.
//
// Readiness is exact: a wait that begins, and Level, decrypt what has come.
type tlsConn struct {
	TCP
	server string // its name, for errors

	mu        sync.Mutex // guards the fields below, and is held before the locks of TCP
	transport *tlsTransport
	tls       *tls.Conn
	plain     []byte  // has been decrypted, and not read
	buffer    *[]byte // the memory of plain
	readErr   error   // comes after plain
	writeErr  error
	flushing  bool // a wait for room is pending
	closed    bool
	linger    *time.Timer // ends a closed connection that has something to send; else nil
	room      hostcalls.Waiters
}

var tlsBuffers = sync.Pool{New: func() any { return new(make([]byte, maxRecord)) }}

// Read implements TCP.
func (t *tlsConn) Read(p []byte, peek bool) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return 0, ErrClosed
	case len(p) == 0:
		return 0, nil
	case len(t.plain) == 0 && !peek:
		if n := t.decrypt(p); n > 0 {
			return n, nil
		}
	default:
		t.fill()
	}
	switch {
	case len(t.plain) > 0:
		n := copy(p, t.plain)
		if !peek {
			t.consume(n)
		}
		return n, nil
	case t.readErr != nil:
		return 0, t.readErr
	default:
		return 0, hostcalls.ErrWouldBlock
	}
}

// decrypt reads into p what has come. Zero says that there is nothing, or readErr.
func (t *tlsConn) decrypt(p []byte) int {
	if t.readErr != nil {
		return 0
	}
	n, err := t.tls.Read(p)
	if err != nil && !errors.Is(err, errNothingYet) {
		t.readErr = explainAlert(err, t.server)
	}
	t.flush() // crypto/tls may have answered the peer
	return n
}

// fill decrypts into plain, unless there is something.
func (t *tlsConn) fill() {
	if len(t.plain) > 0 || t.readErr != nil {
		return
	}
	t.buffer = tlsBuffers.Get().(*[]byte)
	t.plain = (*t.buffer)[:t.decrypt(*t.buffer)]
	t.consume(0)
}

// consume takes n bytes from plain, and gives its memory back if it is empty.
func (t *tlsConn) consume(n int) {
	if t.plain = t.plain[n:]; len(t.plain) == 0 && t.buffer != nil {
		tlsBuffers.Put(t.buffer)
		t.buffer, t.plain = nil, nil
	}
}

// Write implements TCP.
func (t *tlsConn) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, ErrClosed
	}
	t.flush()
	written := 0
	for written < len(p) && t.writeErr == nil && len(t.transport.unsent) == 0 {
		n, err := t.tls.Write(p[written:min(len(p), written+maxRecord)])
		written += n
		t.fail(err)
	}
	t.flush()
	switch {
	case written > 0 || len(p) == 0:
		return written, nil
	case t.writeErr != nil:
		return 0, t.writeErr
	default:
		return 0, hostcalls.ErrWouldBlock
	}
}

func (t *tlsConn) fail(err error) {
	if err != nil && t.writeErr == nil {
		t.writeErr = explainAlert(err, t.server)
	}
}

// flush writes what the transport keeps. If there is no room for all of it, it sees to it that it is called again.
func (t *tlsConn) flush() {
	if len(t.transport.unsent) == 0 {
		return
	}
	t.fail(t.transport.flush())
	if len(t.transport.unsent) == 0 || t.flushing {
		return
	}
	t.flushing = true
	t.TCP.Notify(Out, func() { go t.flushAgain() })
}

// flushAgain is called when there is room.
func (t *tlsConn) flushAgain() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flushing = false
	t.flush()
	if len(t.transport.unsent) > 0 {
		return
	}
	t.room.Tell()
	if t.linger != nil {
		t.linger.Stop()
		_ = t.TCP.Close()
	}
}

// Shutdown implements TCP. Writing ends with the end of TLS in that direction, not with that of the connection below:
// some peers would take it for the end of both.
func (t *tlsConn) Shutdown(read, write bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	if read {
		t.consume(len(t.plain))
		t.readErr = io.EOF
		_ = t.TCP.Shutdown(true, false) // for those who wait
	}
	if write && t.writeErr == nil {
		err := t.tls.CloseWrite()
		t.flush()
		t.fail(err)
		t.fail(syscall.EPIPE)
		t.room.Tell()
		return err
	}
	return nil
}

// Close implements Socket.
func (t *tlsConn) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	t.closed = true
	t.consume(len(t.plain))
	if t.writeErr == nil {
		_ = t.tls.CloseWrite()
	}
	t.flush()
	t.room.Tell()
	if len(t.transport.unsent) == 0 {
		return t.TCP.Close()
	}
	_ = t.TCP.Shutdown(true, false) // for those who wait
	t.linger = time.AfterFunc(lingerTimeout, func() { _ = t.TCP.Close() })
	return nil
}

// Notify implements Socket.
func (t *tlsConn) Notify(d Direction, ready func()) (stop func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d == Out {
		return t.room.Add(&t.mu, ready, t.closed || t.writeErr != nil || len(t.transport.unsent) == 0)
	}
	if !t.closed {
		t.fill()
	}
	if t.closed || len(t.plain) > 0 || t.readErr != nil {
		ready()
		return func() {}
	}
	return t.TCP.Notify(In, ready)
}

// Level implements Socket.
func (t *tlsConn) Level(d Direction) (nbytes int, hangup bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return 0, true
	case d == In:
		t.fill()
		return len(t.plain), t.readErr != nil
	case t.writeErr != nil:
		return 0, true
	case len(t.transport.unsent) > 0:
		return 0, false
	default:
		return t.TCP.Level(Out)
	}
}
