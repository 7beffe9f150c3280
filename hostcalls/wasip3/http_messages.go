package wasip3

import (
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// message is what requests and responses have in common.
type message struct {
	component.Object
	fields  *wasi.HTTPFields
	content content
}

// Drop implements component.Dropper.
func (m *message) Drop() {
	m.fields.Release()
	m.content.drop()
}

type request struct {
	message
	method, scheme, authority, path string
	options                         *wasihttp.Options // nil: none
}

type response struct {
	message
	status int
}

// take takes an object away from the component, which has given it up.
func take[T component.Dropper](c *component.Call, objects *component.Objects[T], rep uint32) T {
	c.Store().Free(wasi.ObjectBytes)
	return objects.Take(c, rep)
}

const contents = "headers: headers, contents: option<stream<u8>>, trailers: future<result<option<trailers>, error-code>>"

// newMessage reads the arguments of request.new or response.new that both have.
func (c call) newMessage() message {
	m := message{fields: take(c.Call, &c.fields, c.Args.Own()).HTTPFields}
	m.fields.Freeze()
	m.content = content{host: c.host, sent: c.newOutcome(wasihttp.PutError)}
	if m.content.hasStream = c.Args.Option(); m.content.hasStream {
		m.content.stream = c.Args.Stream()
	}
	m.content.trailers = c.Args.Future()
	return m
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

func requestFunctions() []component.Function {
	getter := func(name, result string, get func(c call, r *request)) component.Function {
		return function("[method]request.get-"+name, "func(self: borrow<request>) -> "+result, func(c call) {
			get(c, c.requests.Get(c.Args.Borrow()))
		})
	}
	setter := func(name, param string, read func(c call) (text string, ok bool), of func(r *request) *string) component.Function {
		return function("[method]request.set-"+name, "func(self: borrow<request>, "+param+") -> result", func(c call) {
			r := c.requests.Get(c.Args.Borrow())
			text, ok := read(c)
			c.set(ok, func() { *of(r) = text })
		})
	}
	return []component.Function{
		function("[static]request.new", "func("+contents+", options: option<request-options>) -> tuple<request, future<result<_, error-code>>>", func(c call) {
			r := &request{message: c.newMessage(), method: "GET"}
			if c.Args.Option() {
				r.options = take(c.Call, &c.options, c.Args.Own()).Options
				r.options.Freeze()
			}
			out := c.Results.Record()
			out.Own(give(c, &c.requests, r))
			r.content.sent.give(c, out)
		}),
		getter("method", "method", func(c call, r *request) { wasihttp.PutMethod(&c.Results, r.method) }),
		getter("scheme", "option<scheme>", func(c call, r *request) { wasihttp.PutScheme(&c.Results, r.scheme) }),
		getter("authority", "option<string>", func(c call, r *request) { wasihttp.PutText(&c.Results, r.authority) }),
		getter("path-with-query", "option<string>", func(c call, r *request) { wasihttp.PutText(&c.Results, r.path) }),
		getter("options", "option<request-options>", func(c call, r *request) {
			if r.options == nil {
				c.Results.None()
				return
			}
			c.Results.Some()
			c.giveOptions(r.options)
		}),
		getter("headers", "headers", func(c call, r *request) { c.giveFields(r.fields.Use()) }),
		setter("method", "method: method", func(c call) (string, bool) {
			method := wasihttp.ReadMethod(&c.Args)
			return method, wasihttp.ValidMethod(method)
		}, func(r *request) *string { return &r.method }),
		setter("scheme", "scheme: option<scheme>", func(c call) (string, bool) { return wasihttp.ReadScheme(&c.Args) },
			func(r *request) *string { return &r.scheme }),
		setter("authority", "authority: option<string>", func(c call) (string, bool) { return wasihttp.ReadText(&c.Args, wasihttp.ValidAuthority) },
			func(r *request) *string { return &r.authority }),
		setter("path-with-query", "path-with-query: option<string>", readPath, func(r *request) *string { return &r.path }),
		function("[static]request.consume-body", "func(this: request, res: future<result<_, error-code>>) -> "+consumed, func(c call) {
			c.consume(&take(c.Call, &c.requests, c.Args.Own()).message)
		}),
	}
}

// readPath reads an option of a path. One that is there and empty is that of the root.
func readPath(c call) (path string, ok bool) {
	if !c.Args.Option() {
		return "", true
	}
	if path = c.Args.String(); path == "" {
		path = "/"
	}
	return path, wasihttp.ValidPathWithQuery(path)
}

const consumed = "tuple<stream<u8>, future<result<option<trailers>, error-code>>>"

func responseFunctions() []component.Function {
	return []component.Function{
		function("[static]response.new", "func("+contents+") -> tuple<response, future<result<_, error-code>>>", func(c call) {
			r := &response{message: c.newMessage(), status: 200}
			out := c.Results.Record()
			out.Own(give(c, &c.responses, r))
			r.content.sent.give(c, out)
		}),
		function("[method]response.get-status-code", "func(self: borrow<response>) -> status-code", func(c call) {
			c.Results.U16(uint16(c.responses.Get(c.Args.Borrow()).status))
		}),
		function("[method]response.set-status-code", "func(self: borrow<response>, status-code: status-code) -> result", func(c call) {
			r, status := c.responses.Get(c.Args.Borrow()), int(c.Args.U16())
			c.set(wasihttp.ValidStatus(status), func() { r.status = status })
		}),
		function("[method]response.get-headers", "func(self: borrow<response>) -> headers", func(c call) {
			c.giveFields(c.responses.Get(c.Args.Borrow()).fields.Use())
		}),
		function("[static]response.consume-body", "func(this: response, res: future<result<_, error-code>>) -> "+consumed, func(c call) {
			c.consume(&take(c.Call, &c.responses, c.Args.Own()).message)
		}),
	}
}

// consume answers consume-body of a message that the component has given up.
func (c call) consume(m *message) {
	m.fields.Release()
	res := c.Args.Future()
	out := c.Results.Record()
	m.content.consume(c, out, res)
}
