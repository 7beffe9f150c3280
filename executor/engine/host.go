package engine

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/reactord/reactord/executor/engine/memory"
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
	values   context.Context // what wazero asks for while it instantiates
}

func (b *Binding) binding() *Binding { return b }

// Instance is the instance that runs for this Host; nil before Instantiate and after Close.
func (b *Binding) Instance() *Instance { return b.instance }

// Value implements context.Context. It is how wazero gets the allocator of
// linear memory. A Host that has a Value of its own must ask this one too.
func (b *Binding) Value(key any) any {
	if b.values == nil {
		return nil
	}
	return b.values.Value(key)
}

func (b *Binding) open(i *Instance, account *memory.Account) {
	b.instance = i
	b.values = experimental.WithMemoryAllocator(context.Background(), account)
}

func (b *Binding) release(i *Instance) {
	if b.instance == i {
		*b = Binding{}
	}
}

// defineMeter adds the host module that metered code calls. The functions take
// the module of their caller because in a start function it is not yet known otherwise.
func defineMeter(ctx context.Context, r wazero.Runtime) error {
	_, err := r.NewHostModuleBuilder(meter.HostModule).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(yield), nil, nil).Export(meter.YieldFunction).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(growStack), nil, nil).Export(meter.GrowStackFunction).
		Instantiate(ctx)
	return err
}

// yield is called when the fuel is below zero.
func yield(ctx context.Context, guest api.Module, _ []uint64) {
	host := ctx.(Host)
	if host.binding().instance.attach(guest) {
		return // it is the first call of a start function, which has its fuel only now
	}
	if err := host.Preempt(); err != nil {
		Abort(err)
	}
}

// growStack is called when the stack bytes left are below zero.
func growStack(ctx context.Context, guest api.Module, _ []uint64) {
	i := ctx.(Host).binding().instance
	i.attach(guest)
	if err := i.growStack(); err != nil {
		Abort(err)
	}
}
