package wasip2

import (
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// receivedMessage is a message that the host gives a component.
type receivedMessage struct {
	component.Object
	fields *wasi.HTTPFields
	body   *wasihttp.Body // nil: it was consumed
}

// Drop implements component.Dropper.
func (m *receivedMessage) Drop() {
	m.fields.Release()
	if m.body != nil {
		m.body.Close(nil)
	}
}

// consume answers consume.
func (m *receivedMessage) consume(c call) {
	if m.body == nil {
		c.Results.Err()
		return
	}
	b := &incomingBody{host: c.host, body: m.body}
	m.body = nil
	c.Results.OK()
	c.Results.Own(give(c, &c.http.incomingBodies, b, nil))
}

type incomingRequest struct {
	receivedMessage
	*wasihttp.Request
}

type incomingResponse struct {
	receivedMessage
	status int
}

// composed is a message that a component makes.
type composed struct {
	component.Object
	host      *host
	fields    *wasi.HTTPFields
	ofRequest bool
	body      *outgoingBody // nil: the component has not asked for it
	sent      bool
}

// Drop implements component.Dropper.
func (m *composed) Drop() {
	m.fields.Release()
	if m.body != nil && !m.sent {
		m.body.body.Close(&wasihttp.Error{Code: wasihttp.ConnectionTerminated})
	}
}

// compose takes the fields that a message is made with.
func (c call) compose(ofRequest bool) composed {
	f := take(c.Call, &c.http.fields, c.Args.Own()).HTTPFields
	f.Freeze()
	return composed{host: c.host, fields: f, ofRequest: ofRequest}
}

// giveBody answers body.
func (m *composed) giveBody(c call) {
	body, err := wasihttp.NewBody(m.fields.Fields, m.ofRequest)
	if m.body != nil || err != nil {
		c.Results.Err()
		return
	}
	m.body = &outgoingBody{host: c.host, body: body}
	m.body.follow()
	c.Results.OK()
	c.Results.Own(give(c, &c.http.outgoingBodies, m.body, nil))
}

// take returns the body with which the message is sent. One that the component has not asked for is empty.
func (m *composed) take() (*wasihttp.Body, error) {
	m.sent = true
	if m.body != nil {
		return m.body.body, nil
	}
	body, err := wasihttp.NewBody(m.fields.Fields, m.ofRequest)
	if err != nil {
		return nil, err
	}
	body.AnnounceNothing()
	_ = body.End(nil) // who reads it is told what is wrong
	return body, nil
}

type outgoingRequest struct {
	composed
	method, scheme, authority, path string
}

type outgoingResponse struct {
	composed
	status int
}

// set writes the result of a setter.
func (c call) set(ok bool, apply func()) {
	if !ok {
		c.Results.Err()
		return
	}
	apply()
	c.Results.OK()
}

func httpRequestFunctions() []component.Function {
	incoming := func(name, result string, get func(c call, r *incomingRequest)) component.Function {
		return function("[method]incoming-request."+name, "func(self: borrow<incoming-request>) -> "+result, func(c call) {
			get(c, c.http.incomingRequests.Get(c.Args.Borrow()))
		})
	}
	outgoing := func(name, result string, get func(c call, r *outgoingRequest)) component.Function {
		return function("[method]outgoing-request."+name, "func(self: borrow<outgoing-request>) -> "+result, func(c call) {
			get(c, c.http.outgoingRequests.Get(c.Args.Borrow()))
		})
	}
	setter := func(name, param string, read func(c call) (text string, ok bool), of func(r *outgoingRequest) *string) component.Function {
		return function("[method]outgoing-request.set-"+name, "func(self: borrow<outgoing-request>, "+param+") -> result", func(c call) {
			r := c.http.outgoingRequests.Get(c.Args.Borrow())
			text, ok := read(c)
			c.set(ok, func() { *of(r) = text })
		})
	}
	const scheme, text = "option<scheme>", "option<string>"
	return []component.Function{
		incoming("method", "method", func(c call, r *incomingRequest) { wasihttp.PutMethod(&c.Results, r.Method) }),
		incoming("path-with-query", text, func(c call, r *incomingRequest) { wasihttp.PutText(&c.Results, r.PathWithQuery) }),
		incoming("scheme", scheme, func(c call, r *incomingRequest) { wasihttp.PutScheme(&c.Results, r.Scheme) }),
		incoming("authority", text, func(c call, r *incomingRequest) { wasihttp.PutText(&c.Results, r.Authority) }),
		incoming("headers", "headers", func(c call, r *incomingRequest) { c.giveFields(r.fields.Use()) }),
		incoming("consume", "result<incoming-body>", func(c call, r *incomingRequest) { r.consume(c) }),
		function("[constructor]outgoing-request", "func(headers: headers) -> outgoing-request", func(c call) {
			c.Results.Own(give(c, &c.http.outgoingRequests, &outgoingRequest{composed: c.compose(true), method: "GET"}, nil))
		}),
		outgoing("body", "result<outgoing-body>", func(c call, r *outgoingRequest) { r.giveBody(c) }),
		outgoing("method", "method", func(c call, r *outgoingRequest) { wasihttp.PutMethod(&c.Results, r.method) }),
		outgoing("path-with-query", text, func(c call, r *outgoingRequest) { wasihttp.PutText(&c.Results, r.path) }),
		outgoing("scheme", scheme, func(c call, r *outgoingRequest) { wasihttp.PutScheme(&c.Results, r.scheme) }),
		outgoing("authority", text, func(c call, r *outgoingRequest) { wasihttp.PutText(&c.Results, r.authority) }),
		outgoing("headers", "headers", func(c call, r *outgoingRequest) { c.giveFields(r.fields.Use()) }),
		setter("method", "method: method", func(c call) (string, bool) {
			method := wasihttp.ReadMethod(&c.Args)
			return method, wasihttp.ValidMethod(method)
		}, func(r *outgoingRequest) *string { return &r.method }),
		setter("path-with-query", "path-with-query: option<string>", func(c call) (string, bool) {
			return wasihttp.ReadText(&c.Args, wasihttp.ValidPathWithQuery)
		}, func(r *outgoingRequest) *string { return &r.path }),
		setter("scheme", "scheme: option<scheme>", func(c call) (string, bool) { return wasihttp.ReadScheme(&c.Args) },
			func(r *outgoingRequest) *string { return &r.scheme }),
		setter("authority", "authority: option<string>", func(c call) (string, bool) {
			return wasihttp.ReadText(&c.Args, wasihttp.ValidAuthority)
		}, func(r *outgoingRequest) *string { return &r.authority }),
	}
}

func httpResponseFunctions() []component.Function {
	return []component.Function{
		function("[method]incoming-response.status", "func(self: borrow<incoming-response>) -> status-code", func(c call) {
			c.Results.U16(uint16(c.http.incomingResponses.Get(c.Args.Borrow()).status))
		}),
		function("[method]incoming-response.headers", "func(self: borrow<incoming-response>) -> headers", func(c call) {
			c.giveFields(c.http.incomingResponses.Get(c.Args.Borrow()).fields.Use())
		}),
		function("[method]incoming-response.consume", "func(self: borrow<incoming-response>) -> result<incoming-body>", func(c call) {
			c.http.incomingResponses.Get(c.Args.Borrow()).consume(c)
		}),
		function("[constructor]outgoing-response", "func(headers: headers) -> outgoing-response", func(c call) {
			c.Results.Own(give(c, &c.http.outgoingResponses, &outgoingResponse{composed: c.compose(false), status: 200}, nil))
		}),
		function("[method]outgoing-response.status-code", "func(self: borrow<outgoing-response>) -> status-code", func(c call) {
			c.Results.U16(uint16(c.http.outgoingResponses.Get(c.Args.Borrow()).status))
		}),
		function("[method]outgoing-response.set-status-code", "func(self: borrow<outgoing-response>, status-code: status-code) -> result", func(c call) {
			r, status := c.http.outgoingResponses.Get(c.Args.Borrow()), int(c.Args.U16())
			c.set(wasihttp.ValidStatus(status), func() { r.status = status })
		}),
		function("[method]outgoing-response.headers", "func(self: borrow<outgoing-response>) -> headers", func(c call) {
			c.giveFields(c.http.outgoingResponses.Get(c.Args.Borrow()).fields.Use())
		}),
		function("[method]outgoing-response.body", "func(self: borrow<outgoing-response>) -> result<outgoing-body>", func(c call) {
			c.http.outgoingResponses.Get(c.Args.Borrow()).giveBody(c)
		}),
		function("[static]response-outparam.set", "func(param: response-outparam, response: result<outgoing-response, error-code>)", func(c call) {
			take(c.Call, &c.http.outparams, c.Args.Own()).set(c)
		}),
	}
}
