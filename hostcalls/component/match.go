package component

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/component/types"
)

// matcher finds what a component imports among the interfaces of the host, and collects what is missing.
type matcher struct {
	host    *hostInterfaces
	types   *types.Matcher
	missing []string
	absent  map[string]bool // interfaces of missing
	lacks   bool            // resource types are missing
}

// matched is what a component imports, as the host has it.
type matched struct {
	functions []*Function // by the numbers of plan.Imports; nil: the host does not have it
	resources map[*types.Resource]*types.Resource
	links     []int    // in plan.Imports: what other workloads may give instead of the host
	missing   []string // what nobody gives
}

// match finds what a plan imports.
func (h *hostInterfaces) match(p *plan.Plan) *matched {
	m := &matcher{host: h, types: types.NewMatcher(), absent: map[string]bool{}}
	out := &matched{resources: map[*types.Resource]*types.Resource{}}
	for i := range p.Resources {
		r := &p.Resources[i]
		if r.Instance != plan.Host {
			continue
		}
		if found := m.resource(r); found != nil {
			m.types.Bind(found, r.Type)
			out.resources[r.Type] = found
		} else {
			m.lacks = true
		}
	}
	for i := range p.Imports {
		f := &p.Imports[i]
		if m.linkable(f) {
			out.functions, out.links = append(out.functions, nil), append(out.links, i)
			continue
		}
		out.functions = append(out.functions, m.function(f))
	}
	for i := range p.Others {
		m.other(&p.Others[i])
	}
	out.missing = m.missing
	return out
}

// linkable reports whether a function that the host does not have may come from another workload: one of an interface that is not
// WASI's, and whose values mean the same there. Of an interface with resource types nothing may.
func (m *matcher) linkable(f *plan.HostFunc) bool {
	if in := m.host.find(f.Interface); in != nil && (f.Interface != "" || in.functions[f.Name] != nil) || m.absent[f.Interface] {
		return false
	}
	return !strings.HasPrefix(f.Interface, "wasi:") && !f.Func.Any(func(t *types.Type) bool { return t.Handles })
}

// iface returns an interface of the host, or notes that it is missing. What is imported by itself is of the interface without a
// name, which has whatever is asked for it if it is there at all.
func (m *matcher) iface(name string) *hostInterface {
	found := m.host.find(name)
	if found == nil && name == "" {
		return &hostInterface{}
	}
	if found == nil && !m.absent[name] {
		m.absent[name] = true
		m.missing = append(m.missing, name)
	}
	return found
}

func (m *matcher) resource(r *plan.Resource) *types.Resource {
	in := m.iface(r.Interface)
	if in == nil {
		return nil
	}
	if found := in.resource(r.Name); found != nil {
		return found
	}
	m.missing = append(m.missing, fullName(r.Interface, r.Name)+" (a resource type)")
	return nil
}

func (m *matcher) function(f *plan.HostFunc) *Function {
	in := m.iface(f.Interface)
	if in == nil {
		return nil
	}
	found := in.functions[f.Name]
	if found == nil {
		m.missing = append(m.missing, fullName(f.Interface, f.Name))
		return nil
	}
	// Of functions with a resource type that is missing that is told.
	if err := m.types.MatchFunc(found.typ, f.Func); err != nil && !m.lacks {
		m.missing = append(m.missing, fmt.Sprintf("%s (of another type: %v)", fullName(f.Interface, f.Name), err))
		return nil
	}
	return found.Function
}

// other notes an import that is something else at the host. What the host does not have needs not be there: a component brings the
// types that it knows, and what it imports of an instance is told by itself.
func (m *matcher) other(o *plan.HostOther) {
	in := m.host.find(o.Interface)
	if in == nil {
		return
	}
	have, ok := in.extern(o.Name)
	if !ok || m.lacks { // of types with a resource type that is missing that is told
		return
	}
	want := types.Extern{Kind: binary.TypeExtern, Type: &types.Def{Type: o.Type, Resource: o.Resource}}
	if o.Type == nil && o.Resource == nil {
		want = types.Extern{Kind: binary.InstanceExtern, Type: types.NewInstance(nil)}
	}
	if err := m.types.Match(have, want); err != nil {
		m.missing = append(m.missing, fmt.Sprintf("%s (of another type: %v)", fullName(o.Interface, o.Name), err))
	}
}
