package wasi

import (
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// HTTPFields are fields of HTTP that count as memory of the component until the last handle and message that has them is gone.
type HTTPFields struct {
	*wasihttp.Fields
	store *component.Store
	users int
	held  int
}

// NewHTTPFields makes fields with one user; ok is false if there is no memory for them.
func NewHTTPFields(s *component.Store, of *wasihttp.Fields) (f *HTTPFields, ok bool) {
	if !s.Hold(int64(of.Size())) {
		return nil, false
	}
	return &HTTPFields{Fields: of, store: s, users: 1, held: of.Size()}, true
}

// MustHTTPFields is NewHTTPFields for fields without which the component can't go on.
func MustHTTPFields(c *component.Call, of *wasihttp.Fields) *HTTPFields {
	f, ok := NewHTTPFields(c.Store(), of)
	if !ok {
		c.Trap("there is no memory for %d bytes of HTTP fields", of.Size())
	}
	return f
}

// Use adds a user.
func (f *HTTPFields) Use() *HTTPFields {
	f.users++
	return f
}

// Release ends the use by one.
func (f *HTTPFields) Release() {
	if f.users--; f.users == 0 {
		f.store.Free(int64(f.held))
		f.held = 0
	}
}

// Change changes the fields, which grow by up to so many bytes. An error is a wasihttp.FieldError.
func (f *HTTPFields) Change(growth int, change func() error) error {
	if growth > wasihttp.MaxFieldsBytes || !f.store.Hold(int64(growth)) {
		return wasihttp.ErrSize
	}
	err := change()
	f.store.Free(int64(f.held + growth - f.Size()))
	f.held = f.Size()
	return err
}

// HTTPFieldCost is the cost of comparing the name of a field with another one.
const HTTPFieldCost = 8

// HTTPFieldsFrom reads a list of names and values, and makes fields of it. An error is a wasihttp.FieldError.
func HTTPFieldsFrom(c *component.Call) (*HTTPFields, error) {
	made := &wasihttp.Fields{}
	list := c.Args.List()
	for range list.Len() {
		c.Charge(StringCost + int64(made.Len())*HTTPFieldCost)
		pair := list.Record()
		name := pair.String()
		if err := made.Append(name, string(pair.Bytes())); err != nil {
			return nil, err
		}
	}
	f, ok := NewHTTPFields(c.Store(), made)
	if !ok {
		return nil, wasihttp.ErrSize
	}
	return f, nil
}

// SetFrom reads the values of a name, and gives it those alone.
func (f *HTTPFields) SetFrom(c *component.Call, name string) error {
	list := c.Args.List()
	growth := 0
	var values []string
	for range list.Len() {
		c.Charge(StringCost)
		value := list.Bytes()
		if growth += len(name) + len(value) + wasihttp.FieldBytes; growth > wasihttp.MaxFieldsBytes {
			break
		}
		values = append(values, string(value))
	}
	return f.Change(growth, func() error { return f.Set(name, values) })
}

// PutHTTPValues writes the values of a name.
func PutHTTPValues(c *component.Call, values []string) {
	list := c.Results.List(len(values))
	for _, value := range values {
		c.Charge(StringCost)
		list.Bytes([]byte(value))
	}
}

// PutAll writes all names and values.
func (f *HTTPFields) PutAll(c *component.Call) {
	list := c.Results.List(f.Len())
	for name, value := range f.All() {
		c.Charge(StringCost)
		pair := list.Record()
		pair.String(name)
		pair.Bytes([]byte(value))
	}
}
