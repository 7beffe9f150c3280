package engine

import (
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/internal/clip"
	"github.com/reactord/reactord/internal/toolchain"
)

// UnknownImportError means that a module imports something other than a function, a function that no host
// module exports, or one that has another type.
type UnknownImportError struct {
	Module, Name string
	Kind         meter.ExternKind
	Want         string // the type it is imported as, in text notation
	Have         string // the type it is exported as; empty if there is no such function
}

func (e *UnknownImportError) Error() string {
	const most = 100 // of each text, since the module chooses them
	what := fmt.Sprintf("unknown import %q.%q", clip.Text(e.Module, most), clip.Text(e.Name, most))
	why := "there is no such function"
	switch {
	case e.Kind != meter.FuncExtern:
		why = fmt.Sprintf("a %s, but only functions can be imported", e.Kind)
	case e.Have != "":
		return fmt.Sprintf("%s: imported as %s, but it is %s", what, clip.Text(e.Want, most), e.Have)
	}
	if made := toolchain.Import(e.Module, e.Name); made != "" && e.Kind == meter.FuncExtern {
		why += "; " + made
	}
	return what + ": " + why
}

// link checks that host modules export all that a module imports. wazero would report it only when the
// module is instantiated, and not by a typed error.
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
		if have := typeOf(function); !have.Equal(*i.Func) {
			unknown.Have = have.String()
			return unknown
		}
	}
	return nil
}

// typeOf returns the type of a host function.
func typeOf(f api.FunctionDefinition) meter.FuncType {
	types := func(list []api.ValueType) (types []meter.ValType) {
		for _, t := range list {
			types = append(types, meter.ValType(t)) // both have the codes of the binary format
		}
		return types
	}
	return meter.FuncType{Params: types(f.ParamTypes()), Results: types(f.ResultTypes())}
}
