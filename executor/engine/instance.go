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
	// ErrOutOfMemory means that the instance's own limit leaves no room for its start or for its call
	// stack to grow.
	ErrOutOfMemory = errors.New("out of memory: the limit is reached")
	// ErrNodeMemory means that the instance's own limit leaves room, but the limit of all instances
	// together does not. There may be room when other instances have ended.
	ErrNodeMemory = errors.New("out of memory: the limit of all instances together is reached")
)

var errBound = errors.New("engine: the host has an instance already")

var errEnded = errors.New("engine: call of an instance that has ended")

// InstanceConfig says for which Host and within which limits an instance runs.
type InstanceConfig struct {
	Host        Host
	MemoryBytes int64 // bound on linear memory, tables and grown call stack together; 0: no bound
	StackBytes  int64 // bound on the call stack; 0: 1 MiB
	HeldBytes   int64 // memory that the caller holds for the instance, counted with the rest

	// Allowance is the memory that the instance may hold without asking for more; nil: no bound. Its Ask
	// is called on the instance's goroutine, also in the middle of guest code. If Ask fails, the guest
	// ends with that error, or Instantiate returns it.
	Allowance *Allowance

	// OnGrowRefused, unless nil, is called on the fiber when memory.grow returns -1, because of MemoryBytes or
	// because the system has no memory: the size that the guest asked for, and ErrOutOfMemory or an error of
	// the operating system. A module's own maximum, and one that the guest ends for, are not told.
	OnGrowRefused func(bytes int64, why error)

	// Offload runs a job that takes more than half a millisecond while the fiber is parked; nil: such
	// jobs run on the fiber. If Offload fails, Instantiate returns its error, and Offload must arrange
	// that discard is called when the job has ended, from any goroutine.
	Offload func(job, discard func()) error
}

// Allowance bounds the memory that an instance may hold without asking.
type Allowance = memory.Allowance

// Instance is an instantiated module. It belongs to one goroutine at a time.
type Instance struct {
	module    *Module
	host      Host
	account   *memory.Account
	guest     api.Module
	fuel      api.MutableGlobal
	stackLeft api.MutableGlobal // stack bytes left of those granted
	stack     stackBudget
	quantum   int64 // fuel of the last Refill

	tables tableMemory // all of it; wazero has addresses of parts of it

	// The last function that was called. Each handle has a call stack of its own, so only one is kept.
	export   string
	function api.Function
	ended    bool
	failure  error // result of instantiate

	onGrowRefused func(bytes int64, why error)
}

