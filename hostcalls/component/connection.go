package component

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/component/names"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
)

// ConnectionType is the resource type of the host whose handles open connections are: arguments of calls may be of it.
type ConnectionType struct {
	Interface string // without its version, such as "wasi:sockets/types"
	Track     string // of its versions, such as "0.3"
	Name      string // such as "tcp-socket"
}

// Connector is a Host of a store that has open connections by its grants.
type Connector interface {
	Host
	// Connection makes the connection of a grant an object of the ConnectionType, and returns what its handle stands for. A
	// connection is given once.
	Connection(name string) (rep uint32, err error)
	// Received makes what comes from the connection of a grant a Producer of bytes, for which it calls open. Nothing is sent.
	Received(name string, open func(Producer) *HostEnd) error
}

// is reports whether values of a type are handles of connections.
func (c *ConnectionType) is(t *types.Type) bool {
	if t.Kind != types.Own || t.Resource.Name != c.Name || c.Name == "" {
		return false
	}
	n, err := names.Parse(t.Resource.Interface)
	return err == nil && n.Path == c.Interface && names.Track(n.Version) == c.Track
}

// connection is an open connection that is an argument of a call, or in one.
type connection struct {
	arg  int
	name string
}

// connections are the open connections in the arguments of a call.
func connections(f *types.Func, args []value.Value) (all []connection) {
	for i := range args {
		_ = value.Connections(f.Params[i].Type, &args[i], func(_ *types.Type, v *value.Value) error {
			all = append(all, connection{i, v.Connection()})
			return nil
		})
	}
	return all
}

var errNoArgument = errors.New("a component gets an open connection as an argument of a call, which names it, and none does: " +
	"grant the address to dial instead, and let the component connect")

// checkGrants says which grants a call can't have, and which connections it lacks.
func (a *ABI) checkGrants(entry abi.Entry, wanted []connection) (faults []abi.Fault) {
	if a.config.CheckGrant == nil {
		return nil
	}
	granted := map[string]bool{}
	for _, w := range wanted {
		granted[w.name] = false
	}
	takes := func(name string) error {
		taken, known := granted[name]
		switch {
		case !known:
			return errNoArgument
		case taken:
			return fmt.Errorf("two connections are granted under the name %q: give each a name of its own", name)
		}
		granted[name] = true
		return nil
	}
	for i, grant := range entry.Grants {
		if err := a.config.CheckGrant(grant, takes); err != nil {
			faults = append(faults, abi.Fault{Field: fmt.Sprintf("grants[%d]", i), Text: err.Error()})
		}
	}
	given := map[string]bool{}
	for _, w := range wanted {
		field := fmt.Sprintf("call.args[%d]", w.arg)
		switch {
		case !granted[w.name]:
			faults = append(faults, abi.Fault{Field: field, Text: fmt.Sprintf("no connection is granted under the name %q (--connect %s=HOST:PORT)", w.name, w.name)})
		case given[w.name]:
			faults = append(faults, abi.Fault{Field: field, Text: fmt.Sprintf("the connection %q is an argument already, and has one owner", w.name)})
		}
		given[w.name] = true
	}
	return faults
}

// connect makes the handles and streams of an argument that are to be open connections what their names stand for.
func (s *Store) connect(function string, t *types.Type, arg *value.Value) error {
	return value.Connections(t, arg, func(t *types.Type, v *value.Value) error {
		return engine.Protect(func() error { return s.connectOne(function, t, v) })
	})
}

func (s *Store) connectOne(function string, t *types.Type, v *value.Value) (err error) {
	host, ok := s.host.(Connector)
	if !ok {
		return trapf("%s: the host has no connections", function)
	}
	made := value.Value{}
	if t.Kind == types.Stream {
		err = host.Received(v.Connection(), func(p Producer) (end *HostEnd) {
			end, made.Bits = s.NewStream(t, p)
			return end
		})
	} else {
		var rep uint32
		rep, err = host.Connection(v.Connection())
		made.Bits = uint64(rep)
	}
	if err != nil {
		return trapf("%s: the connection %q: %v", function, v.Connection(), err)
	}
	*v = made
	return nil
}
