package component

import (
	"fmt"

	"github.com/reactord/reactord/component/plan"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
)

// maxHosts bounds the host modules of a component. Most have one: it needs another one for what is imported by a name that
// stands for something else already.
const maxHosts = 1000

// hostModule is the name of host modules in stack traces.
const hostModule = "host"

// link makes the steps, and the host modules that they are linked with.
func (l *loader) link() error {
	var sets []hostSet
	for i := range l.plan.Steps {
		from := &l.plan.Steps[i]
		k := linker{loader: l, ordinals: map[provider]int{}, names: map[hostImport]string{}, functions: hostSet{}}
		imports := l.cores[l.plan.Modules[from.Module]].imports
		for i := range from.Imports {
			k.link(&imports[i], &from.Imports[i])
		}
		if len(k.functions) > 0 {
			k.providers[k.ordinals[ofHost]].host = place(&sets, k.functions)
		}
		if len(sets) > maxHosts {
			return &meter.Error{Kind: meter.TooLarge, Msg: fmt.Sprintf("the component's core modules import different things by the same names from more than %d places", maxHosts)}
		}
		made := step{source: from.Module, linking: k.linking, providers: k.providers}
		for _, d := range from.Calls {
			made.calls = append(made.calls, coreExport{d.Instance, d.Export})
		}
		l.steps = append(l.steps, made)
	}
	for _, set := range sets {
		host, err := l.engine.NewHostModule(hostModule, l.hostFunctions(set))
		if err != nil {
			return err
		}
		l.hosts = append(l.hosts, host)
		l.hostFunctionCount += len(set)
	}
	return nil
}

// hostSet is the functions of a host module: canonical ones by their names there.
type hostSet map[string]int

// place adds functions to the first set in which their names stand for nothing else, and returns its number.
func place(sets *[]hostSet, functions hostSet) int {
	for i, set := range *sets {
		if set.takes(functions) {
			for name, number := range functions {
				set[name] = number
			}
			return i
		}
	}
	*sets = append(*sets, functions)
	return len(*sets) - 1
}

func (s hostSet) takes(functions hostSet) bool {
	for name, number := range functions {
		if other, ok := s[name]; ok && other != number {
			return false
		}
	}
	return true
}

func (l *loader) hostFunctions(set hostSet) (functions []engine.HostFunction) {
	for name, number := range set {
		c := &l.canons[number]
		functions = append(functions, engine.HostFunction{Name: name, Type: c.typ, Call: c.call})
	}
	return functions
}

// linker links the core module of one step. Providers have ordinals in the order in which the module imports from them, and
// functions of the host names from its imports, so that modules are linked alike wherever in a component they are.
type linker struct {
	*loader
	linking   engine.Linking
	providers []provider
	ordinals  map[provider]int
	names     map[hostImport]string // in functions
	functions hostSet
}

// hostImport names an import that a canonical function is for.
type hostImport struct{ module, name string }

// nowhere is a provider that is none; ofHost stands for the host module of a step, before it is known.
var (
	nowhere = provider{core: -1, context: -1, host: -1}
	ofHost  = nowhere
)

func (k *linker) link(i *plan.CoreImport, d *plan.CoreDef) {
	from := nowhere
	if d.Instance != plan.Canonical {
		from.core = d.Instance
		k.linking = append(k.linking, meter.Source{Provider: k.ordinal(from), Name: d.Export})
		return
	}
	if c := &k.canons[d.Canon]; c.builtin != 0 {
		from.context = c.instance
		k.linking = append(k.linking, meter.Source{Provider: k.ordinal(from), Builtin: c.builtin})
		return
	}
	of := hostImport{i.Module, i.Name}
	name, ok := k.names[of] // what is imported twice by a name comes from one function
	if !ok {
		name = k.unusedName(of)
		k.names[of], k.functions[name] = name, d.Canon
	}
	k.linking = append(k.linking, meter.Source{Provider: k.ordinal(ofHost), Name: name, Host: true})
}

// unusedName returns a name for stack traces that no other import has.
func (k *linker) unusedName(of hostImport) string {
	name := of.module + "#" + of.name
	for {
		if _, used := k.functions[name]; !used {
			return name
		}
		name += "#"
	}
}

// ordinal returns the ordinal of a provider.
func (k *linker) ordinal(p provider) int {
	n, ok := k.ordinals[p]
	if !ok {
		n = len(k.providers)
		k.ordinals[p] = n
		k.providers = append(k.providers, p)
	}
	return n
}
