package network

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/reactord/reactord/hostcalls"
)

// tlsTransport is the net.Conn that crypto/tls has. During the handshake it waits, afterwards it never does.
type tlsTransport struct {
	inner     TCP
	handshake context.Context // nil after the handshake
	unsent    []byte          // for which there was no room
}

// maxUnsent bounds what is kept for a peer that does not read: a record, and answers to what the peer asks in TLS.
const maxUnsent = 4 * maxRecord

// errNothingYet says that there is nothing to read. It is temporary, by which crypto/tls knows that it may try again.
var errNothingYet net.Error = nothingYet{}

type nothingYet struct{}

func (nothingYet) Error() string   { return hostcalls.ErrWouldBlock.Error() }
func (nothingYet) Timeout() bool   { return false }
func (nothingYet) Temporary() bool { return true }

// errDeaf ends a connection whose peer asks again and again and does not read the answers.
var errDeaf = errors.New("network: the peer does not read what it has asked for")

// Read implements net.Conn. TLS has an end of its own, so that of the connection is an error.
func (t *tlsTransport) Read(p []byte) (int, error) {
	n, err := t.inner.Read(p, false)
	if t.handshake != nil && errors.Is(err, hostcalls.ErrWouldBlock) {
		n, err = hostcalls.ReadContext(t.handshake, Source(t.inner), p)
	}
	switch {
	case errors.Is(err, hostcalls.ErrWouldBlock):
		return 0, errNothingYet
	case errors.Is(err, io.EOF):
		return 0, ErrTruncated
	}
	return n, err
}

// Write implements net.Conn. It accepts all of p.
func (t *tlsTransport) Write(p []byte) (int, error) {
	if t.handshake != nil {
		return hostcalls.WriteContext(t.handshake, Sink(t.inner), p)
	}
	n := 0
	if len(t.unsent) == 0 {
		var err error
		if n, err = t.inner.Write(p); err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
			return n, err
		}
	}
	if len(t.unsent)+len(p)-n > maxUnsent {
		return n, errDeaf
	}
	t.unsent = append(t.unsent, p[n:]...)
	return len(p), nil
}

// flush writes what is unsent as far as there is room. An error, which is permanent, drops the rest.
func (t *tlsTransport) flush() error {
	for len(t.unsent) > 0 {
		n, err := t.inner.Write(t.unsent)
		t.unsent = t.unsent[n:]
		switch {
		case errors.Is(err, hostcalls.ErrWouldBlock):
			return nil
		case err != nil:
			t.unsent = nil
			return err
		}
	}
	t.unsent = nil
	return nil
}

// The rest of net.Conn. Close does nothing: the connection is its owner's.

func (t *tlsTransport) Close() error                     { return nil }
func (t *tlsTransport) LocalAddr() net.Addr              { return net.TCPAddrFromAddrPort(t.inner.LocalAddr()) }
func (t *tlsTransport) RemoteAddr() net.Addr             { return net.TCPAddrFromAddrPort(t.inner.RemoteAddr()) }
func (t *tlsTransport) SetDeadline(time.Time) error      { return nil }
func (t *tlsTransport) SetReadDeadline(time.Time) error  { return nil }
func (t *tlsTransport) SetWriteDeadline(time.Time) error { return nil }
