package inflight

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/reactord/reactord/cmd/reactord/internal/conns"
	"github.com/reactord/reactord/internal/frames"
	"github.com/reactord/reactord/internal/notify"
)

const (
	// window is the flow-control window of a stream: how much of a call's messages gRPC accepts before
	// the handler asks for them.
	window = 64 << 10
	// ownUnread is how many unread bytes a connection may have before it draws on the pool, and
	// unreadStep how many bytes it draws at a time.
	ownUnread  = 2 * window
	unreadStep = 4 * window
	// readBuffer is the size of the buffer in front of a connection.
	readBuffer = 16 << 10
	// yieldEvery is the number of calls after which a reader yields the processor. Otherwise it would
	// keep it for 10 ms, as long as there is something to read.
	yieldEvery = 8
	// looseFrames is how many frames a message may come in, besides one for every 256 bytes. gRPC keeps
	// each frame with a header several times its own size.
	looseFrames = 64
)

// These errors end a connection. All that its client learns is that it ended.
var (
	errUnread  = errors.New("the client sends more than there is memory for")
	errFrames  = errors.New("the client sends messages in frames of a few bytes")
	errNothing = errors.New("the client gives up nearly all calls at once, or sends frames of which nothing comes")
)

// Conn is a connection whose client has something in flight.
type Conn struct {
	net.Conn
	gate    *Gate
	closing sync.Once
	place   *conns.Conn // among the connections of gate

	requests *Share // bytes of requests
	answers  *Share // bytes of answers that the client has not read
	calls    *Share // calls in flight
	work     *Share // calls at work
	reads    *Share // calls that read pages from the store
	lookups  *Share // calls that read single records

	deadline time.Time // the last write deadline; owned by the writer

	// Owned by the reader.
	frames     frames.Reader
	lastStream uint32 // of the last HEADERS frame
	opened     uint64 // number of HEADERS frames
	lastEnded  bool   // that frame ended its stream, so the call has no message
	failure    error  // ends the connection

	mu            sync.Mutex // guards the fields below, and those of its calls
	streams       map[uint32]*call
	unread        int           // bytes that have come in and that no handler has taken
	drawn         []Hold        // from requests, for unread bytes
	closed        bool          // nothing more is drawn
	unreadFell    notify.Signal // set when unread falls
	unstarted     int           // calls whose handlers have not been entered
	unstartedFell notify.Signal // set when unstarted falls
	trust         frames.Trust
}

func newConn(accepted net.Conn, gate *Gate) *Conn {
	place, _ := accepted.(*conns.Conn)
	return &Conn{
		Conn:          accepted,
		gate:          gate,
		place:         place,
		requests:      gate.bytes.NewShare(gate.limits.BytesOfConnection),
		answers:       gate.bytes.NewShare(gate.limits.BytesOfConnection),
		calls:         gate.calls.NewShare(gate.limits.CallsOfConnection),
		work:          gate.work.NewShare(workOwn),
		reads:         gate.reads.NewShare(0),
		lookups:       gate.lookups.NewShare(0),
		frames:        frames.OfClient(),
		streams:       make(map[uint32]*call),
		unreadFell:    notify.NewSignal(),
		unstartedFell: notify.NewSignal(),
		trust:         frames.NewTrust(time.Now()),
	}
}

// NetConn returns the connection that was accepted.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Write implements net.Conn. A client that reads nothing for gate.limits.ReadTimeout loses its
// connection.
func (c *Conn) Write(p []byte) (int, error) {
	if now := time.Now(); c.deadline.Sub(now) < c.gate.limits.ReadTimeout-time.Second {
		c.deadline = now.Add(c.gate.limits.ReadTimeout)
		if err := c.SetWriteDeadline(c.deadline); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// Close implements net.Conn. It drops the answers that the client has not read, and the bytes that no handler
// has taken.
func (c *Conn) Close() error {
	err := net.ErrClosed
	c.closing.Do(func() {
		err = c.Conn.Close()
		c.answers.Close()
		c.dropUnread()
	})
	return err
}

// plain is a connection as gRPC sees it: after the TLS handshake, with the frames in plain text.
type plain struct {
	net.Conn
	conn   *Conn
	buffer *bufio.Reader
	sent   frames.Reader // the writer's
}

// Read implements net.Conn. The caller must ask for no more than the next frame's header or payload, as
// gRPC does if it has no buffer of its own: then the call that tap sees belongs to the stream that was
// opened last.
func (p *plain) Read(b []byte) (int, error) {
	c := p.conn
	if err := c.awaitStarts(); err != nil {
		return 0, err
	}
	if err := c.makeRoom(); err != nil {
		return 0, err
	}
	n, err := p.buffer.Read(b)
	c.frames.Feed(b[:n], c)
	if c.failure != nil {
		return 0, c.failure
	}
	return n, err
}

// Write implements net.Conn.
func (p *plain) Write(b []byte) (int, error) {
	p.sent.Feed(b, sent{p.conn})
	return p.Conn.Write(b)
}

// sent is told what the server sends on a connection.
type sent struct{ conn *Conn }

// Begin implements frames.Sink.
func (s sent) Begin(h frames.Header) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.conn.trust.Sent(h)
}

// RemoteAddr implements net.Conn. gRPC passes it to everything it calls, and with it the connection.
func (p *plain) RemoteAddr() net.Addr { return address{p.Conn.RemoteAddr(), p.conn} }

type address struct {
	net.Addr
	conn *Conn
}

func connOf(ctx context.Context) *Conn {
	if p, ok := peer.FromContext(ctx); ok {
		if a, ok := p.Addr.(address); ok {
			return a.conn
		}
	}
	return nil
}

// Credentials wraps the server's credentials for connections of a Gate's listeners.
func Credentials(inner credentials.TransportCredentials) credentials.TransportCredentials {
	return handshake{inner}
}

type handshake struct {
	credentials.TransportCredentials
}

func (h handshake) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, ok := raw.(*Conn)
	if !ok {
		return nil, nil, errors.New("the connection belongs to another listener")
	}
	conn, info, err := h.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	return &plain{Conn: conn, conn: c, buffer: bufio.NewReaderSize(conn, readBuffer)}, info, nil
}

