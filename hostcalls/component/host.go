package component

import (
	"fmt"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/names"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/wit"
)

// hostInterfaces are the interfaces of the host, by the versions that they are compatible with. They do not change.
type hostInterfaces struct {
	table  *types.Table
	byName map[interfaceKey]*hostInterface
}

// interfaceKey is the name of an interface without its version, and the track of that.
type interfaceKey struct{ path, track string }

// hostInterface is an Interface with its types.
type hostInterface struct {
	functions map[string]*hostFunction
	types     map[string]*types.Type
	resources map[string]*types.Resource
}

type hostFunction struct {
	*Function
	typ *types.Func
}

// hostResources are the drop functions of the host's resource types.
type hostResources map[*types.Resource]func(c *Call, rep uint32)

// newHostInterfaces reads the types of the interfaces. Those that others use come before them.
func newHostInterfaces(all []Interface) (*hostInterfaces, hostResources, error) {
	h := &hostInterfaces{types.NewTable(), map[interfaceKey]*hostInterface{}}
	drops := hostResources{}
	scopes := map[string]*wit.Scope{} // by track: those of two tracks don't use each other's types
	for i := range all {
		from := &all[i]
		key := interfaceKey{from.Name, names.Track(from.Version)}
		if scopes[key.track] == nil {
			scopes[key.track] = wit.NewScope(h.table)
		}
		made, err := newHostInterface(scopes[key.track], from, drops)
		if err != nil {
			return nil, nil, fmt.Errorf("interface %s: %w", from.Name, err)
		}
		if h.byName[key] != nil {
			return nil, nil, fmt.Errorf("interface %s: there is another one of a compatible version", from.Name)
		}
		h.byName[key] = made
	}
	return h, drops, nil
}

func newHostInterface(scope *wit.Scope, from *Interface, drops hostResources) (*hostInterface, error) {
	defined, err := scope.Define(from.Name, from.Types)
	if err != nil {
		return nil, err
	}
	made := &hostInterface{functions: map[string]*hostFunction{}, types: defined.Types, resources: defined.Resources}
	for _, r := range from.Resources {
		resource := defined.Resources[r.Name]
		if resource == nil {
			return nil, fmt.Errorf("its types define no resource %q", r.Name)
		}
		drops[resource] = r.Drop
	}
	for i := range from.Functions {
		f := &from.Functions[i]
		typ, err := defined.Func(f.Type)
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", f.Name, err)
		}
		made.functions[f.Name] = &hostFunction{f, typ}
	}
	return made, nil
}

// resource returns the resource type of a name, which may be another one's, or nil.
func (i *hostInterface) resource(name string) *types.Resource {
	if found := i.resources[name]; found != nil {
		return found
	}
	if alias := i.types[name]; alias != nil && alias.Kind == types.Own {
		return alias.Resource
	}
	return nil
}

// extern returns what has a name in the interface.
func (i *hostInterface) extern(name string) (types.Extern, bool) {
	if f := i.functions[name]; f != nil {
		return types.Extern{Kind: binary.FuncExtern, Type: f.typ}, true
	}
	if r := i.resource(name); r != nil {
		return types.Extern{Kind: binary.TypeExtern, Type: &types.Def{Resource: r}}, true
	}
	if t := i.types[name]; t != nil {
		return types.Extern{Kind: binary.TypeExtern, Type: &types.Def{Type: t}}, true
	}
	return types.Extern{}, false
}

// find returns the interface that an import by a name gets, or nil.
func (h *hostInterfaces) find(name string) *hostInterface {
	n, err := names.Parse(name)
	if err != nil || n.Kind != names.Interface {
		return h.byName[interfaceKey{path: name}]
	}
	return h.byName[interfaceKey{n.Path, names.Track(n.Version)}]
}
