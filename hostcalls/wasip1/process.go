package wasip1

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/refusal"
)

// Process is one run of a preview 1 program.
type Process struct {
	hostcalls.Guest
	hostcalls.Call
	fds        table
	stdin      stdin
	stdout     stdout
	stderr     stdout
	args       stringList
	env        stringList
	started    time.Time // zero of the monotonic clock
	pendingOps uint32    // bound on the subscriptions of a poll
	memoryless bool      // the module has no memory
	sandboxed  bool      // granted.sandbox is set
	startup    *startup  // nil while the instance exists
	granted    *granted
	refused    refusal.Last
	instance   atomic.Pointer[engine.Instance] // for PeakMemory
}

// startup holds what only the start of a process needs, and how it has ended.
type startup struct {
	exit   abi.Exit
	err    error
	module *engine.Module
	entry  entry
	config *abi.Config
}

// newProcess makes a process with its stdio open. An error is a fault of config.
func newProcess(a *ABI, config *abi.Config) (*Process, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config.SetDefaults()
	p := &Process{
		args:       newStringList(config.Args),
		env:        newStringList(config.Env),
		started:    time.Now(),
		pendingOps: uint32(min(config.PendingOps, math.MaxUint32)),
		sandboxed:  config.Sandbox != nil,
	}
	p.granted = newGranted(p, a, config)
	p.fds.init(config.Descriptors, config.Budget, &p.Guest)
	p.openStdio(config)
	return p, nil
}

// ListenAddresses implements abi.Process.
func (p *Process) ListenAddresses() []string { return p.granted.ListenAddresses() }

// PeakMemory implements abi.Process.
func (p *Process) PeakMemory() int64 {
	if i := p.instance.Load(); i != nil {
		return i.PeakMemory()
	}
	return 0
}

// close closes the descriptors, except for the standard streams, which are the caller's. It does not wait, but gives the
// worker up now and then if there are many.
func (p *Process) close() {
	for _, d := range p.fds.entries {
		switch d.(type) {
		case nil, *stdin, *stdout:
			continue
		}
		p.drop(d)
		p.YieldIfSpent()
	}
	p.fds.entries = nil
	p.granted.Close()
	p.Fiber().SetMeter(nil)
}

// memoryOf returns the memory of the calling module.
func (p *Process) memoryOf(mod api.Module) memory {
	if p.memoryless {
		return memory{}
	}
	return memory{mod.Memory()}
}

// Costs of host calls in units of fuel, fitted to the time that they take. TestEveryCallIsCharged checks what
// is charged and in which pieces; BenchmarkCharges compares charges with time.
const (
	// callCost is the cost of any host call.
	callCost = 200
	// pieceBytes is the number of bytes copied between checks of the quantum: some microseconds.
	pieceBytes = 64 << 10
	// iovecCost is the cost of a buffer of a list, for each pass over the list.
	iovecCost = 30
)

// copyCost is the cost of copying n bytes: an eighth of a unit for each.
func copyCost(n int) int64 { return int64(n) >> 3 }

// charge is Charge for host calls: it ends the guest if it is cancelled or out of fuel.
func (p *Process) charge(units int64) {
	if err := p.Charge(units); err != nil {
		engine.Abort(err)
	}
}

// sleep is Sleep for host calls: it ends the guest if it is cancelled.
func (p *Process) sleep(due time.Time) {
	if err := p.Sleep(due); err != nil {
		engine.Abort(err)
	}
}

// await is Await for host calls: it ends the guest if it is cancelled. It charges, so that a stream that
// always notifies and is never ready does not keep the worker.
func (p *Process) await(due time.Time, waits ...hostcalls.Wait) {
	p.charge(callCost)
	if err := p.Await(due, waits...); err != nil {
		engine.Abort(err)
	}
}

// awaitAny is AwaitAny for host calls, in the way of await.
func (p *Process) awaitAny(due time.Time, waits ...hostcalls.Wait) {
	p.charge(callCost)
	if err := p.AwaitAny(due, waits...); err != nil {
		engine.Abort(err)
	}
}

// blocking runs a job on what is open through a grant, as files.Folders.Do does. If the grant is revoked it returns
// errnoNotcapable.
func (p *Process) blocking(by *lease.Lease, op hostcalls.Op, job, discard func()) errno {
	return errnoOf(p.granted.Folders.Do(&p.Call, by, op, job, discard))
}

// net returns the process's network.
func (p *Process) net() *network.Network { return p.granted.Network() }

// drop closes a descriptor that was in the table, and gives back its share of the budget.
func (p *Process) drop(d descriptor) {
	d.stat().giveUp()
	d.close(p, func() { p.fds.returnBudget(d) })
}

// install adds a new descriptor to the table and writes its number to ptr. If there is no room for it, it is closed.
func (p *Process) install(m memory, d descriptor, ptr uint32) errno {
	fd, e := p.fds.add(d)
	if e != errnoSuccess {
		p.discard(d)
		return errnoMfile // whether the table is full, or the host has no descriptor left
	}
	return m.putUint32(ptr, fd)
}

// discard closes a descriptor that was never in the table.
func (p *Process) discard(d descriptor) {
	d.stat().giveUp()
	d.close(p, func() {})
}
