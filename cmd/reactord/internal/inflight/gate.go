package inflight

import (
	"context"
	"net"
	"runtime"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/reactord/reactord/internal/notify"
)

// maxWaiting bounds the answers that wait for room: they are there already.
const maxWaiting = 16

// A call that is at work is one that the processors are wanted for. The run queue is the same for all
// goroutines, so a small call would wait there for all that a flood has at work, at each of its steps.
const (
	// maxWork bounds the calls at work, beyond the workOwn that each connection may have at any time.
	// A store that commits many submissions at once has enough of them by that.
	maxWork = 256
	workOwn = 2
	// maxUnstarted bounds the calls of a connection whose handlers have not begun to run. The
	// connection's reader waits for them.
	maxUnstarted = 4
)

// maxReads bounds the pages that are being read from the store and decoded at a time. They may be large,
// and are not paid for before they are there; and they take a processor for long, so half of them are left
// to others. Single records have as many turns of their own: however many connections ask for pages,
// who asks for a record waits only for records.
func maxReads() int64 { return int64(max(1, runtime.GOMAXPROCS(0)/2)) }

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
	work    *Pool
	reads   *Pool
	lookups *Pool
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
		work:    NewPool(maxWork),
		reads:   NewPool(maxReads()),
		lookups: NewPool(maxReads()),
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

// Reading waits for the turn of a call's connection to read a record, or much, from the store. It is
// called with the call's context; others need no turn.
func Reading(ctx context.Context, much bool) (done func(), err error) {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return func() {}, nil
	}
	turns := c.conn.lookups
	if much {
		turns = c.conn.reads
	}
	h, ok := turns.Take(ctx, 1, c.conn.gate.limits.Patience)
	if !ok {
		return nil, c.refusal(ctx, 1)
	}
	return h.Release, nil
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
	c := &call{conn: conn, method: m, place: place, opened: time.Now(), told: notify.NewSignal()}
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
