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

	"github.com/reactord/reactord/cmd/reactord/internal/conns"
	"github.com/reactord/reactord/internal/notify"
)

// maxWaiting bounds the answers that wait for memory: they take up memory already.
const maxWaiting = 16

// A call is at work while it needs a processor. All goroutines share one run queue, so a small call would wait
// there behind every call of a flood, at each of its steps.
const (
	// maxWork bounds the calls at work, besides the workOwn that each connection may always have. It is
	// enough for a store that commits many submissions at once.
	maxWork = 256
	workOwn = 2
	// maxUnstarted bounds the calls of a connection whose handlers have not started. The connection's
	// reader waits for them.
	maxUnstarted = 4
)

// maxReads bounds the pages that are read from the store and decoded at a time. A page may be large, its memory
// cannot be taken before it has been read, and it occupies a processor for long, so half of the processors are left
// to others. Reads of single records have the same number of turns of their own: however many connections ask
// for pages, a read of a record waits only for other records.
func maxReads() int64 { return int64(max(1, runtime.GOMAXPROCS(0)/2)) }

const (
	// maxHeaderBytes bounds the headers of a call: the default of gRPC clients themselves.
	maxHeaderBytes = 8 << 10
	// handshakeTime bounds the time from accepting a connection to the end of its handshakes.
	handshakeTime = 10 * time.Second
)

// Gate bounds what the clients of one server have in flight. Services are registered with a Registrar before the
// server serves; after that all methods may be called from any goroutine.
type Gate struct {
	limits  Limits
	admit   tap.ServerInHandle
	conns   *conns.Set
	bytes   *Pool
	calls   *Pool
	work    *Pool
	reads   *Pool
	lookups *Pool
	waiting chan struct{} // holds an element for each answer that waits
	methods map[string]*method
	onEnd   func(method string, err error) // nil: nobody is told
}

// NewGate makes a gate for the calls that admit accepts; admit must not wait. A zero field of limits takes
// its default. The gate logs when the number of connections reaches its bound and when it is below it again.
func NewGate(limits Limits, admit tap.ServerInHandle, log *zap.Logger) *Gate {
	limits = limits.withDefaults()
	return &Gate{
		limits:  limits,
		admit:   admit,
		conns:   conns.NewSet(limits.Connections, 0, log),
		bytes:   NewPool(limits.Bytes),
		calls:   NewPool(limits.Calls),
		work:    NewPool(maxWork),
		reads:   NewPool(maxReads()),
		lookups: NewPool(maxReads()),
		waiting: make(chan struct{}, maxWaiting),
		methods: make(map[string]*method),
	}
}

// OnEnd has f called at the end of every call, those that are refused too, with the name of its method, or an empty one if there
// is no such method, and with the error that the client gets, or that of the call's context. f must not block. OnEnd is called
// before the server serves.
func (g *Gate) OnEnd(f func(method string, err error)) { g.onEnd = f }

func (g *Gate) end(method string, err error) {
	if g.onEnd != nil {
		g.onEnd(method, err)
	}
}

// Load is what the clients have in flight.
type Load struct {
	Connections, MaxConnections int
	SharedBytes, MaxSharedBytes int64 // of the memory that all connections share: Limits.Bytes
}

// Load returns what the clients have in flight.
func (g *Gate) Load() Load {
	return Load{
		Connections: g.conns.Count(), MaxConnections: g.limits.Connections,
		SharedBytes: g.bytes.inUse(), MaxSharedBytes: g.limits.Bytes,
	}
}

// Listener bounds the connections of a listener. The server needs Credentials for them.
func (g *Gate) Listener(l net.Listener) net.Listener { return &listener{g.conns.Listener(l), g} }

// Options returns the options of the gate's server.
func (g *Gate) Options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.InTapHandle(g.tap),
		grpc.ForceServerCodecV2(NewCodec()),
		grpc.ReadBufferSize(0), // plain has a buffer, and follows what gRPC reads
		grpc.MaxConcurrentStreams(uint32(g.limits.Streams)),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.ConnectionTimeout(handshakeTime),
		grpc.StaticStreamWindowSize(window),
		grpc.StaticConnWindowSize(16 * window),
	}
}

// Reading waits for the turn of the call's connection to read from the store: a single record, or, if much
// is set, a page. It is called with the call's context; any other context needs no turn.
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

// tap registers a call before gRPC has created anything for it. The connection's reader calls it.
func (g *Gate) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	ctx, err := g.enter(ctx, info)
	if err != nil {
		name := ""
		if m, ok := g.methods[info.FullMethodName]; ok {
			name = m.name
		}
		g.end(name, err)
	}
	return ctx, err
}

func (g *Gate) enter(ctx context.Context, info *tap.Info) (context.Context, error) {
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
		return nil, status.Error(codes.Internal, "the connection belongs to another listener")
	}
	place, ok := conn.calls.TryTake(1)
	if !ok {
		return nil, m.status(ctx, errTooMuch())
	}
	c := &call{conn: conn, method: m, slot: place, opened: time.Now(), changed: notify.NewSignal()}
	conn.begin(c)
	context.AfterFunc(ctx, c.end)
	return context.WithValue(ctx, callKey{}, c), nil
}

type callKey struct{}

// wait waits for the memory of an answer.
func (g *Gate) wait(ctx context.Context, s *Share, n int64) (Hold, bool) {
	select {
	case g.waiting <- struct{}{}:
		defer func() { <-g.waiting }()
		return s.Take(ctx, n, g.limits.Patience)
	default:
		return Hold{}, false
	}
}

// releaseWhenRead returns the function that releases h once the client has read the answer. If it does not read
// it in time the connection is closed, unless h is part of the connection's own amount.
func (c *Conn) releaseWhenRead(h Hold) (release func()) {
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
