package inflight

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/reactord/reactord/internal/notify"
)

const (
	// window is the flow-control window of a stream: what gRPC takes of a call's messages before its
	// handler asks for them.
	window = 64 << 10
	// unreadOwn is how many bytes a connection may have unread before it draws on the pool, and
	// unreadStep how much it draws at a time.
	unreadOwn  = 2 * window
	unreadStep = 4 * window
	// readBuffer is the size of the buffer in front of a connection.
	readBuffer = 16 << 10
	// yieldEvery is the number of calls after which a reader lets others have the processor. It would
	// keep it for 10 ms as long as there is something to read.
	yieldEvery = 8
	// looseFrames is how many frames a message may come in, beside one for every 256 bytes. Each is
	// kept with a header several times its own size.
	looseFrames = 64
)

// These end a connection. Its client cannot be told more than that it ended.
var (
	errUnread  = errors.New("more is on its way in than there is room for")
	errFrames  = errors.New("messages come in frames of a few bytes")
	errGivenUp = errors.New("nearly all calls are given up at once")
)

// Conn is a connection whose client has something in flight.
type Conn struct {
	net.Conn
	gate      *Gate
	closing   sync.Once
	idleSince atomic.Int64 // when the last call ended, in ns; 0 while there are calls
	used      atomic.Bool  // there was a call

	requests *Share // bytes that calls take
	answers  *Share // bytes that were not read
	calls    *Share // calls
	work     *Share // calls at work
	reads    *Share // calls that read much
	lookups  *Share // calls that read little

	deadline time.Time // of the writer, as it was last set; the writer's alone

	// The reader's alone.
	frames   frameReader
	opened   uint32 // the stream of the last HEADERS frame
	openings uint64
	bodiless bool // it was the last of its stream
	broken   error
	drawn    []Hold // for what is unread

	mu        sync.Mutex
	streams   map[uint32]*call
	unread    int           // bytes that came in and that no handler took
	taken     notify.Signal // set when unread falls
	unstarted int           // calls whose handlers have not begun
	started   notify.Signal // set when unstarted falls
	trust     trust
}

func newConn(raw net.Conn, gate *Gate) *Conn {
	c := &Conn{
		Conn:     raw,
		gate:     gate,
		requests: gate.bytes.NewShare(gate.limits.BytesOfConnection),
		answers:  gate.bytes.NewShare(gate.limits.BytesOfConnection),
		calls:    gate.calls.NewShare(gate.limits.CallsOfConnection),
		work:     gate.work.NewShare(workOwn),
		reads:    gate.reads.NewShare(0),
		lookups:  gate.lookups.NewShare(0),
		frames:   newFrameReader(),
		streams:  make(map[uint32]*call),
		taken:    notify.NewSignal(),
		started:  notify.NewSignal(),
		trust:    newTrust(time.Now()),
	}
	c.idleSince.Store(time.Now().UnixNano())
	return c
}

