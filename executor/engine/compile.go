package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/tetratelabs/wazero"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// rewrite runs the metering pass and checks that the result can be linked.
func (e *Engine) rewrite(binary []byte, from source) (out []byte, info *meter.Info, err error) {
	hosts := hostFunctions{linker: e.linker}
	options := meter.Options{Limits: e.config.Limits, ARM64: runtime.GOARCH == "arm64", TakeTables: e.tables}
	if from.linking == nil {
		options.ImportName = hosts.nameOf
	} else {
		options.Imports, options.Name = from.linking, from.name
	}
	out, info, err = meter.Rewrite(binary, options)
	if err != nil {
		return nil, nil, err
	}
	if err := checkExports(info); err != nil {
		return nil, nil, err
	}
	if from.linking != nil {
		return out, info, nil
	}
	if err := hosts.link(info); err != nil {
		return nil, nil, err
	}
	return out, info, nil
}

// checkExports refuses modules with both many functions and many exports: wazero searches all exports for
// each function, which takes a nanosecond for each pair.
func checkExports(info *meter.Info) error {
	const most = 1 << 29
	if n := int64(info.FunctionCount) * int64(len(info.Exports)); n > most {
		return &meter.Error{Kind: meter.TooLarge, Msg: fmt.Sprintf(
			"%d functions times %d exports, the limit is %d: export fewer functions", info.FunctionCount, len(info.Exports), most)}
	}
	return nil
}

// prepare reads and meters a module and returns the job to compile.
func (e *Engine) prepare(from source) (job compileJob, info *meter.Info, err error) {
	binary, err := from.read()
	if err != nil {
		return compileJob{}, nil, err
	}
	metered, info, err := e.rewrite(binary, from)
	return compileJob{metered, binary}, info, err
}

// build compiles the module and installs the machine code.
func (m *Module) build(job compileJob, limit bounds) error {
	e := m.engine
	if e.cache != nil {
		made, err := e.cache.compile(e.ctx, m.digest, job, limit)
		if err != nil {
			return err
		}
		return m.install(job, made)
	}
	if err := m.admit(footprint(m.info, guessedCode(m.info))); err != nil {
		return err
	}
	var err error
	if m.compiled, err = m.runtime.CompileModule(e.ctx, job.metered); err != nil {
		return blame(e.ctx, job.original, err)
	}
	return nil
}

// blame finds out why a metered module did not compile. The pass doesn't check types: if wazero rejects the
// original too, the module is malformed, and blame returns wazero's error for the original. Otherwise the
// pass is at fault.
//
// wazero gets the original as the codec writes it, without custom sections: wazero trusts the counts in a
// name section, however large they are (TestBlameBelievesNoCount).
func blame(ctx context.Context, binary []byte, cause error) (err error) {
	m, err := wasm.Decode(binary, wasm.Limits{})
	if err != nil {
		return err
	}
	for i := range m.Imports {
		if im := &m.Imports[i]; im.Module == "" {
			im.Module = "-" // wazero refuses the empty name, which is no fault
		}
	}
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().
		WithCoreFeatures(features).WithDebugInfoEnabled(false))
	defer func() { err = errors.Join(err, r.Close(ctx)) }()
	if _, err := r.CompileModule(ctx, m.Encode()); err != nil {
		return &meter.Error{Kind: meter.Malformed, Offset: faultOffset(m, err), Msg: err.Error()}
	}
	return &InternalError{Err: cause}
}

// faultOffset returns the byte offset of the function that wazero's error names by its index among the
// defined functions, or 0 if it names none.
func faultOffset(m *wasm.Module, objection error) int64 {
	var function int
	if _, err := fmt.Sscanf(objection.Error(), "invalid function[%d]", &function); err != nil || function >= len(m.Bodies) {
		return 0
	}
	return m.Bodies[function].Offset
}
