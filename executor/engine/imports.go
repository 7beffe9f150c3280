package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
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
	Have         string // the type or types it is exported as; empty if there is no such function
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

// FormName is the name of a form of a host function. Some functions are imported by the same name with different types,
// by guests made for different versions of an interface, but a host module exports one function by a name. So it exports
// one form by the plain name, and each of the others by its FormName. A module's import goes to the form of its type.
func FormName(name string, t meter.FuncType) string { return name + formMark + t.String() }

const formMark = " "

// hostFunctions are the functions of the host modules, for the imports of one module.
type hostFunctions struct {
	linker  wazero.Runtime
	modules map[string]map[string][]form // by module and plain name
}

// form is one form of a host function, and the name that it is exported by.
type form struct {
	name string
	typ  meter.FuncType
}

// forms returns the forms of a host function, none if there is no such function.
func (h *hostFunctions) forms(module, name string) []form {
	functions, seen := h.modules[module]
	if !seen {
		functions = map[string][]form{}
		if host := h.linker.Module(module); host != nil {
			for exported, f := range host.ExportedFunctionDefinitions() {
				plain, _, _ := strings.Cut(exported, formMark)
				functions[plain] = append(functions[plain], form{exported, typeOf(f)})
			}
		}
		if h.modules == nil {
			h.modules = map[string]map[string][]form{}
		}
		h.modules[module] = functions
	}
	return functions[name]
}

// nameOf returns the name of the form that an import goes to, or name if there is none.
func (h *hostFunctions) nameOf(module, name string, t meter.FuncType) string {
	for _, f := range h.forms(module, name) {
		if f.typ.Equal(t) {
			return f.name
		}
	}
	return name
}

// link checks that host modules export all that a module imports. wazero would report it only when the
// module is instantiated, and not by a typed error.
func (h *hostFunctions) link(info *meter.Info) error {
	for _, i := range info.Imports {
		unknown := &UnknownImportError{Module: i.Module, Name: i.Name, Kind: i.Kind, Want: i.Type}
		if i.Kind != meter.FuncExtern || i.Module == meter.HostModule {
			return unknown
		}
		forms := h.forms(i.Module, i.Name)
		if len(forms) == 0 {
			return unknown
		}
		if !slices.ContainsFunc(forms, func(f form) bool { return f.typ.Equal(*i.Func) }) {
			unknown.Have = typesOf(forms)
			return unknown
		}
	}
	return nil
}

// typesOf returns the types of forms, in order.
func typesOf(forms []form) string {
	var types []string
	for _, f := range forms {
		types = append(types, f.typ.String())
	}
	slices.Sort(types)
	return strings.Join(types, " or ")
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
