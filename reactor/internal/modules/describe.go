package modules

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// moduleOf converts a record to the module that clients see.
func (r *Registry) moduleOf(rec *store.Module) (*api.Module, error) {
	info, err := decodeModule(rec)
	if err != nil {
		return nil, err
	}
	m := &api.Module{
		Digest: rec.Digest.String(), SizeBytes: uint64(rec.Size), Kind: api.ModuleKind(info.Kind),
		Tags: rec.Tags, CreateTime: rec.Created, FunctionCount: info.Functions, Name: rec.Name, LastUseTime: rec.Used,
		Artifact: rec.Artifact, Signer: rec.Signer,
		Damaged: r.catalog.isDamaged(rec.Digest),
	}
	for _, i := range info.Imports {
		m.Imports = append(m.Imports, api.ModuleImport(i))
	}
	for _, e := range info.Exports {
		m.Exports = append(m.Exports, api.ModuleExport(e))
	}
	if info.Memory != nil {
		memory := api.ModuleMemory(*info.Memory)
		m.Memory = &memory
	}
	if a, err := r.ABIs.Of(info.Kind); err == nil {
		m.Needs = a.Needs(info)
	}
	return m, nil
}

// encodeModule encodes a description for decodeModule.
func encodeModule(info *abi.Description) []byte {
	b, err := json.Marshal(info)
	if err != nil {
		panic(fmt.Sprintf("modules: encode a module's record: %v", err))
	}
	return b
}

func decodeModule(rec *store.Module) (*abi.Description, error) {
	var info abi.Description
	if err := json.Unmarshal(rec.Info, &info); err != nil {
		return nil, fmt.Errorf("the record of module %s: %w", rec.Digest, err)
	}
	return &info, nil
}

// startParts says what takes the memory with which a workload starts.
func startParts(module *abi.Description, spec *api.Spec) string {
	parts := []string{fmt.Sprintf("memory: %d", module.StartBytes()-module.HostBytes)}
	if module.Kind == abi.Component || module.Kind == abi.ComponentCommand {
		parts = []string{fmt.Sprintf("memories and tables: %d", module.HostBytes)}
	} else if module.HostBytes > 0 {
		parts = append(parts, fmt.Sprintf("tables: %d", module.HostBytes))
	}
	if len(spec.Stdin) > 0 {
		parts = append(parts, fmt.Sprintf("input: %d", len(spec.Stdin)))
	}
	return strings.Join(parts, ", ")
}

// CheckSpec checks a spec against its module. It returns an error if the module can't be run. channels is
// whether the streams and futures of a call have channels.
func (r *Registry) CheckSpec(f *errs.Faults, module *abi.Description, spec *api.Spec, limits api.Limits, channels bool) error {
	if need := module.StartBytes() + uint64(len(spec.Stdin)); need > limits.MemoryBytes {
		f.Add("spec.limits.memory_bytes", "%d is less than the %d bytes with which the module starts (%s)", limits.MemoryBytes, need, startParts(module, spec))
	}
	a, err := r.ABIs.Of(module.Kind)
	if err != nil {
		return refuse(spec.Module, err)
	}
	entry := abi.Entry{Args: spec.Args, Invoke: spec.Invoke, Call: (*abi.FunctionCall)(spec.Call), Channels: channels}
	if spec.Serve != nil {
		entry.Serve = &abi.Service{Offer: spec.Serve.Offer}
	}
	for _, g := range spec.Grants {
		entry.Grants = append(entry.Grants, g)
	}
	for _, fault := range a.CheckEntry(module, entry) {
		f.Add("spec."+fault.Field, "%s", fault.Text)
	}
	return nil
}

// refuse converts an engine's refusal of a module to an error for clients.
func refuse(digest string, err error) error {
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
			e := errs.Module(errs.ModuleInvalid, digest, "the module is damaged, or no valid WebAssembly: %v", err)
			e.Cause = err
			return e
		}
	}
	if _, ok := errors.AsType[*abi.EntryError](err); ok {
		return refused(errs.ModuleInvalid)
	}
	if _, ok := errors.AsType[*engine.UnknownImportError](err); ok {
		return refused(errs.ModuleUnsupported)
	}
	if _, ok := errors.AsType[*abi.MissingImportsError](err); ok {
		return refused(errs.ModuleUnsupported)
	}
	if _, ok := errors.AsType[*abi.UnknownKindError](err); ok {
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
