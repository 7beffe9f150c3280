package service

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/internal/frames"
)

// conn is a connection of the edge, as package net/http sees it: in plain text, also if it is one of TLS. Net/http reads and writes it
// on different goroutines. A client of HTTP/2 that sends much of which nothing comes is read slowly, and then no more.
type conn struct {
	net.Conn             // raw; of TLS above that
	raw      *timed      // metered
	secure   *tls.Conn   // nil without TLS
	gate     *gate       // through which it came
	used     bool        // it has had a request; guarded by edge.mu
	spoilt   atomic.Bool // what comes next is no request
	closing  sync.Once
	closed   chan struct{}

	// The reader's.
	checked  int           // how much of the preface of HTTP/2 has come
	matched  int           // how much of lengthName has come last
	received frames.Reader // what comes after it
	sent     frames.Reader // the writer's

	length  atomic.Bool // lengthName has come, over HTTP/1
	version atomic.Int32
	mu      sync.Mutex // guards trust
	trust   frames.Trust
}

// What is known of a connection's version of HTTP.
const (
	unknownVersion = iota
	version1
	version2
)

func newConn(raw net.Conn, through *gate) *conn {
	c := &conn{raw: newTimed(raw), gate: through, closed: make(chan struct{})}
	c.Conn = c.raw
	if with := through.edge.secure; with != nil {
		c.secure = tls.Server(c.raw, with)
		c.Conn = c.secure
	}
	return c
}

// errNothing ends a connection.
var errNothing = errors.New("the client sends frames of which nothing comes, or gives up nearly all requests at once")

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	if c.version.Load() == version2 {
		if err := c.await(); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Read(p)
	switch c.version.Load() {
	case unknownVersion:
		c.check(p[:n])
	case version2:
		c.received.Feed(p[:n], incoming{c})
	}
	if c.version.Load() != version2 {
		c.lookForLength(p[:n])
	}
	if err != nil && c.secure != nil {
		c.tellPlain(err)
	}
	return n, err
}

const lengthName = "content-length"

// lookForLength notes whether lengthName comes, as the name of a field or as anything else.
func (c *conn) lookForLength(p []byte) {
	if c.length.Load() {
		return
	}
	for _, b := range p {
		if 'A' <= b && b <= 'Z' {
			b |= 0x20
		}
		switch b {
		case lengthName[c.matched]:
			c.matched++
		case lengthName[0]:
			c.matched = 1
		default:
			c.matched = 0
		}
		if c.matched == len(lengthName) {
			c.length.Store(true)
			return
		}
	}
}

// ambiguous reports whether a request may have had a length besides its transfer encoding. Package net/http takes the encoding and
// does not tell. What is before this server may have taken the length, so that what follows may not be what it seems to be.
func (c *conn) ambiguous(from *http.Request) bool {
	return from.ProtoMajor == 1 && len(from.TransferEncoding) > 0 && c.length.Load()
}

// check finds out the version by the first bytes.
func (c *conn) check(p []byte) {
	n := min(len(p), len(frames.Preface)-c.checked)
	switch {
	case string(p[:n]) != frames.Preface[c.checked:c.checked+n]:
		c.version.Store(version1)
		return
	case c.checked+n < len(frames.Preface):
		c.checked += n
		return
	}
	c.trust = frames.NewTrust(time.Now())
	c.version.Store(version2)
	c.received.Feed(p[n:], incoming{c})
}

// await waits until the connection may be read.
func (c *conn) await() error {
	for {
		c.mu.Lock()
		wait, ok := c.trust.Wait(time.Now())
		c.mu.Unlock()
		switch {
		case !ok:
			c.gate.edge.service.tell("the connection of %s was closed: %v", c.RemoteAddr(), errNothing)
			return errNothing
		case wait <= 0:
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-c.closed:
			timer.Stop()
			return net.ErrClosed
		}
	}
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if c.version.Load() == version2 {
		c.sent.Feed(p, outgoing{c})
	}
	return c.Conn.Write(p)
}

// onEnd notes that a request has ended, which has come at a time.
func (c *conn) onEnd(began time.Time, answered bool) {
	if c.version.Load() != version2 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trust.Call(began, time.Now(), answered)
}

// incoming is told what the client sends.
type incoming struct{ *conn }

// Begin implements frames.Sink.
func (c incoming) Begin(h frames.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trust.Received(h)
}

// outgoing is told what the client gets.
type outgoing struct{ *conn }

// Begin implements frames.Sink.
func (c outgoing) Begin(h frames.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trust.Sent(h)
}

// tellPlain tells a client that does not speak TLS, but HTTP.
func (c *conn) tellPlain(err error) {
	failure, ok := errors.AsType[tls.RecordHeaderError](err)
	if !ok || failure.Conn == nil {
		return
	}
	switch method, _, _ := strings.Cut(string(failure.RecordHeader[:]), " "); method {
	case "GET", "HEAD", "POST", "PUT", "OPTIO", "DELET", "PATCH":
		_, _ = io.WriteString(failure.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nthis service speaks HTTPS\n")
	}
}

// finish closes a connection after its last response, which the client has to get: it is not told that what it sends is not read
// any more before it can have that.
func (c *conn) finish() {
	var half interface{ CloseWrite() error }
	if c.secure != nil {
		half = c.secure
	} else {
		half, _ = network.Unmetered(c.raw.Conn).(interface{ CloseWrite() error })
	}
	if half != nil && half.CloseWrite() == nil {
		time.Sleep(skipTime)
	}
	_ = c.Close()
}

// Close implements net.Conn.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.closing.Do(func() {
		close(c.closed)
		err = c.Conn.Close()
		c.gate.edge.remove(c)
	})
	return err
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

func withConn(ctx context.Context, raw net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, raw)
}

// connOf returns the connection of a request.
func connOf(ctx context.Context) *conn { return ctx.Value(connKey{}).(*conn) }
