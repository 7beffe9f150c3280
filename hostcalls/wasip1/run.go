package wasip1

import (
	"errors"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
)

// Turn implements abi.Process: a program of preview 1 runs to its end in one turn.
func (p *Process) Turn(f *executor.Fiber) (next executor.Next, done bool) {
	exit, err := p.Run(f)
	p.startup = &startup{exit: exit, err: err}
	return executor.End(), true
}

// Result implements abi.Process.
func (p *Process) Result() (abi.Exit, error) { return p.startup.exit, p.startup.err }

// Run runs the program to its end. It calls a command's _start, or a reactor's _initialize, if it has one, and then
// the invoked export.
func (p *Process) Run(f *executor.Fiber) (abi.Exit, error) {
	startup := p.startup
	p.enter(f, startup.config)
	defer p.close()
	if err := p.openGrants(startup.config); err != nil {
		return abi.Exit{}, err
	}
	instance, err := p.instantiate(startup)
	if err != nil {
		return exited(err)
	}
	defer func() {
		p.Fiber().SetMeter(nil)
		instance.Close()
		p.Fiber().SetMeter(p)
	}()
	entry := startup.entry
	p.startup = nil
	defer p.refused.ForgetOld(&p.Call)
	exit, err := entry.call(instance)
	if err == nil && p.sandboxed {
		err = p.takeState(instance)
	}
	return exit, err
}

// enter sets the process up to run on a fiber.
func (p *Process) enter(f *executor.Fiber, config *abi.Config) {
	p.Guest.Init(config.Driver, config.Owner)
	p.Call.Init(&p.Guest, f)
	f.SetMeter(p)
}

// instantiate makes the instance and calls OnStart.
func (p *Process) instantiate(startup *startup) (*engine.Instance, error) {
	p.memoryless = !startup.module.Info().HasMemory
	// The engine's fuel counter exists only from here on, so the meter is set again.
	defer func() { p.Fiber().SetMeter(p) }()
	config := engine.InstanceConfig{
		Host: p, MemoryBytes: startup.config.MemoryBytes, StackBytes: startup.config.StackBytes,
		HeldBytes: startup.config.HeldBytes + p.granted.heldBytes, Offload: p.offload, OnGrowRefused: p.refused.Memory(&p.Call, startup.config.MemoryBytes),
	}
	if memory := startup.config.Memory; memory != nil {
		config.Allowance = memory.Allowance()
		config.Allowance.Ask = func(bytes int64) error { return p.Grow(memory, bytes) }
	}
	instance, err := startup.module.Instantiate(config)
	if err != nil {
		return nil, err
	}
	p.instance.Store(instance)
	if startup.config.OnStart != nil {
		startup.config.OnStart()
	}
	return instance, nil
}

// offload runs a job of the engine on the blocking pool.
func (p *Process) offload(job, discard func()) error {
	return p.Blocking(hostcalls.Op{Kind: hostcalls.OpInstantiate}, driver.Lane{Kind: hostcalls.OpInstantiate.String()}, job, discard)
}

// call starts an instance and calls its entry.
func (e *entry) call(instance *engine.Instance) (abi.Exit, error) {
	if err := instance.Start(); err != nil {
		return exited(err)
	}
	if e.initialize {
		if _, err := instance.Call(reactorInitialize); err != nil {
			return exited(err)
		}
	}
	results, err := instance.Call(e.export, e.params...)
	if err != nil {
		return exited(err)
	}
	return abi.Exit{Results: formatResults(e.results, results)}, nil
}

// exited returns the Exit if err is an exit, otherwise err.
func exited(err error) (abi.Exit, error) {
	var exit *exit
	if errors.As(err, &exit) {
		return abi.Exit{Code: exit.code}, nil
	}
	return abi.Exit{}, err
}
