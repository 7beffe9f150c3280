package inflight

import (
	"net"
	"sync"
	"time"

	"go.uber.org/zap"
)

// listener bounds the open connections: at the bound a new connection replaces the one that has been
// without a call for longest, and is closed if all have calls.
type listener struct {
	net.Listener
	gate *Gate
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, full := l.gate.conns.admit(raw, l.gate)
		if full {
			time.Sleep(replaceInterval)
		}
		if c != nil {
			return c, nil
		}
		_ = raw.Close() // there is nobody to report the error to
	}
}

// connections are the open connections of all listeners.
type connections struct {
	most int
	log  *zap.Logger

	mu      sync.Mutex
	open    map[*Conn]struct{}
	atBound bool // the bound was reached and logged
}

// replaceInterval is the least time between two connections that replace others. Setting up and tearing down a
// connection costs the daemon more than the client.
const replaceInterval = 500 * time.Microsecond

// admit makes a Conn of a connection, nil if there is no room. full is true if the bound was reached.
func (c *connections) admit(raw net.Conn, gate *Gate) (_ *Conn, full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	full = len(c.open) >= c.most
	if full {
		if !c.atBound {
			c.atBound = true
			c.log.Warn("the number of connections has reached its bound: each new one closes the connection that has been idle for longest, or is refused if none is idle",
				zap.Int("connections", c.most))
		}
		idlest := c.idlest()
		if idlest == nil {
			return nil, true
		}
		delete(c.open, idlest)
		go func() { _ = idlest.Close() }() // Close takes this lock
	}
	conn := newConn(raw, gate)
	c.open[conn] = struct{}{}
	return conn, full
}

// count returns how many connections are open.
func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// idlest returns the connection that has been without a call for longest. Connections that never had a call
// come first, so that many silent ones do not push out those in use.
func (c *connections) idlest() *Conn {
	var found *Conn
	var used bool
	var least int64
	for conn := range c.open {
		since := conn.idleSince.Load()
		if since == 0 {
			continue
		}
		u := conn.hadCall.Load()
		if found == nil || used && !u || used == u && since < least {
			found, used, least = conn, u, since
		}
	}
	return found
}

// remove removes a closed connection. The shortage ends, with a line in the log, when a quarter of the
// connections are free.
func (c *connections) remove(conn *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, conn)
	if c.atBound && len(c.open) <= c.most/4*3 {
		c.atBound = false
		c.log.Info("connections are below their bound again", zap.Int("connections", len(c.open)))
	}
}
