package wasip2

import (
	"slices"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

func httpTypes() component.Interface {
	return component.Interface{
		Name: "wasi:http/types", Version: version,
		Types: `
			use wasi:clocks/monotonic-clock.{duration};
			use wasi:io/streams.{input-stream, output-stream};
			use wasi:io/error.{error as io-error};
			use wasi:io/poll.{pollable};
		` + wasihttp.Types + httpText,
		Functions: slices.Concat(httpFieldsFunctions(), httpRequestFunctions(), httpResponseFunctions(), httpBodyFunctions(), httpFutureFunctions(), httpOptionsFunctions(), []component.Function{
			function("http-error-code", "func(err: borrow<io-error>) -> option<error-code>", httpErrorCode),
		}),
		Resources: []component.Resource{
			resource("fields", func(h *host) *component.Objects[*httpFields] { return &h.http.fields }),
			resource("incoming-request", func(h *host) *component.Objects[*incomingRequest] { return &h.http.incomingRequests }),
			resource("outgoing-request", func(h *host) *component.Objects[*outgoingRequest] { return &h.http.outgoingRequests }),
			resource("request-options", func(h *host) *component.Objects[*httpOptions] { return &h.http.options }),
			resource("response-outparam", func(h *host) *component.Objects[*responseOutparam] { return &h.http.outparams }),
			resource("incoming-response", func(h *host) *component.Objects[*incomingResponse] { return &h.http.incomingResponses }),
			resource("incoming-body", func(h *host) *component.Objects[*incomingBody] { return &h.http.incomingBodies }),
			resource("future-trailers", func(h *host) *component.Objects[*futureTrailers] { return &h.http.trailers }),
			resource("outgoing-response", func(h *host) *component.Objects[*outgoingResponse] { return &h.http.outgoingResponses }),
			resource("outgoing-body", func(h *host) *component.Objects[*outgoingBody] { return &h.http.outgoingBodies }),
			resource("future-incoming-response", func(h *host) *component.Objects[*futureResponse] { return &h.http.responses }),
		},
	}
}

const httpText = `
	variant header-error { invalid-syntax, forbidden, immutable }
	type field-key = string;
	type field-name = field-key;
	type field-value = list<u8>;
	resource fields;
	type headers = fields;
	type trailers = fields;
	resource incoming-request;
	resource outgoing-request;
	resource request-options;
	resource response-outparam;
	resource incoming-response;
	resource incoming-body;
	resource future-trailers;
	resource outgoing-response;
	resource outgoing-body;
	resource future-incoming-response;
`

// httpObjects are the objects of wasi:http.
type httpObjects struct {
	fields            component.Objects[*httpFields]
	incomingRequests  component.Objects[*incomingRequest]
	outgoingRequests  component.Objects[*outgoingRequest]
	options           component.Objects[*httpOptions]
	outparams         component.Objects[*responseOutparam]
	incomingResponses component.Objects[*incomingResponse]
	incomingBodies    component.Objects[*incomingBody]
	trailers          component.Objects[*futureTrailers]
	outgoingResponses component.Objects[*outgoingResponse]
	outgoingBodies    component.Objects[*outgoingBody]
	responses         component.Objects[*futureResponse]
}

// take takes an object away from the component, which has given it up.
func take[T component.Dropper](c *component.Call, objects *component.Objects[T], rep uint32) T {
	object := objects.Take(c, rep)
	c.Store().Free(bytesOf(object))
	return object
}

// httpFields is a handle of fields.
type httpFields struct {
	component.Object
	*wasi.HTTPFields
}

// Drop implements component.Dropper.
func (f *httpFields) Drop() { f.Release() }

// field reads a handle of fields, and charges for the work of finding a name in them.
func (c call) field() *httpFields {
	f := c.http.fields.Get(c.Args.Borrow())
	c.Charge(int64(f.Len()) * wasi.HTTPFieldCost)
	return f
}

// giveFields writes a handle of fields, which become one more user's.
func (c call) giveFields(f *wasi.HTTPFields) {
	c.Results.Own(give(c, &c.http.fields, &httpFields{HTTPFields: f}, nil))
}

// changed writes the result of a change of fields that has no value, and reports whether there is one. Fields that would be too
// large have no code.
func (c call) changed(err error) (ok bool) {
	switch err {
	case nil:
		c.Results.OK()
		return true
	case wasihttp.ErrSize: //nolint:errorlint // Fields return it as it is
		c.Trap("the fields of an HTTP message are larger than %d bytes, or than the memory limit has room for", wasihttp.MaxFieldsBytes)
	}
	c.Results.Err()
	c.Results.Variant(int(err.(wasihttp.FieldError))) //nolint:errorlint,forcetypeassert // Fields have no other errors
	return false
}

func httpFieldsFunctions() []component.Function {
	const self = "func(self: borrow<fields>"
	return []component.Function{
		function("[constructor]fields", "func() -> fields", func(c call) { c.giveFields(wasi.MustHTTPFields(c.Call, &wasihttp.Fields{})) }),
		function("[static]fields.from-list", "func(entries: list<tuple<field-name, field-value>>) -> result<fields, header-error>", func(c call) {
			f, err := wasi.HTTPFieldsFrom(c.Call)
			if c.changed(err) {
				c.giveFields(f)
			}
		}),
		function("[method]fields.get", self+", name: field-name) -> list<field-value>", func(c call) {
			f := c.field()
			wasi.PutHTTPValues(c.Call, f.Get(c.Args.String()))
		}),
		function("[method]fields.has", self+", name: field-name) -> bool", func(c call) {
			f := c.field()
			c.Results.Bool(len(f.Get(c.Args.String())) > 0)
		}),
		function("[method]fields.set", self+", name: field-name, value: list<field-value>) -> result<_, header-error>", func(c call) {
			f, name := c.field(), c.Args.String()
			c.changed(f.SetFrom(c.Call, name))
		}),
		function("[method]fields.delete", self+", name: field-name) -> result<_, header-error>", func(c call) {
			f, name := c.field(), c.Args.String()
			c.changed(f.Change(0, func() error { _, err := f.Delete(name); return err }))
		}),
		function("[method]fields.append", self+", name: field-name, value: field-value) -> result<_, header-error>", func(c call) {
			f, name, value := c.field(), c.Args.String(), string(c.Args.Bytes())
			c.changed(f.Change(len(name)+len(value)+wasihttp.FieldBytes, func() error { return f.Append(name, value) }))
		}),
		function("[method]fields.entries", self+") -> list<tuple<field-name, field-value>>", func(c call) {
			f := c.field()
			f.PutAll(c.Call)
		}),
		function("[method]fields.clone", self+") -> fields", func(c call) {
			f := c.field()
			c.giveFields(wasi.MustHTTPFields(c.Call, f.Clone()))
		}),
	}
}

// httpOptions is a handle of options of a request.
type httpOptions struct {
	component.Object
	wasihttp.Options
}

// Drop implements component.Dropper.
func (*httpOptions) Drop() {}

func httpOptionsFunctions() []component.Function {
	list := []component.Function{
		function("[constructor]request-options", "func() -> request-options", func(c call) { c.Results.Own(give(c, &c.http.options, &httpOptions{}, nil)) }),
	}
	for name, of := range map[string]func(*wasihttp.Options) *wasihttp.Timeout{
		"connect-timeout":       func(o *wasihttp.Options) *wasihttp.Timeout { return &o.Connect },
		"first-byte-timeout":    func(o *wasihttp.Options) *wasihttp.Timeout { return &o.FirstByte },
		"between-bytes-timeout": func(o *wasihttp.Options) *wasihttp.Timeout { return &o.BetweenBytes },
	} {
		list = append(list,
			function("[method]request-options."+name, "func(self: borrow<request-options>) -> option<duration>", func(c call) {
				t := of(&c.http.options.Get(c.Args.Borrow()).Options)
				if !t.Set {
					c.Results.None()
					return
				}
				c.Results.Some()
				c.Results.U64(t.Nanoseconds)
			}),
			function("[method]request-options.set-"+name, "func(self: borrow<request-options>, duration: option<duration>) -> result", func(c call) {
				t := of(&c.http.options.Get(c.Args.Borrow()).Options)
				if *t = (wasihttp.Timeout{Set: c.Args.Option()}); t.Set {
					t.Nanoseconds = c.Args.U64()
				}
				c.Results.OK()
			}),
		)
	}
	return list
}

// httpErrorCode: http-error-code.
func httpErrorCode(c call) {
	e := c.errors.Get(c.Args.Borrow())
	if code, ok := e.err.(*wasihttp.Error); ok { //nolint:errorlint // bodies return it as it is
		c.Results.Some()
		wasihttp.PutError(&c.Results, code)
		return
	}
	c.Results.None()
}
