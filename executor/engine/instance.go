package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/reactord/reactord/executor/engine/memory"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

var (
	// ErrOutOfMemory says that the instance's own limit leaves no room for what it starts with, or for
	// its call stack to grow.
	ErrOutOfMemory = errors.New("out of memory: the limit is reached")
	// ErrNodeMemory says that the limit of all instances together leaves no room, though the
	// instance's own does: there may be some when others have ended.
	ErrNodeMemory = errors.New("out of memory: the instances together hold all that they may")
)

var errBound = errors.New("engine: the host has an instance already")

var errEnded = errors.New("engine: call of an instance that has ended")

// InstanceConfig says for whom and within what limits an instance runs.
type InstanceConfig struct {
	Host        Host
	MemoryBytes int64 // of linear memory, tables and grown call stack together; 0: no bound
	StackBytes  int64 // of the call stack; 0: 1 MiB
	HeldBytes   int64 // what the caller holds in memory for the instance, counted with the rest

	// Allowance is what the instance may hold before it asks for more; nil: it asks nobody. It is asked on the instance's
	// goroutine, also in the midst of guest code. If that returns an error the guest ends with it, or
	// Instantiate returns it.
	Allowance *Allowance

	// Offload runs a job of more than half a millisecond while the fiber is parked; nil: such jobs run on the
	// fiber. If it returns an error, which Instantiate returns then, it sees to it that discard is called when the job has
	// ended, from any goroutine.
	Offload func(job, discard func()) error
}

// Allowance is what an instance may hold.
type Allowance = memory.Allowance

// Instance is an instantiated module. It belongs to one goroutine at a time.
type Instance struct {
	module  *Module
	host    Host
	account *memory.Account
	guest   api.Module
	fuel    api.MutableGlobal
	left    api.MutableGlobal // stack bytes that remain of the grant
	stack   stackBudget
	quantum int64 // of the last Refill

	// A function handle has a call stack of its own, so only the last is kept.
	export   string
	function api.Function
	ended    bool
	failure  error // of instantiate
}

// Instantiate makes an instance, which is to be started next. Errors are ErrOutOfMemory, ErrNodeMemory, those of the operating
// system, which had no address space left, and of Offload, and *InternalError.
func (m *Module) Instantiate(config InstanceConfig) (_ *Instance, err error) {
	b := config.Host.binding()
	if b.instance != nil {
		return nil, errBound
	}
	m.retain()
	owned := true // by this goroutine
	i := &Instance{
		module:  m,
		host:    config.Host,
		account: m.engine.pool.NewAccount(config.MemoryBytes, config.Allowance),
		stack:   newStackBudget(config.StackBytes),
	}
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v, debug.Stack())
		}
		if err != nil {
			b.release(i)
			if owned {
				i.free()
			}
		}
	}()
	if !m.fits(i.account, config.HeldBytes) {
		return nil, refusal(i.account)
	}
	b.instance = i
	if expected := m.instantiation(); config.Offload == nil || expected <= longest {
		i.instantiate()
	} else if err := config.Offload(func() { i.await(expected) }, i.free); err != nil {
		owned = false
		i.account.Abandon()
		return nil, err
	}
	if i.failure != nil {
		return nil, i.failure
	}
	i.attach()
	return i, nil
}

// instantiate has wazero make the instance, from any goroutine.
func (i *Instance) instantiate() {
	defer func() {
		if v := recover(); v != nil {
			i.failure = recovered(v, debug.Stack())
		}
	}()
	ctx := experimental.WithMemoryAllocator(context.Background(), allocator{i})
	guest, err := i.module.runtime.InstantiateModule(ctx, i.module.compiled, i.module.engine.instances)
	if err != nil {
		i.failure = &InternalError{Err: err}
		return
	}
	i.guest = guest
}

// allocator gives wazero the instance's memory.
type allocator struct{ instance *Instance }

func (a allocator) Allocate(size, most uint64) experimental.LinearMemory {
	return &linear{a.instance.account.Allocate(size, most), a.instance}
}

// linear is the instance's memory. A guest that was refused memory by whom its allowance asks does not learn of
// it by memory.grow, which most programs take for the end: it ends.
type linear struct {
	experimental.LinearMemory
	instance *Instance
}

func (l *linear) Reallocate(size uint64) []byte {
	b := l.LinearMemory.Reallocate(size)
	if account := l.instance.account; b == nil && l.instance.guest != nil && account.Denied() {
		Abort(refusal(account))
	}
	return b
}

// await is instantiate when it is the turn of what takes so long: others have the other processors.
func (i *Instance) await(expected time.Duration) {
	e := i.module.engine
	if e.instantiators.enter(e.ctx, expected, 0, nil) {
		defer e.instantiators.leave(0)
	}
	i.instantiate()
}

// longest is how long instantiation may keep a worker.
const longest = 500 * time.Microsecond

