package inflight

import (
	"net"
	"sync"
	"time"

	"go.uber.org/zap"
)

// listener bounds the connections that are open: a new one takes the place of the one that has been
// without a call for longest, and is closed if there is none.
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
			time.Sleep(fullPace)
		}
		if c != nil {
			return c, nil
		}
		_ = raw.Close() // there is nobody to tell
	}
}

// connections are the open connections of all listeners.
type connections struct {
	most int
	log  *zap.Logger

	mu   sync.Mutex
	open map[*Conn]struct{}
	full bool // the bound was reached, and was said so
}

// fullPace is the time between two connections that take others' places. Each costs more to set up and
// tear down than it costs its client.
const fullPace = 500 * time.Microsecond

// admit makes a Conn of a connection; nil if there is no room. It tells whether the bound was reached.
func (c *connections) admit(raw net.Conn, gate *Gate) (_ *Conn, full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	full = len(c.open) >= c.most
	if full {
		if !c.full {
			c.full = true
			c.log.Warn("as many connections are open as leave descriptors for the rest: each new one closes the one that has been idle for longest, and is refused if none is idle",
				zap.Int("connections", c.most))
		}
		idlest := c.idlest()
		if idlest == nil {
			return nil, true
		}
		delete(c.open, idlest)
		go func() { _ = idlest.Close() }() // it takes this lock
	}
	conn := newConn(raw, gate)
	c.open[conn] = struct{}{}
	return conn, full
}

// idlest is the connection that has been without a call for longest, of those that never had one if
// there are any: many that say nothing do not push out those that do.
func (c *connections) idlest() *Conn {
	var found *Conn
	var used bool
	var least int64
	for conn := range c.open {
		since := conn.idleSince.Load()
		if since == 0 {
			continue
		}
		u := conn.used.Load()
		if found == nil || used && !u || used == u && since < least {
			found, used, least = conn, u, since
		}
	}
	return found
}

// remove takes a connection off that was closed. The shortage is over, and is said to be, when a
// quarter of the room is free.
func (c *connections) remove(conn *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, conn)
	if c.full && len(c.open) <= c.most/4*3 {
		c.full = false
		c.log.Info("connections are below their bound again", zap.Int("connections", len(c.open)))
	}
}
