package component

import (
	"fmt"

	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/component/types"
)

// matcher finds what a component imports among the interfaces of the host, and collects what is missing.
type matcher struct {
	host      *hostInterfaces
	resources map[*types.Resource]*types.Resource // of the component, to those of the host; nil: unknown
	missing   []string
	absent    map[string]bool // interfaces of missing
}

// match returns the functions of the host that a plan imports, by their numbers, and what each of its imported resource types
// is at the host. missing says what the host lacks.
func (h *hostInterfaces) match(p *plan.Plan) (functions []*Function, resources map[*types.Resource]*types.Resource, missing []string) {
	m := &matcher{host: h, resources: map[*types.Resource]*types.Resource{}, absent: map[string]bool{}}
	for i := range p.Resources {
		if r := &p.Resources[i]; r.Instance == plan.Host {
			m.resources[r.Type] = m.resource(r)
		}
	}
	for i := range p.Imports {
		functions = append(functions, m.function(&p.Imports[i]))
	}
	return functions, m.resources, m.missing
}

// iface returns an interface of the host, or notes that it is missing.
func (m *matcher) iface(name string) *hostInterface {
	found := m.host.find(name)
	if found == nil && !m.absent[name] {
		m.absent[name] = true
		m.missing = append(m.missing, name)
	}
	return found
}

func (m *matcher) resource(r *plan.Resource) *types.Resource {
	if r.Interface == "" {
		m.missing = append(m.missing, fmt.Sprintf("%s (a resource type)", r.Name))
		return nil
	}
	in := m.iface(r.Interface)
	if in == nil {
		return nil
	}
	found := in.resources[r.Name]
	if found == nil {
		m.missing = append(m.missing, fmt.Sprintf("%s#%s (a resource type)", r.Interface, r.Name))
	}
	return found
}

func (m *matcher) function(f *plan.HostFunc) *Function {
	if f.Interface == "" {
		m.missing = append(m.missing, f.Name)
		return nil
	}
	in := m.iface(f.Interface)
	if in == nil {
		return nil
	}
	found := in.functions[f.Name]
	if found == nil {
		m.missing = append(m.missing, hostName(f))
		return nil
	}
	if why := m.differ(found.typ, f.Func); why != "" {
		m.missing = append(m.missing, fmt.Sprintf("%s (of another type: %s)", hostName(f), why))
		return nil
	}
	return found.Function
}

// differ says why the type of a function of the host is not the one that a component imports it with; empty if it is.
func (m *matcher) differ(host, guest *types.Func) string {
	switch {
	case host.Async != guest.Async:
		return "one of them is asynchronous"
	case len(host.Params) != len(guest.Params):
		return fmt.Sprintf("it has %d parameters, not %d", len(host.Params), len(guest.Params))
	}
	for i := range host.Params {
		h, g := &host.Params[i], &guest.Params[i]
		if h.Name != g.Name || !m.same(h.Type, g.Type) {
			return fmt.Sprintf("its parameter %d is %q, of another type or name than %q", i+1, h.Name, g.Name)
		}
	}
	if !m.same(host.Result, guest.Result) {
		return "its result is another one"
	}
	return ""
}

// same reports whether a type of the host and one of a component are the same. The host's types bound how deep it looks.
func (m *matcher) same(host, guest *types.Type) bool {
	if host == nil || guest == nil {
		return host == guest
	}
	if host.Kind != guest.Kind || host.Fixed != guest.Fixed || host.Length != guest.Length ||
		len(host.Fields) != len(guest.Fields) || len(host.Cases) != len(guest.Cases) || len(host.Labels) != len(guest.Labels) {
		return false
	}
	for i := range host.Fields {
		if host.Fields[i].Name != guest.Fields[i].Name || !m.same(host.Fields[i].Type, guest.Fields[i].Type) {
			return false
		}
	}
	for i := range host.Cases {
		if host.Cases[i].Name != guest.Cases[i].Name || !m.same(host.Cases[i].Type, guest.Cases[i].Type) {
			return false
		}
	}
	for i := range host.Labels {
		if host.Labels[i] != guest.Labels[i] {
			return false
		}
	}
	if host.Kind == types.Own || host.Kind == types.Borrow {
		// A resource type that is missing was noted: what else is missing because of that is not.
		at, imported := m.resources[guest.Resource]
		return imported && (at == host.Resource || at == nil)
	}
	if host.Kind == types.Option {
		return true // its payload is a case
	}
	return m.same(host.Elem, guest.Elem) && m.same(host.Key, guest.Key)
}
