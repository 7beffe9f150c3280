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
	*sharedFields
}

// Drop implements component.Dropper.
func (f *fields) Drop() { f.release() }

// sharedFields are fields that count as memory of the component until the last handle and message that has them is gone.
type sharedFields struct {
	*wasihttp.Fields
	store *component.Store
	users int
	held  int
}

// newFields makes fields with one user; ok is false if there is no memory for them.
func (h *host) newFields(of *wasihttp.Fields) (f *sharedFields, ok bool) {
	if !h.store.Hold(int64(of.Size())) {
		return nil, false
	}
	return &sharedFields{Fields: of, store: h.store, users: 1, held: of.Size()}, true
}

// mustFields is newFields for fields without which the component can't go on.
func (h *host) mustFields(c *component.Call, of *wasihttp.Fields) *sharedFields {
	f, ok := h.newFields(of)
	if !ok {
		c.Trap("there is no memory for %d bytes of HTTP fields", of.Size())
	}
	return f
}

func (f *sharedFields) use() *sharedFields {
	f.users++
	return f
}

func (f *sharedFields) release() {
	if f.users--; f.users == 0 {
		f.store.Free(int64(f.held))
		f.held = 0
	}
}

// change changes the fields, which grow by up to so many bytes.
func (f *sharedFields) change(growth int, change func() error) error {
	if growth > wasihttp.MaxFieldsBytes || !f.store.Hold(int64(growth)) {
		return wasihttp.ErrSize
	}
	err := change()
	f.store.Free(int64(f.held + growth - f.Size()))
	f.held = f.Size()
	return err
}

// fieldCost is the cost of comparing a name with another one.
const fieldCost = 8

// field reads a handle of fields, and charges for the work of finding a name in them.
func (c call) field() *fields {
	f := c.fields.Get(c.Args.Borrow())
	c.Charge(int64(f.Len()) * fieldCost)
	return f
}

// giveFields writes a handle of fields, which become one more user's.
func (c call) giveFields(f *sharedFields) {
	c.Results.Own(give(c, &c.fields, &fields{sharedFields: f}))
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
		function("[constructor]fields", "func() -> fields", func(c call) { c.giveFields(c.mustFields(c.Call, &wasihttp.Fields{})) }),
		function("[static]fields.from-list", "func(entries: list<tuple<field-name, field-value>>) -> result<fields, header-error>", fieldsFromList),
		function("[method]fields.get", "func(self: borrow<fields>, name: field-name) -> list<field-value>", func(c call) {
			f := c.field()
			c.putValues(f.Get(c.Args.String()))
		}),
		function("[method]fields.has", "func(self: borrow<fields>, name: field-name) -> bool", func(c call) {
			f := c.field()
			c.Results.Bool(len(f.Get(c.Args.String())) > 0)
		}),
		function("[method]fields.set", "func(self: borrow<fields>, name: field-name, value: list<field-value>) -> result<_, header-error>", fieldsSet),
		function("[method]fields.delete", "func(self: borrow<fields>, name: field-name) -> result<_, header-error>", func(c call) {
			f, name := c.field(), c.Args.String()
			c.changed(f.change(0, func() error { _, err := f.Delete(name); return err }))
		}),
		function("[method]fields.get-and-delete", "func(self: borrow<fields>, name: field-name) -> result<list<field-value>, header-error>", func(c call) {
			f, name := c.field(), c.Args.String()
			var values []string
			if c.changed(f.change(0, func() (err error) { values, err = f.Delete(name); return err })) {
				c.putValues(values)
			}
		}),
		function("[method]fields.append", "func(self: borrow<fields>, name: field-name, value: field-value) -> result<_, header-error>", func(c call) {
			f, name, value := c.field(), c.Args.String(), string(c.Args.Bytes())
			c.changed(f.change(len(name)+len(value)+wasihttp.FieldBytes, func() error { return f.Append(name, value) }))
		}),
		function("[method]fields.copy-all", "func(self: borrow<fields>) -> list<tuple<field-name, field-value>>", func(c call) {
			f := c.field()
			list := c.Results.List(f.Len())
			for name, value := range f.All() {
				c.Charge(wasi.StringCost)
				pair := list.Record()
				pair.String(name)
				pair.Bytes([]byte(value))
			}
		}),
		function("[method]fields.clone", "func(self: borrow<fields>) -> fields", func(c call) {
			f := c.field()
			c.giveFields(c.mustFields(c.Call, f.Clone()))
		}),
	}
}

func (c call) putValues(values []string) {
	list := c.Results.List(len(values))
	for _, value := range values {
		c.Charge(wasi.StringCost)
		list.Bytes([]byte(value))
	}
}

func fieldsFromList(c call) {
	made := &wasihttp.Fields{}
	list := c.Args.List()
	for range list.Len() {
		c.Charge(wasi.StringCost + int64(made.Len())*fieldCost)
		pair := list.Record()
		name := pair.String()
		if err := made.Append(name, string(pair.Bytes())); err != nil {
			c.changed(err)
			return
		}
	}
	f, ok := c.newFields(made)
	if !ok {
		c.changed(wasihttp.ErrSize)
		return
	}
	c.Results.OK()
	c.giveFields(f)
}

func fieldsSet(c call) {
	f, name := c.field(), c.Args.String()
	list := c.Args.List()
	growth := 0
	var values []string
	for range list.Len() {
		c.Charge(wasi.StringCost)
		value := list.Bytes()
		if growth += len(name) + len(value) + wasihttp.FieldBytes; growth > wasihttp.MaxFieldsBytes {
			break
		}
		values = append(values, string(value))
	}
	c.changed(f.change(growth, func() error { return f.Set(name, values) }))
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
