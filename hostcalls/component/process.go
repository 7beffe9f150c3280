package component

import (
	"errors"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
)

// Process is one run of a component: a store, and the one call that is made of it.
type Process struct {
	Store
	loaded  *Program
	entry   entry
	startup *abi.Config // nil once the store has started
}

// entry is the call of a process.
type entry struct {
	lift *lift
	name string // of the export, for messages
	args []value.Value
	run  bool // it is the start of a command
}

var _ abi.Process = (*Process)(nil)

// NewProcess implements abi.Program.
func (p *Program) NewProcess(config *abi.Config) (abi.Process, error) {
	entry, err := p.entry(config)
	if err != nil {
		return nil, err
	}
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config.SetDefaults()
	process := &Process{loaded: p, entry: entry, startup: config}
	process.init(p.definition)
	if p.abi.config.NewHost != nil {
		if process.host, err = p.abi.config.NewHost(&process.Store, config); err != nil {
			return nil, err
		}
	}
	return process, nil
}

// Run implements abi.Process.
func (p *Process) Run(f *executor.Fiber) (abi.Exit, error) {
	config := p.startup
	p.startup = nil
	p.Guest.Init(config.Driver, config.Owner)
	p.Call.Init(&p.Guest, f)
	f.SetMeter(&p.Store)
	p.loaded.retain()
	defer p.loaded.Release()
	defer p.close()
	if p.host != nil {
		if err := p.host.Open(); err != nil {
			return abi.Exit{}, err
		}
	}
	if err := p.start(p.loaded, p.limits(config), config.OnStart); err != nil {
		return exited(err)
	}
	defer p.refused.ForgetOld(&p.Store.Call)
	results, err := p.invoke(p.entry.lift, p.entry.name, p.entry.args)
	if err != nil {
		return exited(err)
	}
	return p.entry.exit(results)
}

// limits returns the limits of the store's instances.
func (p *Process) limits(config *abi.Config) engine.InstanceConfig {
	limits := engine.InstanceConfig{
		Host: &p.Store, MemoryBytes: config.MemoryBytes, StackBytes: config.StackBytes, HeldBytes: config.HeldBytes + p.heldBytes,
		Offload: p.offload, OnGrowRefused: p.refused.Memory(&p.Store.Call, config.MemoryBytes),
	}
	if memory := config.Memory; memory != nil {
		limits.Allowance = memory.Allowance()
		limits.Allowance.Ask = func(bytes int64) error { return p.Grow(memory, bytes) }
	}
	return limits
}

// offload runs a job of the engine on the blocking pool.
func (p *Process) offload(job, discard func()) error {
	return p.Blocking(hostcalls.Op{Kind: hostcalls.OpInstantiate}, driver.Lane{Kind: hostcalls.OpInstantiate.String()}, job, discard)
}

// exit returns the Exit of a process whose call has returned.
func (e *entry) exit(results []value.Value) (abi.Exit, error) {
	result := e.lift.plan.Func.Result
	switch {
	case e.run:
		return abi.Exit{Code: uint32(results[0].Bits)}, nil // ok is 0, error is 1
	case result == nil:
		return abi.Exit{}, nil
	}
	literal := value.LiteralOf(result, results[0])
	if size := literal.Size(); size > abi.MaxResultBytes {
		return abi.Exit{}, &abi.ResultSizeError{Bytes: size}
	}
	return abi.Exit{Result: &literal}, nil
}

// exited returns the Exit if err is an exit, otherwise err.
func exited(err error) (abi.Exit, error) {
	var exit *exit
	if errors.As(err, &exit) {
		return abi.Exit{Code: exit.code}, nil
	}
	return abi.Exit{}, err
}

// PeakMemory implements abi.Process.
func (p *Process) PeakMemory() int64 {
	if group := p.group.Load(); group != nil {
		return group.PeakMemory()
	}
	return 0
}

// Refusal implements abi.Process.
func (p *Process) Refusal() *abi.Refusal { return p.refused.Refusal() }

// ListenAddresses implements abi.Process.
func (p *Process) ListenAddresses() []string {
	if p.host == nil {
		return []string{}
	}
	return p.host.ListenAddresses()
}
