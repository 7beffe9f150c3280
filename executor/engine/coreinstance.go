package engine

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/reactord/reactord/executor/engine/memory"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// CoreInstance is an instance of one module of a guest. It belongs to the goroutine of its guest.
type CoreInstance struct {
	*shared
	module *Module
	guest  api.Module
	memory *memory.Memory // that the module defines; nil: none
	tables tableMemory    // all of it; wazero has addresses of parts of it
	member *member        // nil: it is that of an Instance

	// The counters; nil before there are any.
	fuel, stackLeft api.MutableGlobal
}

// member is what a core instance of a group has besides.
type member struct {
	group     *Group
	stack     int64      // granted to it
	providers []Provider // while it is made
	globals   []uint32   // values of the imported globals, while it is made, if a segment's offset depends on one
}

// make makes the instance: it reserves its memory, which is held bytes besides that of the module, and has wazero
// instantiate the module. The caller has retained the module, and closes the instance in any case, except if make returns
// abandoned: then Offload frees the owner, or has done so.
func (c *CoreInstance) make(held int64) (abandoned bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v, debug.Stack())
		}
	}()
	if !c.reserveStart(held) {
		return false, refusal(c.account)
	}
	if c.tables, err = c.module.newTables(c.account); err != nil {
		return false, err
	}
	if expected := c.module.instantiateTime(); c.offload == nil || expected <= maxOnFiber {
		err = c.instantiate()
	} else if abandoned, err = c.instantiateOffloaded(expected); abandoned {
		return true, err
	}
	if err == nil {
		c.fuel = c.guest.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal)
		c.stackLeft = c.guest.ExportedGlobal(meter.StackGlobal).(api.MutableGlobal)
		c.module.setFrames(c.guest)
	}
	return false, err
}

// instantiate makes the wazero instance. It may run on any goroutine.
func (c *CoreInstance) instantiate() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v, debug.Stack())
		}
	}()
	ctx := experimental.WithMemoryAllocator(context.Background(), allocator{c})
	if c.member != nil {
		ctx = experimental.WithImportResolver(ctx, resolver(c.member.providers))
	}
	guest, err := c.module.runtime.InstantiateModule(ctx, c.module.compiled, c.engine.instances)
	switch {
	case err == nil:
	case c.member != nil:
		return &LinkError{err}
	default:
		return &InternalError{Err: err}
	}
	c.engine.fields.dropWASIState(guest)
	c.guest = guest
	return nil
}

// instantiateOffloaded has Offload make the wazero instance.
func (c *CoreInstance) instantiateOffloaded(expected time.Duration) (abandoned bool, err error) {
	var failure error
	if err := c.offload(func() { failure = c.instantiateInTurn(expected) }, c.owner.free); err != nil {
		c.account.Abandon()
		return true, err
	}
	return false, failure
}

// allocator gives wazero the instance's memory.
type allocator struct{ instance *CoreInstance }

func (a allocator) Allocate(_, _ uint64) experimental.LinearMemory {
	return &linear{a.instance.memory, a.instance}
}

// linear is the instance's memory. If the allowance denies memory, the guest ends; memory.grow does not
// return -1 then, since most programs would treat that as their own failure. Otherwise the owner learns of a
// refusal, since a program that then gives up rarely says why.
type linear struct {
	*memory.Memory
	instance *CoreInstance
}

func (l *linear) Reallocate(size uint64) []byte {
	b := l.Memory.Reallocate(size)
	if b == nil && l.instance.guest != nil {
		l.instance.growRefused(int64(size))
	}
	return b
}

// growRefused ends the guest or tells the owner, after a memory.grow was refused.
func (c *CoreInstance) growRefused(size int64) {
	why := refusal(c.account)
	if c.account.Denied() {
		Abort(why)
	}
	if c.onGrowRefused != nil {
		c.onGrowRefused(size, why)
	}
}

// instantiateInTurn waits for a place among the instantiators, which leave processors for the workers,
// and then calls instantiate.
func (c *CoreInstance) instantiateInTurn(expected time.Duration) error {
	e := c.engine
	if e.instantiators.acquire(e.ctx, expected, 0, nil) {
		defer e.instantiators.release(0)
	}
	return c.instantiate()
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
	if m.info.Tables != nil {
		slots = 0 // they are not made by wazero
	}
	return time.Duration(m.info.Elements)*element + time.Duration(m.info.Globals+len(m.info.LargeFrames))*global +
		time.Duration(m.info.Segments)*segment + time.Duration(slots)*slot + time.Duration(len(m.info.Imports))*imports
}

// reserveStart reserves the memory that an instance of the module starts with. wazero would panic if
// that memory were refused later.
func (c *CoreInstance) reserveStart(held int64) bool {
	info := c.module.info
	if !c.account.Reserve(c.module.hostBytes + held) {
		return false
	}
	if !info.HasMemory || info.MemoryImported {
		return true
	}
	most := int64(wasm.MaxPages)
	if info.HasMaxPages {
		most = min(most, int64(info.MaxPages))
	}
	c.memory = c.account.NewMemory(most * memory.PageBytes)
	return c.memory.Reallocate(uint64(info.MinPages)*uint64(memory.PageBytes)) != nil
}

// StartBytes returns the memory that an instance starts with, not counting InstanceConfig.HeldBytes.
func (m *Module) StartBytes() int64 {
	bytes := m.hostBytes
	if m.info.HasMemory && !m.info.MemoryImported {
		bytes += int64(m.info.MinPages) * memory.PageBytes
	}
	return bytes
}

// HostBytes estimates the memory of an instance, besides its linear memory, that depends on its module: a pointer for
// each table slot, and a record for each element, global, segment and import. Tables count with their
// maximum size, since growing them is not checked. Records count only beyond what usual programs have.
func HostBytes(info *meter.Info) int64 {
	const usual = 64 << 10
	return hostBytes(info, usual)
}

// hostBytes is HostBytes, where usual is the size of records of usual programs.
func hostBytes(info *meter.Info, usual int64) int64 {
	const element, global, segment, imported = 56, 96, 48, 48
	_, elements := tableBytes(info)
	tables := int64(info.TableElements) * slotBytes
	records := elements + int64(info.Elements)*element + int64(len(info.Imports))*imported +
		int64(info.Globals+len(info.LargeFrames))*global + int64(info.Segments)*segment
	return tables + max(records-usual, 0)
}

// Memory returns the linear memory of the instance, its own or an imported one, or nil if it has none.
func (c *CoreInstance) Memory() api.Memory {
	if !c.module.info.HasMemory {
		return nil
	}
	return c.guest.Memory()
}

func (c *CoreInstance) exports() api.Module { return c.guest }

// Global returns what an exported global holds, as wazero has its bits; zero if there is no such export. It must not be
// called while guest code runs.
func (c *CoreInstance) Global(export string) uint64 {
	if g := c.guest.ExportedGlobal(export); g != nil {
		return g.Get()
	}
	return 0
}

// close frees the instance, but not its memory.
func (c *CoreInstance) close() {
	if c.guest != nil {
		closeInstance(c.guest)
	}
	c.guest, c.memory, c.tables, c.fuel, c.stackLeft = nil, nil, nil, nil, nil
	c.module.Release()
}
