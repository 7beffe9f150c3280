package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/tetratelabs/wazero"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// rewrite runs the metering pass and checks that the result can be linked.
func (e *Engine) rewrite(binary []byte) (out []byte, info *meter.Info, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v, debug.Stack())
		}
	}()
	out, info, err = meter.Rewrite(binary, meter.Options{Limits: e.config.Limits})
	if err != nil {
		return nil, nil, err
	}
	if err := checkExports(info); err != nil {
		return nil, nil, err
	}
	if err := e.link(info); err != nil {
		return nil, nil, err
	}
	return out, info, nil
}

// checkExports refuses many functions with many exports: wazero looks for each function among all
// exports, a nanosecond for each pair.
func checkExports(info *meter.Info) error {
	const most = 1 << 29
	if n := int64(info.FunctionCount) * int64(len(info.Exports)); n > most {
		return &meter.Error{Kind: meter.TooLarge, Msg: fmt.Sprintf(
			"%d functions times %d exports, the limit is %d: export fewer functions", info.FunctionCount, len(info.Exports), most)}
	}
	return nil
}

// compile makes a module of what read returns.
func (e *Engine) compile(read func() ([]byte, error)) (_ wazero.CompiledModule, _ *meter.Info, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v, debug.Stack())
		}
	}()
	binary, err := read()
	if err != nil {
		return nil, nil, err
	}
	metered, info, err := e.rewrite(binary)
	if err != nil {
		return nil, nil, err
	}
	var compiled wazero.CompiledModule
	if e.cache != nil {
		compiled, err = e.cache.compile(e.ctx, e.runtime, compileJob{metered, binary})
	} else if compiled, err = e.runtime.CompileModule(e.ctx, metered); err != nil {
		err = blame(e.ctx, binary, err)
	}
	if err != nil {
		return nil, nil, err
	}
	return compiled, info, nil
}

// blame tells whose fault it is that a metered module did not compile. The pass
// doesn't check types: if wazero has an objection to the original as well, the
// module is malformed, and the objection is told in terms of the original. Else the pass is at fault.
//
// wazero gets the original as the codec writes it, without custom sections: wazero
// believes the counts in a name section, however large they are (TestBlameBelievesNoCount).
func blame(ctx context.Context, binary []byte, cause error) (err error) {
	m, err := wasm.Decode(binary, wasm.Limits{})
	if err != nil {
		return err
	}
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().
		WithCoreFeatures(features).WithDebugInfoEnabled(false))
	defer func() { err = errors.Join(err, r.Close(ctx)) }()
	if _, err := r.CompileModule(ctx, m.Encode()); err != nil {
		return &meter.Error{Kind: meter.Malformed, Offset: faultOffset(m, err), Msg: err.Error()}
	}
	return &InternalError{Err: cause}
}

// faultOffset returns where in the module the function begins that wazero objects
// to, which it tells by its place among those the module defines; else 0.
func faultOffset(m *wasm.Module, objection error) int64 {
	var function int
	if _, err := fmt.Sscanf(objection.Error(), "invalid function[%d]", &function); err != nil || function >= len(m.Bodies) {
		return 0
	}
	return m.Bodies[function].Offset
}
