package component

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/hostcalls/abi"
)

// entry finds what a process calls.
func (p *Program) entry(config *abi.Config) (entry, error) {
	if config.Sandbox != nil {
		return entry{}, &abi.EntryError{Msg: "snapshots of components can't be made"}
	}
	if config.Invoke != "" {
		return entry{}, &abi.EntryError{Export: config.Invoke, Msg: "it is the export of a component, which is called with typed arguments"}
	}
	if config.Call == nil {
		if p.run < 0 {
			return entry{}, &abi.EntryError{Msg: "the component exports no " + runInterface + ": call one of its functions"}
		}
		return entry{lift: &p.lifts[p.run], name: runInterface + "#" + runFunction, run: true}, nil
	}
	set := p.description.Signatures
	number, err := set.Find(config.Call.Export)
	if err != nil {
		return entry{}, &abi.EntryError{Msg: err.Error()}
	}
	name := set.Functions[number].FullName()
	lifted, ok := p.exports[name]
	if !ok {
		return entry{}, &abi.EntryError{Export: name, Msg: "it is a function of the host, which the component only passes on"}
	}
	e := entry{lift: &p.lifts[lifted], name: name}
	if why := p.abi.uncallable(e.lift.plan.Func, config.Channels != nil); why != "" {
		return entry{}, &abi.EntryError{Export: name, Msg: "it " + why}
	}
	return e, nil
}

var errNoServices = &abi.EntryError{Msg: "this daemon serves no HTTP by components"}

// CheckEntry implements abi.ABI.
func (a *ABI) CheckEntry(module *abi.Description, entry abi.Entry) []abi.Fault {
	var faults []abi.Fault
	var wanted []connection
	switch services := a.config.Services; {
	case entry.Serve == nil:
		wanted, faults = a.checkEntry(module, entry)
	case services == nil:
		faults = []abi.Fault{{Field: "serve", Text: errNoServices.Msg}}
	default:
		faults = services.Check(module, entry)
	}
	faults = append(faults, checkLinks(module, entry.Grants)...)
	return append(faults, a.checkGrants(entry, wanted)...)
}

// checkEntry is CheckEntry without the grants. It returns the connections that are arguments.
func (a *ABI) checkEntry(module *abi.Description, entry abi.Entry) ([]connection, []abi.Fault) {
	fault := func(field, format string, args ...any) ([]connection, []abi.Fault) {
		return nil, []abi.Fault{{Field: field, Text: fmt.Sprintf(format, args...)}}
	}
	switch {
	case entry.Invoke != "":
		return fault("invoke", "the module is a component, whose functions take typed arguments: `reactorctl call` calls them")
	case entry.Call == nil && module.Kind != abi.ComponentCommand && a.config.Services != nil && a.config.Services.Serves(module.Exports):
		return fault("call", "the component is no program, since it does not export %s: it answers HTTP requests, by `reactorctl serve`", runInterface)
	case entry.Call == nil && module.Kind != abi.ComponentCommand:
		return fault("call", "the component is no program, since it does not export %s: `reactorctl call` calls a function of it", runInterface)
	case entry.Call == nil:
		return nil, nil
	case module.Signatures == nil:
		return fault("call", "it is not known what the component exports")
	}
	number, err := module.Signatures.Find(entry.Call.Export)
	if err != nil {
		return fault("call.export", "%v", err)
	}
	resolved, err := module.Signatures.ResolveFunction(number)
	if err != nil {
		return fault("call", "what is recorded of the component is damaged: %v", err)
	}
	f := resolved.Func
	if why := a.uncallable(f, entry.Channels); why != "" {
		return fault("call.export", "%q %s", entry.Call.Export, why)
	}
	args, faults := typedArgs(f, entry.Call.Args, func(int) bool { return true })
	if len(faults) > 0 {
		return nil, faults
	}
	return connections(f, args), nil
}

// uncallable says why a function can't be called by itself; empty if it can. A parameter may be a connection of the host. A caller
// with channels takes streams and futures.
func (a *ABI) uncallable(f *types.Func, channels bool) string {
	has := func(holds func(*types.Type) bool) bool {
		return f.Any(func(t *types.Type) bool { return t != f.Result && !a.config.Connection.is(t) && holds(t) }) ||
			f.Result != nil && holds(f.Result)
	}
	switch {
	case has(func(t *types.Type) bool { return t.Resources }):
		return "takes or returns a resource, which exists only within a component that runs"
	case !channels && has(func(t *types.Type) bool { return t.Handles }):
		return "takes or returns a stream or a future, which only the call Call of the API can carry"
	}
	return ""
}

// typedArgs makes the arguments of a call, and says which are wrong. What more is for, value.TypedInPieces says.
func typedArgs(f *types.Func, literals []value.Literal, more func(values int) bool) (args []value.Value, faults []abi.Fault) {
	if len(literals) != len(f.Params) {
		return nil, []abi.Fault{{Field: "call.args", Text: fmt.Sprintf("the function takes %d arguments (%s), not %d", len(f.Params), paramNames(f), len(literals))}}
	}
	for i := range literals {
		arg, wrong := value.TypedInPieces(f.Params[i].Type, &literals[i], fmt.Sprintf("args[%d]", i), more)
		args = append(args, arg)
		for _, w := range wrong {
			faults = append(faults, abi.Fault{Field: "call." + w.Path, Text: w.Msg})
		}
	}
	return args, faults
}

// paramNames lists the parameters of a function.
func paramNames(f *types.Func) string {
	const most = 16
	var list []string
	for i := range f.Params {
		if i == most {
			list = append(list, "...")
			break
		}
		list = append(list, f.Params[i].Name)
	}
	return strings.Join(list, ", ")
}
