package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// exchange is a request under way, until the body of its response has ended. As a hostcalls.Subject it is what the operation acts
// on.
type exchange struct {
	client  *Client
	request *wasihttp.Request
	target  *Target
	name    string
	by      network.Grant // nil: none was needed
	sent    *sentBody
	ctx     context.Context
	cancel  context.CancelCauseFunc
	stops   []func()
	once    sync.Once

	conn atomic.Pointer[connection] // that it is sent on; nil: it has none yet

	// Of run's goroutine until it has answered, then of who ends the body of the response.
	traced  wasihttp.Traced // its End is nil if nothing follows it
	status  int
	failure error
}

var _ hostcalls.Peered = (*exchange)(nil)

// title is what a request is called: "GET https://host/path".
type title string

func (t title) String() string { return string(t) }

func (c *Client) newExchange(r *wasihttp.Request, t *Target, by network.Grant, name string) *exchange {
	x := &exchange{client: c, request: r, target: t, name: name, by: by, sent: &sentBody{body: r.Body}}
	x.ctx, x.cancel = context.WithCancelCause(c.ctx)
	x.ctx = context.WithValue(x.ctx, exchangeKey{}, x)
	if c.config.Peer.Peers != nil {
		x.ctx = httptrace.WithClientTrace(x.ctx, &httptrace.ClientTrace{GotConn: x.onConn})
	}
	if by != nil {
		by.Opened()
		x.stops = append(x.stops, by.Closed, by.OnRevoke(func() { x.fail(network.ErrRevoked) }))
	}
	return x
}

// exchangeKey is of the exchange for which a connection is made, in its context.
type exchangeKey struct{}

// Transferred implements hostcalls.Subject.
func (*exchange) Transferred(hostcalls.OpKind) uint64 { return 0 }

// Grant implements hostcalls.Subject.
func (x *exchange) Grant() string {
	if x.by == nil {
		return ""
	}
	return x.by.String()
}

// Peer implements hostcalls.Peered: the service of this daemon that has the request.
func (x *exchange) Peer() string {
	if c := x.conn.Load(); c != nil {
		return c.peer
	}
	return ""
}

// onConn notes on what connection the request is sent.
func (x *exchange) onConn(got httptrace.GotConnInfo) {
	if c, ok := got.Conn.(*connection); ok { // otherwise one of TLS, which leads out of the daemon
		x.conn.Store(c)
	}
}

// parent has the span of the request for which this one is sent, if that is known.
func (x *exchange) parent() context.Context {
	if p := x.request.Parent; p != nil {
		return p
	}
	return context.Background()
}

// fail ends the exchange, if it has not ended.
func (x *exchange) fail(err error) { x.cancel(err) }

// over gives back what the exchange has taken.
func (x *exchange) over() {
	x.once.Do(func() {
		for _, stop := range x.stops {
			stop()
		}
		x.cancel(nil)
		x.sent.end(fault(wasihttp.ConnectionTerminated))
		<-x.client.requests
		if x.traced.End != nil {
			x.traced.End(x.status, x.failure)
		}
	})
}

// explain returns an error of the exchange as an error-code: the reason why it was ended, if it was, and what is wrong with the
// response otherwise. Much of that has no type in net/http.
func (x *exchange) explain(err error) *wasihttp.Error {
	if cause := context.Cause(x.ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return wasihttp.AsError(cause)
	}
	e, text := wasihttp.AsError(err), err.Error()
	switch {
	case strings.Contains(text, "response headers exceeded"):
		return fault(wasihttp.ResponseHeaderSectionSize)
	case e.Code != wasihttp.InternalError:
		return e
	case strings.Contains(text, "long trailer"):
		return fault(wasihttp.ResponseTrailerSectionSize)
	case strings.HasPrefix(text, brokenResponse):
		return fault(wasihttp.ProtocolError)
	}
	return e
}

// brokenResponse begins net/http's errors about the head of a response that it could not read.
const brokenResponse = "net/http: HTTP/1.x transport connection broken: "

// explainBody is explain for an error of the response's body. What has no code of its own is the server's framing.
func (x *exchange) explainBody(err error) *wasihttp.Error {
	e := x.explain(err)
	if e.Code == wasihttp.InternalError && x.ctx.Err() == nil {
		return fault(wasihttp.ProtocolError)
	}
	return e
}

// tell tells of a request that failed, by the reason why it was ended, or else by what is wrong with it.
func (x *exchange) tell(err error) {
	if cause := context.Cause(x.ctx); cause != nil {
		err = cause
	}
	if !errors.Is(err, errGivenUp) && !errors.Is(err, errClosed) {
		x.client.onFailure(x.target, err)
	}
}

// options are the options of the request.
func (x *exchange) options() wasihttp.Options {
	if x.request.Options == nil {
		return wasihttp.Options{}
	}
	return *x.request.Options
}

