package grant

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/internal/retry"
)

// Grant is one capability handed to a workload: a value of one of this package's kinds.
type Grant interface {
	capability.Grant
	// Kind is the name of the grant's kind.
	Kind() string

	// check finds what is wrong with the grant as far as it shows in the spec.
	check(v *validation)
	// authorize refuses a grant that is valid, with its fields at a path, unless the operator allows it.
	authorize(ctx context.Context, rules Rules, path string) error
	// trouble classifies a failure to open the grant.
	trouble(err error) retry.Trouble
}

// kinds are all kinds. A grant of any other could be stored, and not be read again.
var kinds = []kind{kindOf[Directory](), kindOf[Listener](), kindOf[Connection]()}

// kind is what has to be known of a kind when there is no grant of it yet.
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

// List is grants as a spec is stored with them: each an object with one field, which has the name of the
// grant's kind and holds the grant's own fields.
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

// find returns the kind of a stored grant and its fields, nil if it has none.
func find(object map[string]json.RawMessage) (*kind, json.RawMessage) {
	for i := range kinds {
		if fields, ok := object[kinds[i].name]; ok && string(fields) != "null" {
			return &kinds[i], fields
		}
	}
	return nil, nil
}

// Trouble is the trouble of the host that kept a grant from being opened, None if the failure lasts.
func Trouble(err *capability.Error) retry.Trouble {
	if g, ok := err.Grant.(Grant); ok {
		return g.trouble(err.Err)
	}
	return retry.None
}
