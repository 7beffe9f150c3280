package engine

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
)

// Host is who an instance runs for. The context that every host function gets
// IS this value, so a host function asserts it to the concrete type.
//
// A Host embeds a Binding, which gives it the Value method of context.Context
// as well:
//
//	type Guest struct {
//		engine.Binding
//		...
//	}
type Host interface {
	context.Context
	// Preempt is called on the fiber when the fuel is spent. It returns after
	// the instance was refilled; an error ends the guest with it.
	Preempt() error
	binding() *Binding
}

// Binding ties a Host to its one instance.
//
// Rejected: a context that the engine wraps around the Host (an allocation for
// each, and the assertion in each host call would have to unwrap it first);
// context.WithValue (a chain of comparisons in each host call).
type Binding struct {
	instance *Instance
}

func (b *Binding) binding() *Binding { return b }

// Instance is the instance that runs for this Host; nil before Instantiate and after Close.
func (b *Binding) Instance() *Instance { return b.instance }

// Value implements context.Context: there are none.
func (b *Binding) Value(any) any { return nil }

func (b *Binding) release(i *Instance) {
	if b.instance == i {
		*b = Binding{}
	}
}

// defineMeter adds the host module that metered code calls.
func defineMeter(ctx context.Context, r wazero.Runtime) error {
	_, err := r.NewHostModuleBuilder(meter.HostModule).
		NewFunctionBuilder().WithGoFunction(api.GoFunc(yield), nil, nil).Export(meter.YieldFunction).
		NewFunctionBuilder().WithGoFunction(api.GoFunc(growStack), nil, nil).Export(meter.GrowStackFunction).
		Instantiate(ctx)
	return err
}

// yield is called when the fuel is below zero.
func yield(ctx context.Context, _ []uint64) {
	if err := ctx.(Host).Preempt(); err != nil {
		Abort(err)
	}
}

// growStack is called when the stack bytes left are below zero.
func growStack(ctx context.Context, _ []uint64) {
	if err := ctx.(Host).binding().instance.growStack(); err != nil {
		Abort(err)
	}
}
