package wasip2

import (
	"errors"
	"sync"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

func httpOutgoingHandler() component.Interface {
	return component.Interface{
		Name: "wasi:http/outgoing-handler", Version: version,
		Types: "use wasi:http/types.{outgoing-request, request-options, future-incoming-response, error-code};",
		Functions: []component.Function{
			function("handle", "func(request: outgoing-request, options: option<request-options>) -> result<future-incoming-response, error-code>", handleOutgoing),
		},
	}
}

func httpFutureFunctions() []component.Function {
	return []component.Function{
		function("[method]future-incoming-response.subscribe", "func(self: borrow<future-incoming-response>) -> pollable", func(c call) {
			f := c.http.responses.Get(c.Args.Borrow())
			c.subscribe(f, f)
		}),
		function("[method]future-incoming-response.get", "func(self: borrow<future-incoming-response>) -> option<result<result<incoming-response, error-code>>>", func(c call) {
			c.http.responses.Get(c.Args.Borrow()).get(c)
		}),
	}
}

// requestBytes is about what a request that is sent takes of the host's memory.
const requestBytes = 16 << 10

// handleOutgoing: outgoing-handler.handle.
func handleOutgoing(c call) {
	r := take(c.Call, &c.http.outgoingRequests, c.Args.Own())
	made := &wasihttp.Request{Method: r.method, Scheme: r.scheme, Authority: r.authority, PathWithQuery: r.path, Fields: r.fields.Fields}
	if c.Args.Option() {
		made.Options = &take(c.Call, &c.http.options, c.Args.Own()).Options
	}
	defer r.fields.Release()
	var err error
	if made.Body, err = r.take(); err != nil {
		c.Results.Err()
		wasihttp.PutError(&c.Results, err)
		return
	}
	if !c.store.Hold(requestBytes) {
		c.Trap("there is no memory for another HTTP request")
	}
	f := &futureResponse{host: c.host}
	f.wait, f.cancel = c.sender.Send(made, f.answer)
	c.Results.OK()
	c.Results.Own(give(c, &c.http.responses, f, nil))
}

// futureResponse is a request under way.
type futureResponse struct {
	component.Object
	host   *host
	wait   hostcalls.Op
	cancel func()
	start  hostcalls.WaitStart
	given  bool

	mu       sync.Mutex // guards the fields below
	answered bool
	dropped  bool
	response *wasihttp.Response
	err      error
	waiters  hostcalls.Waiters
}

var _ waitable = (*futureResponse)(nil)

// answer keeps the response until the component takes it. It is called on any goroutine.
func (f *futureResponse) answer(r *wasihttp.Response, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped && r != nil {
		r.Body.Close(&wasihttp.Error{Code: wasihttp.ConnectionTerminated})
		return
	}
	f.answered, f.response, f.err = true, r, err
	f.waiters.Tell()
}

// Drop implements component.Dropper. A request that was not answered is given up.
func (f *futureResponse) Drop() {
	f.host.store.Free(requestBytes)
	f.mu.Lock()
	f.dropped = true
	response, answered := f.response, f.answered
	f.mu.Unlock()
	switch {
	case !answered:
		f.cancel()
	case response != nil && !f.given:
		response.Body.Close(&wasihttp.Error{Code: wasihttp.ConnectionTerminated})
	}
}

// Notify implements hostcalls.Notifier.
func (f *futureResponse) Notify(ready func()) (stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waiters.Add(&f.mu, ready, f.answered)
}

func (f *futureResponse) ready() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.answered
}

func (f *futureResponse) op() hostcalls.Op              { return f.wait }
func (f *futureResponse) waiting() *hostcalls.WaitStart { return &f.start }