func (h handshake) Clone() credentials.TransportCredentials {
	return handshake{h.TransportCredentials.Clone()}
}

// awaitStarts waits until the connection has fewer than maxUnstarted calls that have not started, and
// until the client may make more calls.
func (c *Conn) awaitStarts() error {
	for {
		c.mu.Lock()
		unstarted := c.unstarted
		wait, ok := c.trust.Wait(time.Now())
		c.mu.Unlock()
		switch {
		case !ok:
			return errNothing
		case unstarted >= maxUnstarted:
			<-c.unstartedFell
		case wait > 0:
			time.Sleep(wait)
		default:
			return nil
		}
	}
}

// onStart is called when a call has started, or ended before it did. c.mu is locked.
func (c *Conn) onStart() {
	c.unstarted--
	c.unstartedFell.Set()
}

// makeRoom waits until the connection may have more unread bytes.
func (c *Conn) makeRoom() error {
	if c.hasRoom() {
		return nil
	}
	stop := time.NewTimer(c.gate.limits.ReadTimeout)
	defer stop.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !c.hasRoom() {
		if h, ok := c.requests.TryTake(unreadStep); ok {
			if !c.keepDrawn(h) {
				return net.ErrClosed
			}
			continue
		}
		select {
		case <-c.unreadFell:
		case <-again.C:
		case <-stop.C:
			return errUnread
		}
	}
	return nil
}

// keepDrawn adds h to what is held for unread bytes. It returns false if the connection is closed.
func (c *Conn) keepDrawn(h Hold) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		h.Release()
		return false
	}
	c.drawn = append(c.drawn, h)
	return true
}

// hasRoom reports whether the connection may have more unread bytes, and gives back what it does not need
// of the pool.
func (c *Conn) hasRoom() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := len(c.drawn); n > 0 && c.unread < ownUnread+(n-1)*unreadStep; n-- {
		c.drawn[n-1].Release()
		c.drawn = c.drawn[:n-1]
	}
	return c.unread <= ownUnread+len(c.drawn)*unreadStep
}

// dropUnread gives back what is held for unread bytes, for good.
func (c *Conn) dropUnread() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, h := range c.drawn {
		h.Release()
	}
	c.drawn = nil
}

// Begin implements frames.Sink.
func (c *Conn) Begin(h frames.Header) {
	c.mu.Lock()
	c.trust.Received(h)
	if s := c.streams[h.Stream]; s != nil && h.Kind == frames.Data && !s.addFrame() {
		c.failure = errFrames
	}
	c.mu.Unlock()
	if h.Kind != frames.Headers {
		return
	}
	c.lastStream, c.lastEnded = h.Stream, h.EndsStream()
	if c.opened++; c.opened%yieldEvery == 0 {
		runtime.Gosched()
	}
}

// Data implements frames.DataSink.
func (c *Conn) Data(id uint32, p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams[id]; s != nil && !s.addBytes(p) {
		c.failure = os.ErrInvalid
	}
}

// EndStream implements frames.DataSink.
func (c *Conn) EndStream(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams[id]; s != nil {
		s.halfClosed = true
		s.changed.Set()
	}
}

// addUnread changes the number of unread bytes. c.mu is locked.
func (c *Conn) addUnread(by int) {
	c.unread += by
	if by < 0 {
		c.unreadFell.Set()
	}
}

// begin registers the call whose HEADERS frame was read last.
func (c *Conn) begin(s *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.id, s.halfClosed = c.lastStream, c.lastEnded
	c.streams[s.id] = s
	c.unstarted++
	c.place.Begin()
}

// forget removes a call. c.mu is locked.
func (c *Conn) forget(s *call) {
	delete(c.streams, s.id)
	s.setUnread(0)
	c.place.End()
}
