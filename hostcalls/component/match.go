package component

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/hostcalls/link"
)

// matcher finds what a component imports among the interfaces of the host, and collects what is missing.
type matcher struct {
	host    *hostInterfaces
	types   *types.Matcher
	missing []string
	absent  map[string]int // interfaces of missing, with their places
	lacks   bool           // resource types are missing
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
	m := &matcher{host: h, types: types.NewMatcher(), absent: map[string]int{}}
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
// WASI's, and whose values can go there. Of an interface with resource types nothing may.
func (m *matcher) linkable(f *plan.HostFunc) bool {
	if in := m.host.find(f.Interface); in != nil && (f.Interface != "" || in.functions[f.Name] != nil) {
		return false
	}
	if _, absent := m.absent[f.Interface]; absent || strings.HasPrefix(f.Interface, "wasi:") {
		return false
	}
	return link.Barrier(f.Func) == nil
}

// unlinkable notes why no other workload can give an interface that is missing, if that is known.
func (m *matcher) unlinkable(iface, why string) {
	if at, ok := m.absent[iface]; ok && m.missing[at] == iface && !strings.HasPrefix(iface, "wasi:") {
		m.missing[at] = fmt.Sprintf("%s (no other workload can give it: %s)", iface, why)
	}
}

// iface returns an interface of the host, or notes that it is missing. What is imported by itself is of the interface without a
// name, which has whatever is asked for it if it is there at all.
func (m *matcher) iface(name string) *hostInterface {
	found := m.host.find(name)
	if found == nil && name == "" {
		return &hostInterface{}
	}
	if _, absent := m.absent[name]; found == nil && !absent {
		m.absent[name] = len(m.missing)
		m.missing = append(m.missing, name)
	}
	return found
}

func (m *matcher) resource(r *plan.Resource) *types.Resource {
	in := m.iface(r.Interface)
	if in == nil {
		m.unlinkable(r.Interface, r.Name+" is a resource type")
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
		if barrier := link.Barrier(f.Func); barrier != nil {
			m.unlinkable(f.Interface, fmt.Sprintf("%s takes or returns %s", f.Name, barrier))
		}
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
