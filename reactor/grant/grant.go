package grant

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/internal/retry"
)

// Grant is one capability given to a workload: a value of one of this package's kinds.
type Grant interface {
	capability.Grant
	// Kind returns the name of the grant's kind.
	Kind() string
	// Flag returns the flag of the command line that gives the grant, and its value.
	Flag() (name, value string)

	// check adds the faults that the grant itself shows.
	check(v *validation)
	// authorize returns an error unless the operator allows the grant, which is valid and has its fields at path.
	authorize(ctx context.Context, rules Rules, path string) error
	// trouble classifies a failure to open the grant.
	trouble(err error) retry.Trouble
}

// kinds has all kinds. A grant of any other kind could be stored, but not read again.
var kinds = []kind{kindOf[Directory](), kindOf[Listener](), kindOf[Connection](), kindOf[Dial](), kindOf[Resolve](), kindOf[HTTP](), kindOf[Secret](), kindOf[Link]()}

// kind is what must be known of a kind before there is a grant of it.
type kind struct {
	name   string
	decode func(fields []byte) (Grant, error)
}

func kindOf[G Grant]() kind {
	var none G
	return kind{none.Kind(), func(fields []byte) (Grant, error) {
		var g G
		err := json.Unmarshal(fields, &g)
		return g, err
	}}
}

// Kinds returns the names of all kinds.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// List is the stored form of grants: each is an object with one field, which has the name of the grant's kind and
// holds the grant's own fields.
type List []Grant

// MarshalJSON implements json.Marshaler.
func (l List) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, g := range l {
		fields, err := json.Marshal(g)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"`+g.Kind()+`":`...)
		b = append(append(b, fields...), '}')
	}
	return append(b, ']'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *List) UnmarshalJSON(b []byte) error {
	var stored []map[string]json.RawMessage
	if err := json.Unmarshal(b, &stored); err != nil {
		return err
	}
	*l = nil
	for i, object := range stored {
		k, fields := find(object)
		if k == nil {
			return fmt.Errorf("grant %d is of no known kind", i)
		}
		g, err := k.decode(fields)
		if err != nil {
			return fmt.Errorf("grant %d: %w", i, err)
		}
		*l = append(*l, g)
	}
	return nil
}

// find returns the kind of a stored grant and its fields; nil if the kind is unknown.
func find(object map[string]json.RawMessage) (*kind, json.RawMessage) {
	for i := range kinds {
		if fields, ok := object[kinds[i].name]; ok && string(fields) != "null" {
			return &kinds[i], fields
		}
	}
	return nil, nil
}

// CommandLine returns a grant as the command line has it, such as "--dial *.example.org:443".
func CommandLine(g Grant) string {
	name, value := g.Flag()
	return "--" + name + " " + value
}

// Trouble returns the trouble of the host that kept a grant from being opened, None if the failure is permanent.
func Trouble(err *capability.Error) retry.Trouble {
	if g, ok := err.Grant.(Grant); ok {
		return g.trouble(err.Err)
	}
	return retry.None
}
