package wasip3

import (
	"slices"

	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

func httpTypes() component.Interface {
	return component.Interface{
		Name: "wasi:http/types", Version: version,
		Types:     "use wasi:clocks/types.{duration};" + wasihttp.Types + httpText,
		Functions: slices.Concat(fieldsFunctions(), requestFunctions(), optionsFunctions(), responseFunctions()),
		Resources: []component.Resource{
			resource("fields", func(h *host) *component.Objects[*fields] { return &h.fields }),
			resource("request", func(h *host) *component.Objects[*request] { return &h.requests }),
			resource("request-options", func(h *host) *component.Objects[*requestOptions] { return &h.options }),
			resource("response", func(h *host) *component.Objects[*response] { return &h.responses }),
		},
	}
}

const httpText = `
	variant header-error { invalid-syntax, forbidden, immutable, size-exceeded, other(option<string>) }
	variant request-options-error { not-supported, immutable, other(option<string>) }
	type field-name = string;
	type field-value = list<u8>;
	resource fields;
	type headers = fields;
	type trailers = fields;
	resource request;
	resource request-options;
	resource response;
`

// fields is a handle of fields.
type fields struct {
	component.Object
	*wasi.HTTPFields
}

// Drop implements component.Dropper.
func (f *fields) Drop() { f.Release() }

// field reads a handle of fields, and charges for the work of finding a name in them.
func (c call) field() *fields {
	f := c.fields.Get(c.Args.Borrow())
	c.Charge(int64(f.Len()) * wasi.HTTPFieldCost)
	return f
}

// giveFields writes a handle of fields, which become one more user's.
func (c call) giveFields(f *wasi.HTTPFields) {
	c.Results.Own(give(c, &c.fields, &fields{HTTPFields: f}))
}

// changed writes the result of a change of fields that has no value, and reports whether there is one.
func (c call) changed(err error) (ok bool) {
	if err == nil {
		c.Results.OK()
		return true
	}
	c.Results.Err()
	c.Results.Variant(int(err.(wasihttp.FieldError))) //nolint:errorlint,forcetypeassert // Fields have no other errors
	return false
}

func fieldsFunctions() []component.Function {
	return []component.Function{
		function("[constructor]fields", "func() -> fields", func(c call) { c.giveFields(wasi.MustHTTPFields(c.Call, &wasihttp.Fields{})) }),
		function("[static]fields.from-list", "func(entries: list<tuple<field-name, field-value>>) -> result<fields, header-error>", func(c call) {
			f, err := wasi.HTTPFieldsFrom(c.Call)
			if c.changed(err) {
				c.giveFields(f)
			}
		}),
		function("[method]fields.get", "func(self: borrow<fields>, name: field-name) -> list<field-value>", func(c call) {
			f := c.field()
			wasi.PutHTTPValues(c.Call, f.Get(c.Args.String()))
		}),
		function("[method]fields.has", "func(self: borrow<fields>, name: field-name) -> bool", func(c call) {
			f := c.field()
			c.Results.Bool(len(f.Get(c.Args.String())) > 0)
		}),
		function("[method]fields.set", "func(self: borrow<fields>, name: field-name, value: list<field-value>) -> result<_, header-error>", func(c call) {
			f, name := c.field(), c.Args.String()
			c.changed(f.SetFrom(c.Call, name))
		}),
		function("[method]fields.delete", "func(self: borrow<fields>, name: field-name) -> result<_, header-error>", func(c call) {
			f, name := c.field(), c.Args.String()
			c.changed(f.Change(0, func() error { _, err := f.Delete(name); return err }))
		}),
		function("[method]fields.get-and-delete", "func(self: borrow<fields>, name: field-name) -> result<list<field-value>, header-error>", func(c call) {
			f, name := c.field(), c.Args.String()
			var values []string
			if c.changed(f.Change(0, func() (err error) { values, err = f.Delete(name); return err })) {
				wasi.PutHTTPValues(c.Call, values)
			}
		}),
		function("[method]fields.append", "func(self: borrow<fields>, name: field-name, value: field-value) -> result<_, header-error>", func(c call) {
			f, name, value := c.field(), c.Args.String(), string(c.Args.Bytes())
			c.changed(f.Change(len(name)+len(value)+wasihttp.FieldBytes, func() error { return f.Append(name, value) }))
		}),
		function("[method]fields.copy-all", "func(self: borrow<fields>) -> list<tuple<field-name, field-value>>", func(c call) {
			f := c.field()
			f.PutAll(c.Call)
		}),
		function("[method]fields.clone", "func(self: borrow<fields>) -> fields", func(c call) {
			f := c.field()
			c.giveFields(wasi.MustHTTPFields(c.Call, f.Clone()))
		}),
	}
}

// requestOptions is a handle of options of a request.
type requestOptions struct {
	component.Object
	*wasihttp.Options
}

// Drop implements component.Dropper.
func (*requestOptions) Drop() {}

func (c call) giveOptions(o *wasihttp.Options) {
	c.Results.Own(give(c, &c.options, &requestOptions{Options: o}))
}

func optionsFunctions() []component.Function {
	list := []component.Function{
		function("[constructor]request-options", "func() -> request-options", func(c call) { c.giveOptions(&wasihttp.Options{}) }),
		function("[method]request-options.clone", "func(self: borrow<request-options>) -> request-options", func(c call) {
			c.giveOptions(c.options.Get(c.Args.Borrow()).Clone())
		}),
	}
	for name, of := range map[string]func(*wasihttp.Options) *wasihttp.Timeout{
		"connect-timeout":       func(o *wasihttp.Options) *wasihttp.Timeout { return &o.Connect },
		"first-byte-timeout":    func(o *wasihttp.Options) *wasihttp.Timeout { return &o.FirstByte },
		"between-bytes-timeout": func(o *wasihttp.Options) *wasihttp.Timeout { return &o.BetweenBytes },
	} {
		list = append(list,
			function("[method]request-options.get-"+name, "func(self: borrow<request-options>) -> option<duration>", func(c call) {
				t := of(c.options.Get(c.Args.Borrow()).Options)
				if !t.Set {
					c.Results.None()
					return
				}
				c.Results.Some()
				c.Results.U64(t.Nanoseconds)
			}),
			function("[method]request-options.set-"+name, "func(self: borrow<request-options>, duration: option<duration>) -> result<_, request-options-error>", func(c call) {
				const immutable = 1
				o := c.options.Get(c.Args.Borrow())
				if o.Frozen() {
					c.Results.Err()
					c.Results.Variant(immutable)
					return
				}
				t := of(o.Options)
				if *t = (wasihttp.Timeout{Set: c.Args.Option()}); t.Set {
					t.Nanoseconds = c.Args.U64()
				}
				c.Results.OK()
			}),
		)
	}
	return list
}
