package network

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/reactord/reactord/hostcalls"
)

// Conn returns a connection for goroutines that block, whose bytes count as the workload's, and wait for its rate.
func (t *Traffic) Conn(c net.Conn) net.Conn {
	return &trafficConn{Conn: c, traffic: t, closed: make(chan struct{})}
}

type trafficConn struct {
	net.Conn
	traffic *Traffic
	closed  chan struct{}
	once    sync.Once
}

// Close implements net.Conn.
func (c *trafficConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// admit waits until bytes may pass in a direction, and returns how many.
func (c *trafficConn) admit(d Direction, want int) (int, error) {
	flow := &c.traffic.flows[d]
	for {
		n, err := flow.admit(want)
		if !errors.Is(err, hostcalls.ErrWouldBlock) {
			return n, err
		}
		wait := time.NewTimer(time.Until(flow.readyAt()))
		select {
		case <-wait.C:
		case <-c.closed:
			wait.Stop()
			return 0, os.ErrClosed
		}
	}
}

// Read implements net.Conn.
func (c *trafficConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.admit(In, len(p))
	if err != nil {
		return 0, err
	}
	n, err = c.Conn.Read(p[:n])
	c.traffic.flows[In].count(n)
	return n, err
}

// Write implements net.Conn.
func (c *trafficConn) Write(p []byte) (written int, err error) {
	for written < len(p) {
		n, err := c.admit(Out, len(p)-written)
		if err != nil {
			return written, err
		}
		n, err = c.Conn.Write(p[written : written+n])
		c.traffic.flows[Out].count(n)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