// Instantiate makes an instance. The caller must call Start next. Errors are ErrOutOfMemory,
// ErrNodeMemory, an error of the operating system if it has no address space left, an error of Offload
// or Allowance, or an *InternalError.
func (m *Module) Instantiate(config InstanceConfig) (_ *Instance, err error) {
	b := config.Host.binding()
	if b.instance != nil {
		return nil, errBound
	}
	m.retain()
	owned := true // this goroutine has to free i
	i := &Instance{
		module:  m,
		host:    config.Host,
		account: m.engine.pool.NewAccount(config.MemoryBytes, config.Allowance),
		stack:   newStackBudget(config.StackBytes),

		onGrowRefused: config.OnGrowRefused,
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
	if !m.reserveStart(i.account, config.HeldBytes) {
		return nil, refusal(i.account)
	}
	if i.tables, err = m.newTables(i.account); err != nil {
		return nil, err
	}
	b.instance = i
	if expected := m.instantiateTime(); config.Offload == nil || expected <= maxOnFiber {
		i.instantiate()
	} else if err := config.Offload(func() { i.instantiateInTurn(expected) }, i.free); err != nil {
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

// instantiate makes the wazero instance. It may run on any goroutine.
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
	dropWASIState(guest)
	i.guest = guest
}

// allocator gives wazero the instance's memory.
type allocator struct{ instance *Instance }

func (a allocator) Allocate(size, most uint64) experimental.LinearMemory {
	return &linear{a.instance.account.Allocate(size, most), a.instance}
}

// linear is the instance's memory. If the allowance denies memory, the guest ends; memory.grow does not
// return -1 then, since most programs would treat that as their own failure. Otherwise the owner learns of a
// refusal, since a program that then gives up rarely says why.
type linear struct {
	experimental.LinearMemory
	instance *Instance
}

func (l *linear) Reallocate(size uint64) []byte {
	b := l.LinearMemory.Reallocate(size)
	if b == nil && l.instance.guest != nil {
		l.instance.growRefused(int64(size))
	}
	return b
}

// growRefused ends the guest or tells the owner, after a memory.grow was refused.
func (i *Instance) growRefused(size int64) {
	why := refusal(i.account)
	if i.account.Denied() {
		Abort(why)
	}
	if i.onGrowRefused != nil {
		i.onGrowRefused(size, why)
	}
}

// instantiateInTurn waits for a place among the instantiators, which leave processors for the workers,
// and then calls instantiate.
func (i *Instance) instantiateInTurn(expected time.Duration) {
	e := i.module.engine
	if e.instantiators.acquire(e.ctx, expected, 0, nil) {
		defer e.instantiators.release(0)
	}
	i.instantiate()
}

// maxOnFiber is the longest instantiation that may run on the fiber, and so keep a worker.
const maxOnFiber = 500 * time.Microsecond

// instantiateTime estimates how long wazero takes to make an instance. (BenchmarkStart)
func (m *Module) instantiateTime() time.Duration {
	const (
		element = 200 * time.Nanosecond
		global  = 80 * time.Nanosecond
		segment = 5 * time.Nanosecond
		slot    = 1 * time.Nanosecond // of a table
		imports = 60 * time.Nanosecond
	)
	slots := m.info.TableElements
	if len(m.info.Tables) > 0 {
		slots = 0 // they are not made by wazero
	}
	return time.Duration(m.info.Elements)*element + time.Duration(m.info.Globals+len(m.info.LargeFrames))*global +
		time.Duration(m.info.Segments)*segment + time.Duration(slots)*slot + time.Duration(len(m.info.Imports))*imports
}

// refusal returns the error for an account's last refusal.
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

// reserveStart reserves the memory that an instance of the module starts with. wazero would panic if
// that memory were refused later.
func (m *Module) reserveStart(account *memory.Account, held int64) bool {
	if !account.Reserve(m.hostBytes + held) {
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

// StartBytes returns the memory that an instance starts with, not counting InstanceConfig.HeldBytes.
func (m *Module) StartBytes() int64 {
	bytes := m.hostBytes
	if m.info.HasMemory {
		bytes += int64(m.info.MinPages) * memory.PageBytes
	}
	return bytes
}

// HostBytes estimates the memory of an instance, besides its linear memory, that depends on its module: a pointer for
// each table slot, and a record for each element, global, segment and import. Tables count with their
// maximum size, since growing them is not checked. Records count only beyond what usual programs have.
func HostBytes(info *meter.Info) int64 {
	const element, global, segment, imported = 56, 96, 48, 48
	const usual = 64 << 10
	_, elements := tableBytes(info)
	tables := int64(info.TableElements) * slotBytes
	records := elements + int64(info.Elements)*element + int64(len(info.Imports))*imported +
		int64(info.Globals+len(info.LargeFrames))*global + int64(info.Segments)*segment
	return tables + max(records-usual, 0)
}

// attach finds the guest's counters and sets them.
func (i *Instance) attach() {
	i.fuel = i.guest.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal)
	i.stackLeft = i.guest.ExportedGlobal(meter.StackGlobal).(api.MutableGlobal)
	i.fuel.Set(uint64(i.quantum))
	i.stackLeft.Set(uint64(i.stack.granted))
	i.module.setFrames(i.guest)
}

// Call calls an exported function. See the package comment for its errors. After an error only Close may
// be called.
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

// Refill sets the fuel that the guest may burn from now on. It must not be called while guest code runs.
func (i *Instance) Refill(quantum int64) {
	i.quantum = quantum
	if i.fuel != nil {
		i.fuel.Set(uint64(quantum))
	}
}

// Burnt returns the fuel used since the last Refill, which it may exceed by less than the fuel of one
// check. It must not be called while guest code runs.
func (i *Instance) Burnt() int64 {
	if i.fuel == nil {
		return 0
	}
	return i.quantum - int64(i.fuel.Get())
}

// growStack grants more stack to a guest whose stack bytes are below zero, or returns the error with which
// it ends. The guest pays fuel for the grant, since wazero moves to a stack of twice the size.
func (i *Instance) growStack() error {
	left := int64(i.stackLeft.Get())
	if left >= 0 {
		return nil
	}
	more, err := i.stack.grow(-left, i.account)
	if err != nil {
		return err
	}
	i.stackLeft.Set(uint64(left + more))
	return i.burn(more * stackCost)
}

// Hold counts bytes that the host holds for the guest as its memory, and reports whether the guest's own limit has room for
// them. If the allowance denies them it ends the guest, as it does when the guest's memory grows. It is called on the
// instance's goroutine, in a host call.
func (i *Instance) Hold(bytes int64) bool {
	if i.account.Reserve(bytes) {
		return true
	}
	if i.account.Denied() {
		Abort(refusal(i.account))
	}
	return false
}

// Free stops counting bytes of Hold. Close does it for the rest.
func (i *Instance) Free(bytes int64) { i.account.Release(bytes) }

// Memory returns the guest's linear memory, or nil if the module has none.
func (i *Instance) Memory() api.Memory {
	if !i.module.info.HasMemory {
		return nil
	}
	return i.guest.Memory()
}

// Global returns what an exported global holds, as wazero has its bits; zero if there is no such export. It must not be
// called while guest code runs.
func (i *Instance) Global(export string) uint64 {
	if g := i.guest.ExportedGlobal(export); g != nil {
		return g.Get()
	}
	return 0
}

// PeakMemory returns the most bytes that the instance has held of linear memory, tables and grown call
// stack. It may be called from any goroutine.
func (i *Instance) PeakMemory() int64 { return i.account.Peak() }

// Close frees the instance and its memory. It may be called more than once, but not while guest code
// runs.
func (i *Instance) Close() {
	if i.module == nil {
		return
	}
	i.host.binding().release(i)
	i.free()
}

// free releases everything that the instance holds.
func (i *Instance) free() {
	if i.guest != nil {
		// It could only fail in closing a file system, which instances don't have.
		_ = i.guest.Close(context.Background())
	}
	i.account.Close()
	i.guest, i.fuel, i.stackLeft, i.function, i.tables = nil, nil, nil, nil, nil
	i.ended = true
	i.module.Release()
	i.module = nil
}
