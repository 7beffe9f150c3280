package wasip1

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
)

const pageBytes = 64 << 10

// kindOf returns the kind of a module, or an *abi.EntryError if it can't be run.
func kindOf(info *meter.Info) (abi.Kind, error) {
	invocable := false
	for _, e := range info.Exports {
		switch {
		case e.Kind != meter.FuncExtern || e.Name == reactorInitialize:
		case e.Name == commandStart && e.Func.Equal(meter.FuncType{}):
			return abi.Command, nil
		default:
			invocable = true
		}
	}
	if !invocable {
		return 0, &abi.EntryError{Msg: fmt.Sprintf(
			"the module has no entry point: it exports neither %q, as a program does, nor another function to invoke: build a program (in Rust a bin crate, in Go package main, in C with a main and without --no-entry), or export a function", commandStart)}
	}
	return abi.Reactor, nil
}

func describe(info *meter.Info, kind abi.Kind) *abi.Description {
	d := &abi.Description{Kind: kind, Functions: uint32(info.FunctionCount), HostBytes: uint64(engine.HostBytes(info))}
	for _, i := range info.Imports {
		d.Imports = append(d.Imports, abi.Import{Module: i.Module, Name: i.Name, Type: i.Type})
	}
	for _, e := range info.Exports {
		d.Exports = append(d.Exports, abi.Export{Name: e.Name, Type: e.Type})
	}
	if info.HasMemory {
		d.Memory = &abi.Memory{MinBytes: uint64(info.MinPages) * pageBytes}
		if info.HasMaxPages {
			most := uint64(info.MaxPages) * pageBytes
			d.Memory.MaxBytes = &most
		}
	}
	return d
}

// WIT implements abi.ABI. Core modules have no types in WIT.
func (*ABI) WIT([]byte) (string, error) { return "", nil }

// Needs implements abi.ABI.
func (*ABI) Needs(module *abi.Description) (needs []string) {
	for _, n := range []struct {
		need string
		of   func(call string) bool
	}{
		{"files", func(call string) bool { return strings.HasPrefix(call, "path_") }},
		{"sockets", func(call string) bool { return strings.HasPrefix(call, "sock_") }},
		{"dialling", func(call string) bool {
			return strings.HasPrefix(call, "sock_connect") || strings.HasPrefix(call, "sock_send_to")
		}},
		{"names", func(call string) bool { return call == "sock_getaddrinfo" }},
	} {
		if slices.ContainsFunc(module.Imports, func(i abi.Import) bool { return i.Module == moduleName && n.of(i.Name) }) {
			needs = append(needs, n.need)
		}
	}
	return needs
}

// CheckEntry implements abi.ABI.
func (*ABI) CheckEntry(module *abi.Description, entry abi.Entry) []abi.Fault {
	return append(checkStart(module, entry), checkLinks(entry.Grants)...)
}

// checkLinks refuses links: a module imports nothing of other guests.
func checkLinks(grants []capability.Grant) (faults []abi.Fault) {
	for i, g := range grants {
		for _, l := range capability.LinksOf(g) {
			faults = append(faults, abi.Fault{Field: fmt.Sprintf("grants[%d].link.interface", i), Text: fmt.Sprintf(
				"the module is no component, and only components import %s or anything else from other workloads", l.Interface)})
		}
	}
	return faults
}

// checkStart is CheckEntry without the grants.
func checkStart(module *abi.Description, entry abi.Entry) []abi.Fault {
	export := entry.Invoke
	invoke := func(format string, a ...any) []abi.Fault {
		return []abi.Fault{{Field: "invoke", Text: fmt.Sprintf(format, a...)}}
	}
	switch {
	case entry.Serve != nil:
		return []abi.Fault{{Field: "serve", Text: "the module is no component: only components answer HTTP requests and calls of other workloads"}}
	case entry.Call != nil:
		return []abi.Fault{{Field: "call", Text: "the module is no component: its exports have no types to call them by; use invoke"}}
	case module.Kind == abi.Command && export != "":
		return invoke("the module is a program: it exports %q and is run from there", commandStart)
	case module.Kind == abi.Command:
		return nil
	case export == "":
		return invoke("the module exports no %q: name the export to invoke (%s)", commandStart, invocable(module))
	}
	params, ok := paramsOf(module, export)
	if !ok {
		return invoke("the module exports no function %q (it has %s)", export, invocable(module))
	}
	return checkArgs(export, params, entry.Args)
}

// checkArgs checks arguments against the number and types of an export's parameters.
func checkArgs(export string, params []meter.ValType, args []string) (faults []abi.Fault) {
	if len(params) != len(args) {
		return []abi.Fault{{Field: "args", Text: fmt.Sprintf(
			"%q takes %d arguments (%s), not %d", export, len(params), listOf(params), len(args))}}
	}
	for i, param := range params {
		if _, err := parseValue(param, args[i]); err != nil {
			faults = append(faults, abi.Fault{Field: fmt.Sprintf("args[%d]", i), Text: err.Error()})
		}
	}
	return faults
}

// paramsOf returns the parameter types of an exported function.
func paramsOf(module *abi.Description, export string) (params []meter.ValType, ok bool) {
	for _, e := range module.Exports {
		if e.Name == export {
			t, ok := meter.ParseFuncType(e.Type)
			return t.Params, ok
		}
	}
	return nil, false
}

// invocable lists some of the exports that can be invoked.
func invocable(module *abi.Description) string {
	const most = 8
	var names []string
	for _, e := range module.Exports {
		if _, ok := meter.ParseFuncType(e.Type); !ok || e.Name == reactorInitialize {
			continue
		}
		if len(names) == most {
			names = append(names, "...")
			break
		}
		names = append(names, strconv.Quote(e.Name))
	}
	return strings.Join(names, ", ")
}
