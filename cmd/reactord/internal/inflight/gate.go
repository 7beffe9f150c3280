package inflight

import (
	"context"
	"net"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
)

// maxWaiting bounds the answers that wait for room: they are there already.
const maxWaiting = 16

// maxReads bounds the calls that look something up at a time, whose answers may be large and are not
// paid for before they are there. More would not be answered any sooner: the store has four
// connections for them.
const maxReads = 8

const (
	// maxHeaderBytes bounds the headers of a call: what clients take themselves by default.
	maxHeaderBytes = 8 << 10
	// handshakeTime bounds the time from a connection's accept to the end of its handshakes.
	handshakeTime = 10 * time.Second
)

// Gate bounds what the clients of one server have in flight. Its methods are for any goroutine, but
// Register, which is called before the server serves.
type Gate struct {
	limits  Limits
	admit   tap.ServerInHandle
	conns   connections
	bytes   *Pool
	calls   *Pool
	reads   *Pool
	waiting chan struct{} // a place for each answer that waits
	methods map[string]*method
}

// NewGate makes a gate for the calls that admit lets in, which does not wait. What is zero in limits
// takes its default. Log is told when connections reach their bound, and when that is over.
func NewGate(limits Limits, admit tap.ServerInHandle, log *zap.Logger) *Gate {
	limits = limits.withDefaults()
	return &Gate{
		limits:  limits,
		admit:   admit,
		conns:   connections{most: limits.Connections, log: log, open: make(map[*Conn]struct{})},
		bytes:   NewPool(limits.Bytes),
		calls:   NewPool(limits.Calls),
		reads:   NewPool(maxReads),
		waiting: make(chan struct{}, maxWaiting),
		methods: make(map[string]*method),
	}
}

// Listener bounds the connections of a listener. They are served with Credentials.
func (g *Gate) Listener(l net.Listener) net.Listener { return &listener{l, g} }

// Options are the options of the server that has the gate.
func (g *Gate) Options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.InTapHandle(g.tap),
		grpc.ForceServerCodecV2(NewCodec()),
		grpc.ReadBufferSize(0), // plain has one, and follows what gRPC reads
		grpc.MaxConcurrentStreams(uint32(g.limits.Streams)),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.ConnectionTimeout(handshakeTime),
		grpc.StaticStreamWindowSize(window),
		grpc.StaticConnWindowSize(16 * window),
	}
}

// tap begins a call, before anything was made for it. It is called by the connection's reader.
func (g *Gate) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	ctx, err := g.admit(ctx, info)
	if err != nil {
		return nil, err
	}
	m, ok := g.methods[info.FullMethodName]
	if !ok {
		return nil, status.Errorf(codes.Unimplemented, "there is no method %q", clipName(info.FullMethodName))
	}
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	conn := connOf(ctx)
	if conn == nil {
		return nil, status.Error(codes.Internal, "the connection is of another listener")
	}
	place, ok := conn.calls.TryTake(1)
	if !ok {
		return nil, m.status(ctx, errTooMuch())
	}
	c := &call{conn: conn, method: m, place: place, told: make(chan struct{}, 1)}
	conn.begin(c)
	context.AfterFunc(ctx, c.end)
	return context.WithValue(ctx, callKey{}, c), nil
}

type callKey struct{}

// wait waits for room for an answer.
func (g *Gate) wait(ctx context.Context, s *Share, n int64) (Hold, bool) {
	select {
	case g.waiting <- struct{}{}:
		defer func() { <-g.waiting }()
		return s.Take(ctx, n, g.limits.Patience)
	default:
		return Hold{}, false
	}
}

// unlessRead returns what releases h when an answer was read. If it is not read in time, the
// connection is broken off; but what is its own it may leave where it is.
func (c *Conn) unlessRead(h Hold) (release func()) {
	if !h.drawn {
		return h.Release
	}
	limits := &c.gate.limits
	timer := time.AfterFunc(limits.timeFor(h.share.Drawn()), func() { _ = c.Close() })
	return func() {
		timer.Stop()
		h.Release()
	}
}
