package reactor

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

const (
	pageBytes   = 64 << 10
	startExport = "_start"
	initExport  = "_initialize"
)

// moduleJSON is what the store keeps of a module beside its bytes.
type moduleJSON struct {
	Kind      api.ModuleKind     `json:"kind"`
	Imports   []api.ModuleImport `json:"imports,omitempty"`
	Exports   []api.ModuleExport `json:"exports,omitempty"`
	Memory    *api.ModuleMemory  `json:"memory,omitempty"`
	Functions uint32             `json:"functions,omitempty"`
}

// describe is what a client and a submission want to know of a module. It is a *errs.Error if the
// module has no entry point.
func describe(digest store.Digest, info *meter.Info) (*moduleJSON, error) {
	m := &moduleJSON{Functions: uint32(info.FunctionCount)}
	for _, i := range info.Imports {
		m.Imports = append(m.Imports, api.ModuleImport{Module: i.Module, Name: i.Name, Type: i.Type})
	}
	for _, e := range info.Exports {
		m.Exports = append(m.Exports, api.ModuleExport{Name: e.Name, Type: e.Type})
	}
	if info.HasMemory {
		m.Memory = &api.ModuleMemory{MinBytes: uint64(info.MinPages) * pageBytes}
		if info.HasMaxPages {
			most := uint64(info.MaxPages) * pageBytes
			m.Memory.MaxBytes = &most
		}
	}
	var ok bool
	if m.Kind, ok = kindOf(info); !ok {
		return nil, errs.Module(errs.ModuleInvalid, digest.String(),
			"the module has no entry point: it exports neither %q, as a program does, nor another function to invoke", startExport)
	}
	return m, nil
}

func kindOf(info *meter.Info) (api.ModuleKind, bool) {
	invocable := false
	for _, e := range info.Exports {
		switch {
		case e.Kind != meter.FuncExtern || e.Name == initExport:
		case e.Name == startExport && e.Type == "(func)":
			return api.WASICommand, true
		default:
			invocable = true
		}
	}
	return api.WASIReactor, invocable
}

// moduleOf is a record as clients see it.
func moduleOf(rec *store.Module) (*api.Module, error) {
	info, err := decodeModule(rec)
	if err != nil {
		return nil, err
	}
	return &api.Module{
		Digest: rec.Digest.String(), SizeBytes: uint64(rec.Size), Kind: info.Kind,
		Imports: info.Imports, Exports: info.Exports, Memory: info.Memory, Tags: rec.Tags,
		CreateTime: rec.Created, Needs: info.needs(), FunctionCount: info.Functions,
	}, nil
}

// encode writes what decodeModule reads.
func (m *moduleJSON) encode() []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("reactor: encode a module's record: %v", err))
	}
	return b
}

func decodeModule(rec *store.Module) (*moduleJSON, error) {
	var info moduleJSON
	if err := json.Unmarshal(rec.Info, &info); err != nil {
		return nil, fmt.Errorf("the record of module %s: %w", rec.Digest, err)
	}
	return &info, nil
}

// needs names the capabilities whose host calls the module imports.
func (m *moduleJSON) needs() (needs []string) {
	var files, sockets bool
	for _, i := range m.Imports {
		if i.Module != wasip1.ModuleName {
			continue
		}
		files = files || strings.HasPrefix(i.Name, "path_")
		sockets = sockets || strings.HasPrefix(i.Name, "sock_")
	}
	if files {
		needs = append(needs, "files")
	}
	if sockets {
		needs = append(needs, "sockets")
	}
	return needs
}

func (m *moduleJSON) minBytes() uint64 {
	if m.Memory == nil {
		return 0
	}
	return m.Memory.MinBytes
}

// checkAgainst finds what is wrong with a spec for this module.
func (m *moduleJSON) checkAgainst(f *errs.Faults, spec *api.Spec, limits api.Limits) {
	if least, input := m.minBytes(), uint64(len(spec.Stdin)); least+input > limits.MemoryBytes {
		f.Add("spec.limits.memory_bytes", "the module starts with %d bytes of memory and %d of input, the limit is %d", least, input, limits.MemoryBytes)
	}
	switch {
	case m.Kind == api.WASICommand && spec.Invoke != "":
		f.Add("spec.invoke", "the module is a program: it exports %q and is run from there", startExport)
	case m.Kind == api.WASICommand:
	case spec.Invoke == "":
		f.Add("spec.invoke", "the module exports no %q: one of its exports is to be named (%s)", startExport, m.invocable())
	default:
		m.checkCall(f, spec)
	}
}

// checkCall checks an invocation: that there is such an export, and that the arguments are as many
// as it has parameters and of their types.
func (m *moduleJSON) checkCall(f *errs.Faults, spec *api.Spec) {
	params, ok := m.paramsOf(spec.Invoke)
	if !ok {
		f.Add("spec.invoke", "the module exports no function %q (it has %s)", spec.Invoke, m.invocable())
		return
	}
	if len(params) != len(spec.Args) {
		f.Add("spec.args", "%q takes %d arguments (%s), and there are %d", spec.Invoke, len(params), strings.Join(params, " "), len(spec.Args))
		return
	}
	for i, param := range params {
		if err := wasip1.CheckArgument(param, spec.Args[i]); err != nil {
			f.Add(fmt.Sprintf("spec.args[%d]", i), "%v", err)
		}
	}
}

// paramsOf returns the parameter types of an exported function.
func (m *moduleJSON) paramsOf(export string) (params []string, ok bool) {
	for _, e := range m.Exports {
		if e.Name == export && strings.HasPrefix(e.Type, "(func") {
			_, rest, _ := strings.Cut(e.Type, "(param ")
			list, _, _ := strings.Cut(rest, ")")
			return strings.Fields(list), true
		}
	}
	return nil, false
}

// invocable lists some of the exports that can be invoked.
func (m *moduleJSON) invocable() string {
	const most = 8
	var names []string
	for _, e := range m.Exports {
		if !strings.HasPrefix(e.Type, "(func") || e.Name == initExport {
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

// refusal turns what the engine says of a module into an error for clients.
func refusal(digest string, err error) error {
	refused := func(class errs.Class) error {
		e := errs.Module(class, digest, "%v", err)
		e.Cause = err
		return e
	}
	if fault, ok := errors.AsType[*meter.Error](err); ok {
		switch fault.Kind {
		case meter.TooLarge:
			return refused(errs.ModuleTooLarge)
		case meter.Unsupported, meter.Component:
			return refused(errs.ModuleUnsupported)
		default:
			return refused(errs.ModuleInvalid)
		}
	}
	if _, ok := errors.AsType[*engine.UnknownImportError](err); ok {
		return refused(errs.ModuleUnsupported)
	}
	if errors.Is(err, engine.ErrModuleMemory) {
		e := errs.Module(errs.LimitExceeded, digest, "%v: push again when workloads have ended", err)
		e.Cause, e.Retry = err, compilerRetry
		return e
	}
	if _, ok := errors.AsType[*engine.TransientError](err); ok {
		e := errs.Module(errs.Unavailable, digest, "the module was not compiled, through no fault of its own: %v", err)
		e.Cause, e.Retry = err, compilerRetry
		return e
	}
	return err
}