// NetConn is the connection that was accepted.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Write implements net.Conn. A client that takes nothing for as long as gate.limits.Deaf loses its
// connection.
func (c *Conn) Write(p []byte) (int, error) {
	if now := time.Now(); c.deadline.Sub(now) < c.gate.limits.Deaf-time.Second {
		c.deadline = now.Add(c.gate.limits.Deaf)
		if err := c.SetWriteDeadline(c.deadline); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// Close implements net.Conn. What was not read of the answers is gone with it.
func (c *Conn) Close() error {
	err := net.ErrClosed
	c.closing.Do(func() {
		err = c.Conn.Close()
		c.answers.Close()
		c.gate.conns.remove(c)
	})
	return err
}

// plain is a connection as gRPC sees it: after the handshake, with the frames in clear.
type plain struct {
	net.Conn
	conn   *Conn
	buffer *bufio.Reader
}

// Read implements net.Conn. It must be called for no more than the next frame's header or payload,
// as gRPC does without a buffer of its own: then the stream it looks at is the one that opened
// last.
func (p *plain) Read(b []byte) (int, error) {
	c := p.conn
	if err := c.awaitStarts(); err != nil {
		return 0, err
	}
	if err := c.makeRoom(); err != nil {
		return 0, err
	}
	n, err := p.buffer.Read(b)
	c.frames.feed(b[:n], c)
	if c.broken != nil {
		return 0, c.broken
	}
	return n, err
}

// RemoteAddr implements net.Conn. gRPC hands it to all that it calls, and so the connection.
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

// Credentials are the server's credentials over connections of a Gate's listeners.
func Credentials(inner credentials.TransportCredentials) credentials.TransportCredentials {
	return handshake{inner}
}

type handshake struct {
	credentials.TransportCredentials
}

func (h handshake) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, ok := raw.(*Conn)
	if !ok {
		return nil, nil, errors.New("the connection is of another listener")
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

// awaitStarts waits until most of the calls that were read have begun to run, and until the client may make
// more.
func (c *Conn) awaitStarts() error {
	for {
		c.mu.Lock()
		unstarted := c.unstarted
		wait, ok := c.trust.wait(time.Now())
		c.mu.Unlock()
		switch {
		case !ok:
			return errGivenUp
		case unstarted >= maxUnstarted:
			<-c.started
		case wait > 0:
			time.Sleep(wait)
		default:
			return nil
		}
	}
}

// startedOne says that a call has begun to run, or never will. Conn.mu is locked.
func (c *Conn) startedOne() {
	c.unstarted--
	c.started.Set()
}

// makeRoom waits until the connection may have more unread.
func (c *Conn) makeRoom() error {
	if c.hasRoom() {
		return nil
	}
	stop := time.NewTimer(c.gate.limits.Deaf)
	defer stop.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !c.hasRoom() {
		if h, ok := c.requests.TryTake(unreadStep); ok {
			c.drawn = append(c.drawn, h)
			continue
		}
		select {
		case <-c.taken:
		case <-again.C:
		case <-stop.C:
			return errUnread
		}
	}
	return nil
}

// hasRoom tells whether less is unread than is paid for, and gives back what is not needed.
func (c *Conn) hasRoom() bool {
	c.mu.Lock()
	unread := c.unread
	c.mu.Unlock()
	for n := len(c.drawn); n > 0 && unread < unreadOwn+(n-1)*unreadStep; n-- {
		c.drawn[n-1].Release()
		c.drawn = c.drawn[:n-1]
	}
	return unread <= unreadOwn+len(c.drawn)*unreadStep
}

// openStream implements frameSink.
func (c *Conn) openStream(id uint32, endStream bool) {
	c.opened, c.bodiless = id, endStream
	if c.openings++; c.openings%yieldEvery == 0 {
		runtime.Gosched()
	}
}

// beginData implements frameSink.
func (c *Conn) beginData(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams[id]; s != nil && !s.addFrame() {
		c.broken = errFrames
	}
}

// addData implements frameSink.
func (c *Conn) addData(id uint32, p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams[id]; s != nil && !s.addBytes(p) {
		c.broken = os.ErrInvalid
	}
}

// endStream implements frameSink.
func (c *Conn) endStream(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams[id]; s != nil {
		s.complete = true
		s.told.Set()
	}
}

// counted changes how much is unread.
func (c *Conn) counted(by int) {
	c.unread += by
	if by < 0 {
		c.taken.Set()
	}
}

// begin registers the call whose HEADERS were read last.
func (c *Conn) begin(s *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.id, s.complete = c.opened, c.bodiless
	c.streams[s.id] = s
	c.unstarted++
	c.used.Store(true)
	c.idleSince.Store(0)
}

// forget removes a call.
func (c *Conn) forget(s *call) {
	delete(c.streams, s.id)
	s.count(0)
	if len(c.streams) == 0 {
		c.idleSince.Store(time.Now().UnixNano())
	}
}
