package service

import (
	"container/list"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/reactord/reactord/hostcalls/network"
)

const (
	// maxHeaderBytes bounds the head of a request.
	maxHeaderBytes = 64 << 10
	// headerTimeout is how long a client may take to send it, and idleTimeout how long a connection without a request is kept.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// deadlineSlack is how much later than its request a connection times out: the answer that says so has to go out before.
	deadlineSlack = 5 * time.Second

	// The bounds of a connection of HTTP/2.
	maxStreams   = 250
	streamWindow = 64 << 10
	connWindow   = 256 << 10
	stalled      = 30 * time.Second // a client that reads nothing

	// connectionBytes is what a connection takes of the host's memory, about, with a request.
	connectionBytes = 24 << 10
	// retryBudget is how long it takes until a connection is accepted after there was no room for it.
	retryBudget = 50 * time.Millisecond
)

// edge is where requests come in: a listener, another one in memory for workloads of this daemon, and a server of package net/http.
//
// A connection is accepted only if there is room for it: it is one of the workload's sockets, a descriptor unless it is in memory,
// and memory. While there is none, the connection that has been idle for longest is closed; others wait to be accepted.
type edge struct {
	service   *supervisor
	server    http.Server
	listeners []net.Listener
	secure    *tls.Config    // nil without TLS
	serving   sync.WaitGroup // calls of Serve that have not returned

	mu     sync.Mutex              // guards the fields below
	conns  map[*conn]*list.Element // their places in idle; nil: they are not idle
	idle   list.List               // of *conn, the longest first
	closed bool

	room     chan struct{} // told when a connection is closed
	shutting chan struct{} // closed when the edge is
}

func (e *edge) init(s *supervisor) {
	e.service = s
	e.conns = map[*conn]*list.Element{}
	e.room, e.shutting = make(chan struct{}, 1), make(chan struct{})
	e.server = http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ConnState: e.onState, ConnContext: withConn, ErrorLog: log.New(io.Discard, "", 0), DisableGeneralOptionsHandler: true,
		Protocols: new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerStream: streamWindow, MaxReceiveBufferPerConnection: connWindow,
			SendPingTimeout: stalled, PingTimeout: stalled, WriteByteTimeout: stalled,
		},
	}
	e.server.Protocols.SetHTTP1(true)
	e.server.Protocols.SetUnencryptedHTTP2(true) // as net/http sees it: a conn is one in plain text
}

// listen gives the edge its listener. Workloads of this daemon reach it in memory, unless it speaks TLS.
func (e *edge) listen(l net.Listener, secure *tls.Config) {
	e.secure = secure
	e.listeners = []net.Listener{&gate{Listener: l, edge: e, descriptors: 1}}
	if at, ok := l.Addr().(*net.TCPAddr); ok && secure == nil {
		e.listeners = append(e.listeners, &inside{&gate{Listener: e.service.config.Peer.Serve(at.AddrPort()), edge: e}})
	}
}

// serve begins to accept connections.
func (e *edge) serve() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	for _, l := range e.listeners {
		e.serving.Go(func() { _ = e.server.Serve(l) })
	}
}

// shut ends the edge: requests that came before are answered, unless that takes longer than grace.
func (e *edge) shut(grace time.Duration) {
	e.mu.Lock()
	e.closed = true
	var unused []*conn // net/http would wait for their requests
	for c := range e.conns {
		if !c.used {
			unused = append(unused, c)
		}
	}
	e.mu.Unlock()
	for _, c := range unused {
		_ = c.Close()
	}
	e.server.SetKeepAlivesEnabled(false) // before clients can see that nobody listens: answers say that their connection ends
	close(e.shutting)
	for _, l := range e.listeners {
		_ = l.Close()
	}
	if grace > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		_ = e.server.Shutdown(ctx)
		cancel()
	}
	_ = e.server.Close()
	e.serving.Wait()
}

// tell wakes a gate.
func (e *edge) tell() {
	select {
	case e.room <- struct{}{}:
	default:
	}
}

// connections returns how many connections there are.
func (e *edge) connections() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.conns)
}

// onState notes which connections are idle. It is called on the connection's goroutine.
func (e *edge) onState(raw net.Conn, state http.ConnState) {
	c := raw.(*conn)
	if state == http.StateIdle && c.spoilt.Load() {
		c.finish()
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	place, known := e.conns[c]
	if !known {
		return
	}
	switch state {
	case http.StateIdle:
		if place == nil {
			e.conns[c] = e.idle.PushBack(c)
			e.tell()
		}
	case http.StateActive:
		c.used = true
		if place != nil {
			e.idle.Remove(place)
			e.conns[c] = nil
		}
	default: // conn.Close follows, or has been called
	}
}

// gate is a listener of the edge, which accepts a connection when there is room for it.
type gate struct {
	net.Listener
	edge        *edge
	descriptors int64 // that a connection takes
}

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	if !g.reserve() {
		return nil, http.ErrServerClosed
	}
	raw, err := g.Listener.Accept()
	if err != nil {
		g.giveBack()
		return nil, err
	}
	return g.admit(raw), nil
}

// admit makes a connection of the edge, for which there is room.
func (g *gate) admit(raw net.Conn) *conn {
	e := g.edge
	c := newConn(network.Metered(raw, e.service.traffic()), g)
	e.service.config.Served.Connect()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conns[c] = nil
	return c
}

// inside is a gate for connections in memory, which take no room before they come.
type inside struct{ *gate }

// Accept implements net.Listener.
func (g *inside) Accept() (net.Conn, error) {
	raw, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if !g.reserve() {
		_ = raw.Close()
		return nil, http.ErrServerClosed
	}
	return g.admit(raw), nil
}

// reserve waits until there is room for a connection, and takes it. It reports false if the edge is closed.
func (g *gate) reserve() bool {
	e := g.edge
	for {
		e.mu.Lock()
		closed, full := e.closed, !g.take()
		var oldest *conn
		if first := e.idle.Front(); full && first != nil {
			oldest = first.Value.(*conn)
		}
		e.mu.Unlock()
		switch {
		case closed:
			if !full {
				g.giveBack()
			}
			return false
		case !full:
			return true
		case oldest != nil:
			_ = oldest.Close()
			continue
		}
		select {
		case <-e.shutting:
		case <-e.room:
		case <-time.After(retryBudget):
		}
	}
}

// take takes the room for a connection, if there is some. mu is held.
func (g *gate) take() bool {
	e, s := g.edge, g.edge.service
	most := s.config.Network.Sockets
	if most > 0 && len(e.conns)+1 >= most || !s.config.Budget.Take(s.config.Owner, g.descriptors) {
		return false
	}
	if !s.ledger.hold(connectionBytes) {
		s.config.Budget.Give(s.config.Owner, g.descriptors)
		return false
	}
	return true
}

// giveBack is the opposite of take.
func (g *gate) giveBack() {
	s := g.edge.service
	s.ledger.free(connectionBytes)
	s.config.Budget.Give(s.config.Owner, g.descriptors)
	g.edge.tell()
}

// remove forgets a connection that was closed.
func (e *edge) remove(c *conn) {
	e.mu.Lock()
	if place := e.conns[c]; place != nil {
		e.idle.Remove(place)
	}
	delete(e.conns, c)
	e.mu.Unlock()
	e.service.config.Served.Disconnect()
	c.gate.giveBack()
}

// traffic is what the connections count for.
func (s *supervisor) traffic() *network.Traffic {
	if t := s.config.Network.Traffic; t != nil {
		return t
	}
	return network.NewTraffic(nil, network.TrafficLimits{})
}
