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
	core    CoreInstance
	open    bool
	stack   stackBudget
	quantum int64 // fuel of the last Refill

	// The last function that was called. Each handle has a call stack of its own, so only one is kept.
	export   string
	function api.Function
}

// Instantiate makes an instance. The caller must call Start next. Errors are ErrOutOfMemory,
// ErrNodeMemory, an error of the operating system if it has no address space left, an error of Offload
// or Allowance, or an *InternalError.
func (m *Module) Instantiate(config InstanceConfig) (*Instance, error) {
	i := &Instance{open: true, stack: newStackBudget(config.StackBytes)}
	if err := i.shared.open(m.engine, config, i); err != nil {
		return nil, err
	}
	m.retain()
	i.core = CoreInstance{shared: &i.shared, module: m}
	abandoned, err := i.core.make(config.HeldBytes)
	if err == nil {
		i.core.fuel.Set(uint64(i.quantum))
		i.core.stackLeft.Set(uint64(i.stack.granted))
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
		function := i.core.handle(export)
		if function == nil {
			return nil, fmt.Errorf("engine: no function %q is exported", export)
		}
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

// Refill sets the fuel that the guest may burn from now on. It must not be called while guest code runs.
func (i *Instance) Refill(quantum int64) {
	i.quantum = quantum
	if i.core.fuel != nil {
		i.core.fuel.Set(uint64(quantum))
	}
}

// Burnt returns the fuel used since the last Refill, which it may exceed by less than the fuel of one
// check. It must not be called while guest code runs.
func (i *Instance) Burnt() int64 {
	if i.core.fuel == nil {
		return 0
	}
	return i.quantum - int64(i.core.fuel.Get())
}

func (i *Instance) burn(units int64) error {
	left := int64(i.core.fuel.Get()) - units
	i.core.fuel.Set(uint64(left))
	if left >= 0 {
		return nil
	}
	return i.host.Preempt()
}

func (i *Instance) yield(api.Module) error { return i.host.Preempt() }

// growStack grants more stack to a guest whose stack bytes are below zero, or returns the error with which
// it ends. It doubles the grant, so that deep recursion asks rarely. The guest pays fuel for it, since wazero moves to a
// stack of twice the size.
func (i *Instance) growStack(api.Module) error {
	left := int64(i.core.stackLeft.Get())
	if left >= 0 {
		return nil
	}
	more, err := i.stack.grow(-left, i.stack.granted-left, i.account)
	if err != nil {
		return err
	}
	i.core.stackLeft.Set(uint64(left + more))
	return i.burn(more * stackCost)
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

// free implements owner.
func (i *Instance) free() {
	i.open = false
	i.core.close()
	i.engine.stacks.recycle(i.function, nil)
	i.function = nil
	i.release()
}
