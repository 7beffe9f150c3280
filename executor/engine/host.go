package engine

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
)

// Host is the owner of an instance. It is itself the context that every host function gets, so a host
// function asserts the context to the concrete type.
//
// A Host embeds a Binding, which also provides the Value method of context.Context:
//
//	type Guest struct {
//		engine.Binding
//		...
//	}
type Host interface {
	context.Context
	// Preempt is called on the fiber when the fuel is spent. It returns nil once the instance has been
	// refilled, or an error with which the guest ends.
	Preempt() error
	binding() *Binding
}

// Binding connects a Host with its one instance or group.
//
// Rejected: a context that the engine wraps around the Host (an allocation for each Host, and each host
// call would have to unwrap it); context.WithValue (a chain of comparisons in each host call).
type Binding struct {
	shared *shared
}

// owner is an *Instance or a *Group.
type owner interface {
	Fuel
	// yield gives the caller, an instance of it, more fuel, or returns the error with which the guest ends.
	yield(caller api.Module) error
	// growStack does so with stack.
	growStack(caller api.Module) error
	// burn charges the guest for work that the host is about to do for it.
	burn(units int64) error
	// free releases everything that the guest holds.
	free()
}

func (b *Binding) binding() *Binding { return b }

// Instance returns the Host's instance, or nil before Instantiate and after Close, and if it has a group.
func (b *Binding) Instance() *Instance {
	if b.shared == nil {
		return nil
	}
	i, _ := b.shared.owner.(*Instance)
	return i
}

// Fuel counts the fuel of an instance or a group.
type Fuel interface {
	// Refill sets the fuel that may be burnt from now on. It must not be called while guest code runs.
	Refill(quantum int64)
	// Burnt returns the fuel used since the last Refill. It must not be called while guest code runs.
	Burnt() int64
}

// Fuel returns what counts the fuel of the Host's instance or group, or nil if it has neither.
func (b *Binding) Fuel() Fuel {
	if b.shared == nil {
		return nil
	}
	return b.shared.owner
}

// Value implements context.Context. It always returns nil.
func (b *Binding) Value(any) any { return nil }

func (b *Binding) release(s *shared) {
	if b.shared == s {
		*b = Binding{}
	}
}

// defineMeter adds the host module that metered code calls.
func defineMeter(ctx context.Context, r wazero.Runtime) error {
	_, err := r.NewHostModuleBuilder(meter.HostModule).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(yield), nil, nil).Export(meter.YieldFunction).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(growStack), nil, nil).Export(meter.GrowStackFunction).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(clearMemory), []api.ValueType{api.ValueTypeI32, api.ValueTypeI32}, nil).Export(meter.ClearFunction).
		Instantiate(ctx)
	return err
}

// yield is called by metered code when the fuel is below zero.
func yield(ctx context.Context, caller api.Module, _ []uint64) {
	if err := ctx.(Host).binding().shared.owner.yield(caller); err != nil {
		Abort(err)
	}
}

// growStack is called by metered code when the remaining stack bytes are below zero.
func growStack(ctx context.Context, caller api.Module, _ []uint64) {
	if err := ctx.(Host).binding().shared.owner.growStack(caller); err != nil {
		Abort(err)
	}
}

// clearMemory is called by metered code to write zeroes.
func clearMemory(ctx context.Context, caller api.Module, params []uint64) {
	if err := ctx.(Host).binding().shared.clear(caller.Memory(), int64(uint32(params[0])), int64(uint32(params[1]))); err != nil {
		Abort(err)
	}
}
