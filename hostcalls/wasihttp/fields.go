package wasihttp

import (
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

const (
	// MaxFieldsBytes bounds what the fields of a message take: names, values, and FieldBytes for each value.
	MaxFieldsBytes = 128 << 10
	// FieldBytes is what a value takes beside its bytes and those of its name, about.
	FieldBytes = 64
)

// FieldError is why Fields are not changed. Its values are the cases of header-error.
type FieldError uint8

// The errors.
const (
	ErrSyntax    FieldError = iota // a name or value is none
	ErrForbidden                   // the field is the host's affair
	ErrImmutable
	ErrSize // the fields would be too large
)

func (e FieldError) Error() string {
	return [...]string{
		"it is no valid name or value of a field", "the field is set by the host alone", "the fields can't be changed",
		"the fields would be too large",
	}[e]
}

// forbidden are the fields that are about a connection, and not about a message, by their names in lower case. Who they are for is
// the host.
var forbidden = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-authenticate": true, "proxy-authorization": true, "proxy-connection": true,
	"transfer-encoding": true, "upgrade": true, "http2-settings": true, "host": true,
}

// lowerNames has names that most requests and responses have, as net/http spells them, in lower case.
var lowerNames = func() map[string]string {
	names := map[string]string{}
	for name := range strings.FieldsSeq(`
		accept accept-encoding accept-language authorization cache-control content-encoding content-language content-length
		content-type cookie date etag expires forwarded if-match if-modified-since if-none-match last-modified location origin
		pragma priority range referer sec-fetch-dest sec-fetch-mode sec-fetch-site server set-cookie te traceparent tracestate
		user-agent vary via x-forwarded-for x-forwarded-host x-forwarded-proto x-request-id`) {
		names[http.CanonicalHeaderKey(name)] = name
	}
	return names
}()

// lowerName returns a name in lower case.
func lowerName(name string) string {
	if known, ok := lowerNames[name]; ok {
		return known
	}
	return strings.ToLower(name)
}

// Fields are the header or trailer fields of a message: names, in the order in which they were added, and the values of each.
// Names are equal that differ in the case of letters; the first spelling is kept. The zero Fields are empty.
type Fields struct {
	list   []field
	values int
	size   int
	frozen bool
}

type field struct {
	name   string
	values []string
}

// Freeze has the fields not be changed any more.
func (f *Fields) Freeze() { f.frozen = true }

// Len returns the number of values.
func (f *Fields) Len() int { return f.values }

// Size returns what the fields take, as MaxFieldsBytes has it.
func (f *Fields) Size() int { return f.size }

func (f *Fields) index(name string) int {
	return slices.IndexFunc(f.list, func(e field) bool { return len(e.name) == len(name) && strings.EqualFold(e.name, name) })
}

// Get returns the values of a name. They are the Fields' own.
func (f *Fields) Get(name string) []string {
	if i := f.index(name); i >= 0 {
		return f.list[i].values
	}
	return nil
}

// All are the names with their values, a name once for each value.
func (f *Fields) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range f.list {
			for _, value := range f.list[i].values {
				if !yield(f.list[i].name, value) {
					return
				}
			}
		}
	}
}

func sizeOf(name, value string) int { return len(name) + len(value) + FieldBytes }

// check returns why a name can't have values.
func (f *Fields) check(name string, values ...string) error {
	switch {
	case f.frozen:
		return ErrImmutable
	case !httpguts.ValidHeaderFieldName(name):
		return ErrSyntax
	case forbidden[strings.ToLower(name)]:
		return ErrForbidden
	}
	for _, value := range values {
		if !httpguts.ValidHeaderFieldValue(value) {
			return ErrSyntax
		}
	}
	return nil
}

// Append adds a value. An error is a FieldError.
func (f *Fields) Append(name, value string) error {
	if err := f.check(name, value); err != nil {
		return err
	}
	return f.add(name, value)
}

