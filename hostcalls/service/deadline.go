package service

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// deadline is when reading from a connection, or writing to it, times out. Package net/http moves it several times for each request,
// mostly to a later time, and the runtime's timer is changed only if it is to expire earlier. If it expires too early it is set anew.
type deadline struct {
	arm func(time.Time) error // sets that of the connection

	mu    sync.Mutex // guards the fields below
	due   time.Time  // zero: never
	armed time.Time  // that of the connection: not after due; zero: none
}

// rearm is when the timer expires that package net/http has had expire, to stop a read, and does not need any more. What it asks for
// next is mostly later than that, so that nothing is to be changed then.
const rearm = headerTimeout

// set moves the deadline.
func (d *deadline) set(due time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.due = due
	if d.armed.IsZero() {
		if due.IsZero() {
			return nil
		}
		return d.setArmed(due)
	}
	if !due.IsZero() && due.Before(d.armed) {
		return d.setArmed(due)
	}
	now := time.Now()
	if d.armed.After(now) {
		return nil
	}
	if next := now.Add(rearm); due.IsZero() || next.Before(due) {
		due = next
	}
	return d.setArmed(due)
}

func (d *deadline) setArmed(t time.Time) error {
	d.armed = t
	return d.arm(t)
}

// early reports whether err says that the deadline has passed, though it has not: then it is set anew.
func (d *deadline) early(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.due.IsZero() && !d.due.After(time.Now()) {
		return false
	}
	return d.setArmed(d.due) == nil
}

// timed is a connection whose deadlines are set so.
type timed struct {
	net.Conn
	reads, writes deadline
}

func newTimed(of net.Conn) *timed {
	return &timed{Conn: of, reads: deadline{arm: of.SetReadDeadline}, writes: deadline{arm: of.SetWriteDeadline}}
}

// SetDeadline implements net.Conn.
func (c *timed) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *timed) SetReadDeadline(t time.Time) error { return c.reads.set(t) }

// SetWriteDeadline implements net.Conn.
func (c *timed) SetWriteDeadline(t time.Time) error { return c.writes.set(t) }

// Read implements net.Conn.
func (c *timed) Read(p []byte) (n int, err error) {
	for {
		n, err = c.Conn.Read(p)
		if n > 0 || !c.reads.early(err) {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *timed) Write(p []byte) (n int, err error) {
	for {
		var more int
		more, err = c.Conn.Write(p[n:])
		if n += more; !c.writes.early(err) {
			return n, err
		}
	}
}
