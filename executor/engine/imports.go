package engine

import (
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
)

// UnknownImportError says that a module imports what is not there for it: a
// function that no host module has, or has with another type, or anything else than a function.
type UnknownImportError struct {
	Module, Name string
	Kind         meter.ExternKind
	Want         string // the type it is imported as, in text notation
	Have         string // the type it has; empty if there is no such function
}

func (e *UnknownImportError) Error() string {
	const most = 100 // of each text, which are the module's
	what := fmt.Sprintf("unknown import %q.%q", shortened(e.Module, most), shortened(e.Name, most))
	switch {
	case e.Kind != meter.FuncExtern:
		return fmt.Sprintf("%s: a %s, but only functions can be imported", what, e.Kind)
	case e.Have != "":
		return fmt.Sprintf("%s: imported as %s, but it is %s", what, shortened(e.Want, most), e.Have)
	default:
		return fmt.Sprintf("%s: there is no such function", what)
	}
}

// link checks that host modules have all that a module imports. It is done here
// because wazero would tell only when the module is instantiated, and not by a typed error.
func (e *Engine) link(info *meter.Info) error {
	hosts := map[string]map[string]api.FunctionDefinition{}
	for _, i := range info.Imports {
		unknown := &UnknownImportError{Module: i.Module, Name: i.Name, Kind: i.Kind, Want: i.Type}
		if i.Kind != meter.FuncExtern || i.Module == meter.HostModule {
			return unknown
		}
		functions, seen := hosts[i.Module]
		if !seen {
			if host := e.linker.Module(i.Module); host != nil {
				functions = host.ExportedFunctionDefinitions()
			}
			hosts[i.Module] = functions
		}
		function, ok := functions[i.Name]
		if !ok {
			return unknown
		}
		if have := typeText(function); have != i.Type {
			unknown.Have = have
			return unknown
		}
	}
	return nil
}

// typeText is a function's type in the text notation that meter.Import has.
func typeText(f api.FunctionDefinition) string {
	var b strings.Builder
	list := func(word string, types []api.ValueType) {
		if len(types) == 0 {
			return
		}
		b.WriteString(" (" + word)
		for _, t := range types {
			b.WriteString(" " + api.ValueTypeName(t))
		}
		b.WriteByte(')')
	}
	b.WriteString("(func")
	list("param", f.ParamTypes())
	list("result", f.ResultTypes())
	b.WriteByte(')')
	return b.String()
}
