package link

import (
	"fmt"

	"github.com/reactord/reactord/component/names"
	"github.com/reactord/reactord/component/types"
)

// Function is a function of a component: one that it exports, or imports.
type Function struct {
	Interface string // such as "ns:pkg/iface@1.0.0"; empty for a function by itself
	Name      string
	Type      *types.Func
}

// FullName is the name by which the function is called: "f", or "ns:pkg/iface@1.0.0#f".
func (f *Function) FullName() string {
	if f.Interface == "" {
		return f.Name
	}
	return f.Interface + "#" + f.Name
}

// Barrier returns a type of the function whose values mean nothing in another store: resources and error contexts do not, streams and
// futures do. It is nil if others can call the function.
func Barrier(f *types.Func) (barrier *types.Type) {
	f.Any(func(t *types.Type) bool {
		if t.Resources {
			barrier = t
		}
		return t.Resources
	})
	return barrier
}

// key is what the name of an import and of an export that fits it have in common: the version counts as far as it tells what is
// compatible.
type key struct{ path, track, name string }

func keyOf(iface, name string) key {
	n, err := names.Parse(iface)
	if err != nil || n.Kind != names.Interface {
		return key{path: iface, name: name}
	}
	return key{n.Path, names.Track(n.Version), name}
}

// Same reports whether two names are of one interface in compatible versions, or of one function. A name without a version is of any.
func Same(a, b string) bool {
	x, y := keyOf(a, ""), keyOf(b, "")
	return x.path == y.path && (x.track == y.track || x.track == "" || y.track == "")
}

// Exports are the functions that a component exports.
type Exports struct{ byKey map[key]Function }

// NewExports returns Exports of functions.
func NewExports(functions []Function) *Exports {
	e := &Exports{make(map[key]Function, len(functions))}
	for _, f := range functions {
		e.byKey[keyOf(f.Interface, f.Name)] = f
	}
	return e
}

// Async reports whether one of the functions is asynchronous.
func (e *Exports) Async() bool {
	for _, f := range e.byKey {
		if f.Type.Async {
			return true
		}
	}
	return false
}

// Find returns the function that an import of another component is to get.
func (e *Exports) Find(imported *Function) (Function, error) {
	f, ok := e.byKey[keyOf(imported.Interface, imported.Name)]
	if !ok {
		return Function{}, fmt.Errorf("%s is not exported", imported.FullName())
	}
	if err := types.NewMatcher().MatchFunc(f.Type, imported.Type); err != nil {
		return Function{}, fmt.Errorf("%s is exported with another type: %w", imported.FullName(), err)
	}
	return f, nil
}
