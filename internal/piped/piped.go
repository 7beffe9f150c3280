// Package piped has a listener whose connections are pipes in memory, for tests whose time is that of testing/synctest.
//
// # Concurrency
//
// A Listener may be used from any goroutine. It starts none.
package piped

import (
	"net"
	"sync"
)

// Listener is a net.Listener in memory.
type Listener struct {
	conns chan net.Conn
	ended chan struct{}
	end   func()
}

var _ net.Listener = (*Listener)(nil)

// Listen returns a listener.
func Listen() *Listener {
	ended := make(chan struct{})
	return &Listener{conns: make(chan net.Conn), ended: ended, end: sync.OnceFunc(func() { close(ended) })}
}

// Dial connects to the listener, when that accepts it. Of a closed listener it returns net.ErrClosed.
func (l *Listener) Dial() (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.end()
	return nil
}

// Addr implements net.Listener.
func (*Listener) Addr() net.Addr { return &net.TCPAddr{} }