func (f *futureResponse) get(c call) {
	if !f.ready() {
		c.Results.None()
		return
	}
	c.Results.Some()
	if f.given {
		c.Results.Err()
		return
	}
	f.given = true
	c.Results.OK()
	err := f.err
	if err == nil {
		if fields, ok := wasi.NewHTTPFields(c.store, f.response.Fields); ok {
			c.Results.OK()
			r := &incomingResponse{receivedMessage: receivedMessage{fields: fields, body: f.response.Body}, status: f.response.Status}
			c.Results.Own(give(c, &c.http.incomingResponses, r, nil))
			return
		}
		f.response.Body.Close(&wasihttp.Error{Code: wasihttp.ConnectionTerminated})
		err = &wasihttp.Error{Code: wasihttp.ResponseHeaderSectionSize}
	}
	c.Results.Err()
	wasihttp.PutError(&c.Results, err)
}

// What a component exports that answers requests.
const (
	HandlerInterface = "wasi:http/incoming-handler"
	HandlerFunction  = "handle"
)

// Handle has the component of a store answer a request, by a function that it exports: export is its full name. It is for jobs of
// component.Store.Do, of which no other one is done until the component has returned: it can't be asked to give up. An error ends
// the store; the functions of the exchange are called even so.
func Handle(s *component.Store, export string, x *wasihttp.Exchange) error {
	h := &responseOutparam{Exchange: x, host: &s.Host().(hosted).WASIP2().host}
	var ok bool
	if h.fields, ok = wasi.NewHTTPFields(s, x.Request.Fields); !ok {
		x.Answer(nil, &wasihttp.Error{Code: wasihttp.RequestHeaderSectionSize})
		x.Done()
		return nil
	}
	return s.StartCall(export, &h.Invocation, h)
}

// responseOutparam is where the answer to a request goes.
type responseOutparam struct {
	component.Object
	component.Invocation
	*wasihttp.Exchange
	host     *host
	fields   *wasi.HTTPFields // of the request, until it is the component's
	body     *wasihttp.Body   // of the response
	answered bool
}

// Drop implements component.Dropper.
func (*responseOutparam) Drop() {}

var errOtherTypes = errors.New("its parameters are not those of wasi:http/types")

// Pass implements component.Invoker: it writes the request and the outparam.
func (h *responseOutparam) Pass(to *component.Call) {
	c := call{to, h.host}
	check := func(name string) {
		if h.host.store.HostResource(c.Results.Type()) != "wasi:http/types#"+name {
			c.Trap("%s: %v", HandlerInterface, errOtherTypes)
		}
	}
	check("incoming-request")
	r := &incomingRequest{receivedMessage{fields: h.fields, body: h.Request.Body}, h.Request}
	h.fields = nil
	c.Results.Own(give(c, &h.host.http.incomingRequests, r, nil))
	check("response-outparam")
	c.Results.Own(give(c, &h.host.http.outparams, h, nil))
}

// Take implements component.Invoker: there is no result.
func (*responseOutparam) Take(*component.Call) {}

// set answers response-outparam.set.
func (h *responseOutparam) set(c call) {
	if !c.Args.OK() {
		h.answer(nil, wasihttp.ReadError(&c.Args))
		return
	}
	r := take(c.Call, &c.http.outgoingResponses, c.Args.Own())
	defer r.fields.Release()
	body, err := r.take()
	if err != nil {
		h.answer(nil, err)
		return
	}
	h.body = body
	h.answer(&wasihttp.Response{Status: r.status, Fields: r.fields.Fields, Body: body}, nil)
}

func (h *responseOutparam) answer(r *wasihttp.Response, err error) {
	h.answered = true
	h.Answer(r, err)
}

var errNoAnswer = &wasihttp.Error{Code: wasihttp.InternalError, Text: "the handler has ended without an answer"}

// Exited implements component.Invoker: the handler has returned, or the store is closed. The component does nothing more: a body that is not
// finished is broken.
func (h *responseOutparam) Exited(err error) {
	if h.fields != nil {
		h.fields.Release()
	}
	if !h.answered {
		if err == nil {
			err = errNoAnswer
		}
		h.answer(nil, err)
	}
	if h.body != nil {
		h.body.Fail(&wasihttp.Error{Code: wasihttp.ConnectionTerminated})
	}
	h.Done()
}
