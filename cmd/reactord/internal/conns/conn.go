package conns

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// Conn is an open connection of a Set. The methods of a nil Conn, but for those of net.Conn, do nothing.
type Conn struct {
	net.Conn
	set       *Set
	begun     atomic.Bool // the server has begun to read
	proven    atomic.Bool
	working   atomic.Int64 // requests that are being worked on, and one until the server has begun to read
	idleSince atomic.Int64 // when the last of them ended, in ns
}

func newConn(raw net.Conn, set *Set) *Conn {
	c := &Conn{Conn: raw, set: set}
	c.working.Store(1) // nobody is to leave because the server is slow
	return c
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if !c.begun.Load() && c.begun.CompareAndSwap(false, true) {
		c.End()
	}
	return c.Conn.Read(p)
}

// NetConn returns the connection that was accepted.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.set.remove(c)
	return c.Conn.Close()
}

// Prove notes that the client has sent a request that the server admits, before it is worked on.
func (c *Conn) Prove() {
	if c != nil {
		c.proven.Store(true)
	}
}

// Begin is called when a request that was admitted is worked on, and End when it waits for its client again.
func (c *Conn) Begin() {
	if c != nil {
		c.working.Add(1)
		c.proven.Store(true)
	}
}

// End follows each Begin.
func (c *Conn) End() {
	if c != nil {
		c.idleSince.Store(time.Now().UnixNano())
		c.working.Add(-1)
	}
}

// Crowded reports whether others wait for the place of this connection: one that is not proven, or any if most are. Then it is better
// closed after an answer, since a client that sends the next request before it has read the last answer takes a place without pause.
func (c *Conn) Crowded() bool {
	switch {
	case c == nil:
		return false
	case c.proven.Load():
		return c.set.crowded.Load()
	default:
		return c.set.atBound.Load()
	}
}

// rank is the order in which connections that are not being worked on are replaced.
type rank int

const (
	unproven rank = iota // though it has had its moment to prove itself
	surplus              // proven, and more than half are
	recent               // not idle for more than a moment
	proven               // and half are at most
)

func (c *Conn) rank(now time.Time) rank {
	switch {
	case now.UnixNano()-c.idleSince.Load() < int64(moment):
		return recent
	case !c.proven.Load():
		return unproven
	case c.set.crowded.Load():
		return surplus
	default:
		return proven
	}
}

// yields reports whether c is to be replaced rather than other.
func (c *Conn) yields(other *Conn, now time.Time) bool {
	if by := cmp.Compare(c.rank(now), other.rank(now)); by != 0 {
		return by < 0
	}
	return c.idleSince.Load() < other.idleSince.Load()
}

type connKey struct{}

// Context is what http.Server.ConnContext needs so that Of finds the connection.
func Context(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// Of returns the connection by which a request came, nil if that is not of a Set.
func Of(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}