func (f *Fields) add(name, value string) error {
	if f.size+sizeOf(name, value) > MaxFieldsBytes {
		return ErrSize
	}
	f.size += sizeOf(name, value)
	f.values++
	if i := f.index(name); i >= 0 {
		f.list[i].values = append(f.list[i].values, value)
		return nil
	}
	f.list = append(f.list, field{name, []string{value}})
	return nil
}

// Set gives a name these values alone. An error is a FieldError.
func (f *Fields) Set(name string, values []string) error {
	if err := f.check(name, values...); err != nil {
		return err
	}
	size := f.size
	for _, value := range f.Get(name) {
		size -= sizeOf(name, value)
	}
	for _, value := range values {
		size += sizeOf(name, value)
	}
	if size > MaxFieldsBytes {
		return ErrSize
	}
	f.remove(name)
	for _, value := range values {
		_ = f.add(name, value) // there is room
	}
	return nil
}

// Delete removes a name, and returns the values that it had. An error is a FieldError.
func (f *Fields) Delete(name string) ([]string, error) {
	switch {
	case f.frozen:
		return nil, ErrImmutable
	case !httpguts.ValidHeaderFieldName(name):
		return nil, ErrSyntax
	}
	return f.remove(name), nil
}

func (f *Fields) remove(name string) []string {
	i := f.index(name)
	if i < 0 {
		return nil
	}
	values := f.list[i].values
	for _, value := range values {
		f.size -= sizeOf(name, value)
	}
	f.values -= len(values)
	f.list = slices.Delete(f.list, i, i+1)
	return values
}

// Clone returns a copy that can be changed.
func (f *Fields) Clone() *Fields {
	c := &Fields{list: slices.Clone(f.list), values: f.values, size: f.size}
	for i := range c.list {
		c.list[i].values = slices.Clone(c.list[i].values)
	}
	return c
}

// FieldsOf makes Fields of what net/http has received, with names in lower case, as most programs expect. Fields that are the
// host's affair are left out. They can't be changed, and share their values with h, which must not be changed either. An error is
// a FieldError.
func FieldsOf(h http.Header) (*Fields, error) {
	f := &Fields{list: make([]field, 0, len(h))}
	for name, values := range h {
		lower := lowerName(name)
		if forbidden[lower] || len(values) == 0 {
			continue
		}
		if !httpguts.ValidHeaderFieldName(lower) {
			return nil, ErrSyntax
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return nil, ErrSyntax
			}
			f.size += sizeOf(lower, value)
		}
		if f.size > MaxFieldsBytes {
			return nil, ErrSize
		}
		f.values += len(values)
		f.list = append(f.list, field{lower, values})
	}
	slices.SortFunc(f.list, func(a, b field) int { return strings.Compare(a.name, b.name) })
	f.frozen = true
	return f, nil
}

// Header returns the fields for net/http, which may change what it gets.
func (f *Fields) Header() http.Header {
	h := make(http.Header, len(f.list)+1)
	f.Copy(h)
	return h
}

// Trailer returns the fields for net/http as trailers: without those that say how a message is framed, read or whom it is for, which
// may not come after it.
func (f *Fields) Trailer() http.Header {
	h := f.Header()
	maps.DeleteFunc(h, func(name string, _ []string) bool { return !httpguts.ValidTrailerHeader(name) })
	return h
}

// Copy adds the fields to those of net/http, which may add values to what it gets.
func (f *Fields) Copy(h http.Header) {
	for i := range f.list {
		h[http.CanonicalHeaderKey(f.list[i].name)] = slices.Clip(f.list[i].values)
	}
}

// unknownLength is that of a body whose message does not announce it.
const unknownLength = -1

// ContentLength returns the length that the field content-length announces, -1 if there is none. An error is ErrSyntax.
func (f *Fields) ContentLength() (int64, error) {
	values := f.Get("content-length")
	if len(values) == 0 {
		return unknownLength, nil
	}
	var length uint64
	for i, value := range values {
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || i > 0 && n != length {
			return 0, ErrSyntax
		}
		length = n
	}
	return int64(length), nil
}
