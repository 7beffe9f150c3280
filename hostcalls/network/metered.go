package network

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/hostcalls"
)

// Metered returns a connection of package net whose bytes count as a workload's, and are bounded like them: beyond the rate it
// blocks, and beyond what may pass in all it fails with ErrQuota.
func Metered(c net.Conn, t *Traffic) net.Conn { return &metered{Conn: c, traffic: t} }

// Unmetered returns the connection that Metered was given, or one that is not metered itself.
func Unmetered(c net.Conn) net.Conn {
	if m, ok := c.(*metered); ok {
		return m.Conn
	}
	return c
}

type metered struct {
	net.Conn
	traffic   *Traffic
	closed    atomic.Bool
	deadlines [2]atomic.Int64 // by Direction, in nanoseconds of Unix; 0: none
}

// look is how long a connection that waits for its rate does not see that it was closed.
const look = 20 * time.Millisecond

// admit waits until some of n bytes may pass.
func (m *metered) admit(d Direction, n int) (int, error) {
	f := &m.traffic.flows[d]
	for {
		admitted, err := f.admit(n)
		if !errors.Is(err, hostcalls.ErrWouldBlock) {
			return admitted, err
		}
		if m.closed.Load() {
			return 0, net.ErrClosed
		}
		now := time.Now()
		if due := m.deadlines[d].Load(); due != 0 && due <= now.UnixNano() {
			return 0, os.ErrDeadlineExceeded
		}
		time.Sleep(min(look, f.readyAt().Sub(now)))
	}
}

// Read implements net.Conn.
func (m *metered) Read(p []byte) (int, error) {
	n := len(p)
	if n > 0 {
		var err error
		if n, err = m.admit(In, n); err != nil {
			return 0, err
		}
	}
	n, err := m.Conn.Read(p[:n])
	m.traffic.flows[In].count(n)
	return n, err
}

// Write implements net.Conn.
func (m *metered) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		n, err := m.admit(Out, len(p))
		if err != nil {
			return written, err
		}
		n, err = m.Conn.Write(p[:n])
		m.traffic.flows[Out].count(n)
		written += n
		if err != nil {
			return written, err
		}
		p = p[n:]
	}
	return written, nil
}

// Close implements net.Conn.
func (m *metered) Close() error {
	m.closed.Store(true)
	return m.Conn.Close()
}

// SetDeadline implements net.Conn.
func (m *metered) SetDeadline(t time.Time) error {
	m.note(In, t)
	m.note(Out, t)
	return m.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (m *metered) SetReadDeadline(t time.Time) error {
	m.note(In, t)
	return m.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (m *metered) SetWriteDeadline(t time.Time) error {
	m.note(Out, t)
	return m.Conn.SetWriteDeadline(t)
}

func (m *metered) note(d Direction, t time.Time) {
	var due int64
	if !t.IsZero() {
		due = t.UnixNano()
	}
	m.deadlines[d].Store(due)
}
