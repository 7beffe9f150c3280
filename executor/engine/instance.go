package engine

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/tetratelabs/wazero/api"
)

var errEnded = errors.New("engine: call of an instance that has ended")

// Instance is an instance of a module that is linked with host modules only. It belongs to one goroutine at a time.
type Instance struct {
	shared
	core CoreInstance
	open bool

	// The last function that was called. Each handle has a call stack of its own, so only one is kept.
	export   string
	function api.Function
}

// Instantiate makes an instance. The caller must call Start next. Errors are ErrOutOfMemory,
// ErrNodeMemory, an error of the operating system if it has no address space left, an error of Offload
// or Allowance, or an *InternalError.
func (m *Module) Instantiate(config InstanceConfig) (*Instance, error) {
	i := &Instance{open: true}
	if err := i.shared.open(m.engine, config); err != nil {
		return nil, err
	}
	config.Host.binding().instance = i
	m.retain()
	i.core = CoreInstance{shared: &i.shared, module: m}
	abandoned, err := i.core.make(config.HeldBytes, i.free)
	if err == nil {
		i.useCounters(i.core.guest)
		return i, nil
	}
	i.host.binding().release(&i.shared)
	if !abandoned {
		i.free()
	}
	return nil, err
}

// Call calls an exported function. See the package comment for its errors. After an error only Close may
// be called.
func (i *Instance) Call(export string, args ...uint64) (results []uint64, err error) {
	if i.ended {
		return nil, errEnded
	}
	if i.function == nil || i.export != export {
		function := i.core.guest.ExportedFunction(export)
		if function == nil {
			return nil, fmt.Errorf("engine: no function %q is exported", export)
		}
		i.engine.stacks.shrink(function)
		i.export, i.function = export, function
	}
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v, debug.Stack())
		}
		i.ended = err != nil
	}()
	results, err = i.function.Call(i.host, args...)
	if err != nil {
		err = outcome(err, i.core.module.names)
	}
	return results, err
}

// Memory returns the guest's linear memory, or nil if the module has none.
func (i *Instance) Memory() api.Memory { return i.core.Memory() }

// Global returns what an exported global holds, as wazero has its bits; zero if there is no such export. It must not be
// called while guest code runs.
func (i *Instance) Global(export string) uint64 { return i.core.Global(export) }

// Close frees the instance and its memory. It may be called more than once, but not while guest code
// runs.
func (i *Instance) Close() {
	if i.open {
		i.host.binding().release(&i.shared)
		i.free()
	}
}

// free releases everything that the instance holds.
func (i *Instance) free() {
	i.open = false
	i.core.close()
	i.function = nil
	i.release()
}
