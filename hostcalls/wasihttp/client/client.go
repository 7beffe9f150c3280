package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// Access decides which requests are sent. Its methods may be called from any goroutine, and do not block.
type Access interface {
	// Request returns the grant that covers a request, network.ErrRevoked if only revoked ones do, network.ErrNotGranted if
	// none does.
	Request(t *Target) (network.Grant, error)
	// Connect returns why an address that the target's host has led to may not be connected to for it.
	Connect(t *Target, to netip.AddrPort) error
}

// Config says what a workload's client may use.
type Config struct {
	Access      Access
	Stack       network.Stack     // looks up names; nil: there are none
	Traffic     *network.Traffic  // of the workload; nil counts for nobody
	Peer        network.Peer      // the workload among others, whose services it reaches without sockets
	Connections int               // bound on its connections; zero is none
	Budget      *hostcalls.Budget // of descriptors, shared by all workloads; nil: no bound
	Owner       string            // the workload's key in the budget
	TLS         *tls.Config       // nil: what the system trusts
	// Tracer follows the requests. Nil: nothing does.
	Tracer wasihttp.Tracer
	// OnFailure is called when a request was not sent or not answered, with the origin that it was for: why Access refused it, or
	// what went wrong; not when it was given up. It may be nil, is called on any goroutine, and must not block.
	OnFailure func(kind hostcalls.OpKind, origin string, err error)
}

const (
	// MaxRequests bounds the requests of a client at a time.
	MaxRequests = 1 << 10
	// maxDials bounds the connections of a client that are being made.
	maxDials = 32

	maxIdle     = 16
	idleTimeout = 30 * time.Second

	connectTimeout   = 30 * time.Second
	firstByteTimeout = 10 * time.Minute
	betweenTimeout   = 10 * time.Minute
)

// Client sends the requests of one workload. Make one with New.
type Client struct {
	config    Config
	transport *http.Transport
	requests  chan struct{} // one for each
	dials     chan struct{}
	ctx       context.Context //nolint:containedctx // the life of the client
	end       context.CancelCauseFunc

	mu    sync.Mutex // guards count
	count int        // of connections
}

var _ wasihttp.Sender = (*Client)(nil)

var (
	errClosed  = errors.New("the workload has ended")
	errGivenUp = fault(wasihttp.ConnectionTerminated) // by the component
)

// New makes a client. It takes nothing until it sends a request. The caller closes it.
func New(config Config) *Client {
	c := &Client{config: config, requests: make(chan struct{}, MaxRequests), dials: make(chan struct{}, maxDials)}
	c.ctx, c.end = context.WithCancelCause(context.Background())
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	c.transport = &http.Transport{
		DialContext:            c.dial,
		TLSClientConfig:        config.TLS.Clone(),
		TLSHandshakeTimeout:    connectTimeout,
		DisableCompression:     true, // what the server sends is the component's
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: wasihttp.MaxFieldsBytes,
		ExpectContinueTimeout:  time.Second,
		Protocols:              &protocols,
	}
	return c
}

// Close ends all requests and connections. It does not wait for them.
func (c *Client) Close() {
	c.end(errClosed)
	c.transport.CloseIdleConnections()
}

// Send implements wasihttp.Sender.
func (c *Client) Send(r *wasihttp.Request, answer func(*wasihttp.Response, error)) (op hostcalls.Op, cancel func()) {
	op = hostcalls.Op{Kind: hostcalls.OpHTTP, Target: r.Method + " " + r.Authority}
	t, err := targetOf(r)
	refuse := func(err error) (hostcalls.Op, func()) {
		if t != nil {
			c.onFailure(t, err)
		}
		e := wasihttp.AsError(err)
		r.Body.Close(e)
		answer(nil, e)
		return op, func() {}
	}
	if err != nil {
		return refuse(err)
	}
	path, _, _ := strings.Cut(t.raw, "?") // a query may have secrets
	op.Target = t.Method + " " + t.Origin() + path
	r.Body.Describe(title(op.Target))
	by, err := c.config.Access.Request(t)
	if err != nil {
		return refuse(err)
	}
	select {
	case c.requests <- struct{}{}:
	default:
		return refuse(fault(wasihttp.ConnectionLimitReached))
	}
	x := c.newExchange(r, t, by, op.Target)
	op.Subject = x
	go x.run(answer)
	return op, func() { x.fail(errGivenUp) }
}

func (c *Client) onFailure(t *Target, err error) {
	if c.config.OnFailure != nil {
		c.config.OnFailure(hostcalls.OpHTTP, t.Origin(), err)
	}
}