// instantiation is about how long wazero takes to make an instance. (BenchmarkStart)
func (m *Module) instantiation() time.Duration {
	const (
		element = 200 * time.Nanosecond
		global  = 80 * time.Nanosecond
		segment = 5 * time.Nanosecond
		slot    = 1 * time.Nanosecond // of a table
		imports = 60 * time.Nanosecond
	)
	return time.Duration(m.info.Elements)*element + time.Duration(m.info.Globals+len(m.info.LargeFrames))*global +
		time.Duration(m.info.Segments)*segment + time.Duration(m.info.TableElements)*slot + time.Duration(len(m.info.Imports))*imports
}

// refusal is the error for what an account was refused.
func refusal(account *memory.Account) error {
	switch err := account.Refusal(); {
	case errors.Is(err, memory.ErrAccountLimit):
		return ErrOutOfMemory
	case errors.Is(err, memory.ErrPoolLimit):
		return ErrNodeMemory
	default:
		return err
	}
}

// fits gives the account what an instance of the module starts with. wazero
// would panic if its memory were refused later.
func (m *Module) fits(account *memory.Account, held int64) bool {
	if !account.Reserve(m.hostBytes() + held) {
		return false
	}
	if !m.info.HasMemory {
		return true
	}
	most := uint64(wasm.MaxPages)
	if m.info.HasMaxPages {
		most = min(most, uint64(m.info.MaxPages))
	}
	linear := account.Allocate(0, most*uint64(memory.PageBytes))
	return linear.Reallocate(uint64(m.info.MinPages)*uint64(memory.PageBytes)) != nil
}

// StartBytes is the memory that an instance starts with, beside what the caller holds for it.
func (m *Module) StartBytes() int64 {
	bytes := m.hostBytes()
	if m.info.HasMemory {
		bytes += int64(m.info.MinPages) * memory.PageBytes
	}
	return bytes
}

// hostBytes is what an instance takes on the Go heap in proportion to its module: a pointer for each
// element of a table or of a segment for one, a record for each global and segment. Tables are
// counted as large as they may become, for nobody is asked when they do; the rest only where
// it is more than programs have.
func (m *Module) hostBytes() int64 {
	const pointer, element, global, segment, imported = 8, 56, 96, 48, 48
	const usual = 64 << 10
	tables := int64(m.info.TableElements) * pointer
	records := int64(m.info.Elements)*element + int64(m.info.Globals+len(m.info.LargeFrames))*global + int64(m.info.Segments)*segment +
		int64(len(m.info.Imports))*imported
	return tables + max(records-usual, 0)
}

// attach takes hold of the counters of the guest, and sets them.
func (i *Instance) attach() {
	i.fuel = i.guest.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal)
	i.left = i.guest.ExportedGlobal(meter.StackGlobal).(api.MutableGlobal)
	i.fuel.Set(uint64(i.quantum))
	i.left.Set(uint64(i.stack.granted))
	i.module.setFrames(i.guest)
}

// Call calls an exported function. See the package comment for its errors, after
// any of which the instance is only good for Close.
func (i *Instance) Call(export string, args ...uint64) (results []uint64, err error) {
	if i.ended {
		return nil, errEnded
	}
	if i.function == nil || i.export != export {
		function := i.guest.ExportedFunction(export)
		if function == nil {
			return nil, fmt.Errorf("engine: no function %q is exported", export)
		}
		i.module.engine.stacks.shrink(function)
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
		err = i.module.outcome(err)
	}
	return results, err
}

// Refill sets the fuel for the next turn on the worker. Never while guest code runs.
func (i *Instance) Refill(quantum int64) {
	i.quantum = quantum
	if i.fuel != nil {
		i.fuel.Set(uint64(quantum))
	}
}

// Burnt returns the fuel used since the last Refill; a guest overdraws by less
// than what one check covers. Never while guest code runs.
func (i *Instance) Burnt() int64 {
	if i.fuel == nil {
		return 0
	}
	return i.quantum - int64(i.fuel.Get())
}

// growStack lets the guest go on whose stack bytes are below zero, or says why not. The guest pays for what is
// granted: wazero makes a stack twice as large, and moves to it.
func (i *Instance) growStack() error {
	left := int64(i.left.Get())
	if left >= 0 {
		return nil
	}
	more, err := i.stack.grow(-left, i.account)
	if err != nil {
		return err
	}
	i.left.Set(uint64(left + more))
	return i.burn(more * stackCost)
}

// Memory is the guest's linear memory; nil if the module has none.
func (i *Instance) Memory() api.Memory {
	if !i.module.info.HasMemory {
		return nil
	}
	return i.guest.Memory()
}

// PeakMemory returns the most bytes of linear memory, tables and grown call
// stack the instance ever held. Safe from any goroutine.
func (i *Instance) PeakMemory() int64 { return i.account.Peak() }

// Close frees the instance and its memory. Idempotent. Not while guest code runs.
func (i *Instance) Close() {
	if i.module == nil {
		return
	}
	i.host.binding().release(i)
	i.free()
}

// free gives up all that the instance has.
func (i *Instance) free() {
	if i.guest != nil {
		// The error is that of a file system, which instances don't have.
		_ = i.guest.Close(context.Background())
	}
	i.account.Close()
	i.guest, i.fuel, i.left, i.function = nil, nil, nil, nil
	i.ended = true
	i.module.Release()
	i.module = nil
}