// run sends the request, and answers.
func (x *exchange) run(answer func(*wasihttp.Response, error)) {
	request := x.newRequest()
	if t := x.client.config.Tracer; t != nil {
		x.traced = t.Sending(x.parent(), request)
	}
	late := time.AfterFunc(x.options().FirstByte.Or(firstByteTimeout), func() { x.fail(fault(wasihttp.ResponseTimeout)) })
	response, err := x.client.transport.RoundTrip(request)
	if err == nil && !late.Stop() {
		_ = response.Body.Close()
		err = fault(wasihttp.ResponseTimeout)
	}
	late.Stop()
	var received *wasihttp.Response
	if err == nil {
		received, err = x.receive(response)
	}
	if err != nil {
		x.tell(err)
		e := x.explain(err)
		x.failure = e
		x.sent.end(e)
		x.over()
		answer(nil, e)
		return
	}
	if request.Body == http.NoBody {
		x.sent.end(nil)
	}
	answer(received, nil)
}

// newRequest makes the request for net/http.
func (x *exchange) newRequest() *http.Request {
	r := &http.Request{
		Method: x.target.Method, URL: x.target.url(), Host: x.request.Authority, Header: x.request.Fields.Header(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: x.request.Body.Length(),
	}
	if len(x.request.Fields.Get("user-agent")) == 0 {
		r.Header["User-Agent"] = []string{""} // net/http would name itself
	}
	if r.ContentLength == 0 {
		r.Body = http.NoBody
		return r.WithContext(x.ctx)
	}
	r.Trailer = http.Header{}
	for _, list := range x.request.Fields.Get("trailer") {
		for name := range strings.SplitSeq(list, ",") {
			r.Trailer[http.CanonicalHeaderKey(strings.TrimSpace(name))] = nil
		}
	}
	x.sent.reader, x.sent.trailer = x.request.Body.Stream(x.ctx), r.Trailer
	r.Body = x.sent
	return r.WithContext(x.ctx)
}

// sentBody is the body of a request, for net/http.
type sentBody struct {
	body    *wasihttp.Body
	reader  io.Reader
	trailer http.Header
	once    sync.Once
}

// Read implements io.Reader. At the end the trailers are there.
func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.reader.Read(p)
	if errors.Is(err, io.EOF) {
		if trailers := b.body.Trailers(); trailers != nil {
			for name, values := range trailers.Trailer() {
				b.trailer[name] = values
			}
		}
		b.end(nil)
	}
	return n, err
}

// end tells the writer of the body how it was sent.
func (b *sentBody) end(err error) { b.once.Do(func() { b.body.Close(err) }) }

// Close implements io.Closer. Whoever answers before the end has wanted no more of it.
func (b *sentBody) Close() error { return nil }

// receive makes the response for the component. Its body is read when the component does so.
func (x *exchange) receive(r *http.Response) (*wasihttp.Response, error) {
	fields, err := wasihttp.FieldsOf(r.Header)
	if err != nil || !wasihttp.ValidStatus(r.StatusCode) || r.StatusCode == http.StatusSwitchingProtocols {
		_ = r.Body.Close()
		if errors.Is(err, wasihttp.ErrSize) {
			return nil, fault(wasihttp.ResponseHeaderSectionSize)
		}
		return nil, fault(wasihttp.ProtocolError)
	}
	x.status = r.StatusCode
	length := r.ContentLength
	if r.Body == http.NoBody {
		length = 0
	}
	body := wasihttp.NewBodyOf(length, false, func(b *wasihttp.Body) {
		go b.Fill(x.ctx, x.timed(r.Body), func() (*wasihttp.Fields, error) {
			if len(r.Trailer) == 0 {
				return nil, nil
			}
			return wasihttp.FieldsOf(r.Trailer)
		})
	})
	body.Describe(title(x.name))
	body.OnClose(func(err error) {
		x.failure = err
		x.over()
		go r.Body.Close() //nolint:errcheck // it may wait for the connection
	})
	return &wasihttp.Response{Status: r.StatusCode, Fields: fields, Body: body}, nil
}

// timed reads from r, and ends the exchange if nothing comes for too long.
func (x *exchange) timed(r io.Reader) io.Reader {
	limit := x.options().BetweenBytes.Or(betweenTimeout)
	return &timedReader{x: x, from: r, limit: limit}
}

type timedReader struct {
	x     *exchange
	from  io.Reader
	limit time.Duration
}

// Read implements io.Reader.
func (t *timedReader) Read(p []byte) (int, error) {
	late := time.AfterFunc(t.limit, func() { t.x.fail(fault(wasihttp.ConnectionReadTimeout)) })
	defer late.Stop()
	n, err := t.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = t.x.explainBody(err)
	}
	return n, err
}
