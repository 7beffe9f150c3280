package networktest

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// Accept waits until a listener has a connection.
func Accept(ctx context.Context, l network.TCP) (network.TCP, error) {
	for {
		c, err := l.Accept()
		if !errors.Is(err, hostcalls.ErrWouldBlock) {
			return c, err
		}
		ready := make(chan struct{})
		stop := l.Notify(network.In, func() { close(ready) })
		select {
		case <-ready:
		case <-ctx.Done():
		}
		stop()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// NetConn returns a connection as one of package net, whose methods wait. It has no deadlines.
func NetConn(c network.TCP) net.Conn { return netConn{c} }

type netConn struct{ tcp network.TCP }

func (c netConn) Read(p []byte) (int, error) {
	return hostcalls.ReadContext(context.Background(), network.Source(c.tcp), p)
}

func (c netConn) Write(p []byte) (int, error) {
	return hostcalls.WriteContext(context.Background(), network.Sink(c.tcp), p)
}

func (c netConn) Close() error                     { return c.tcp.Close() }
func (c netConn) CloseWrite() error                { return c.tcp.Shutdown(false, true) }
func (c netConn) LocalAddr() net.Addr              { return net.TCPAddrFromAddrPort(c.tcp.LocalAddr()) }
func (c netConn) RemoteAddr() net.Addr             { return net.TCPAddrFromAddrPort(c.tcp.RemoteAddr()) }
func (c netConn) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (c netConn) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (c netConn) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }
