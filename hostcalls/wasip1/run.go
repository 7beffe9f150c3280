package wasip1

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls"
)

// Names of the exports that make a module a program (of the application ABI of preview 1): a
// command has the first; a reactor may have the second, which is called once before any other.
const (
	commandStart      = "_start"
	reactorInitialize = "_initialize"
)

// Exit is how a program ended that ended by itself.
type Exit struct {
	Code    uint32   // of proc_exit; 0 if the function returned
	Results []string // of the invoked export, as text
}

// EntryError says that a module can't be entered as it was asked for.
type EntryError struct {
	Export string
	Msg    string
}

func (e *EntryError) Error() string { return fmt.Sprintf("export %q: %s", e.Export, e.Msg) }

// Run instantiates a module and runs it to its end: a command (invoke is empty) by its _start, a
// reactor by its _initialize, if it has one, and then the export invoke. The arguments after the
// program's name are the parameters of that export, written as numbers.
//
// An error is an *EntryError, an *engine.Trap, an *engine.StackRefusedError, an
// *engine.InternalError, or the cause of a cancel; before Config.OnStart also one of those for want of
// memory that engine.Module.Instantiate has. The instance is gone when Run returns; the process can not run another.
func (p *Process) Run(mod *engine.Module, memoryBytes, stackBytes int64, invoke string) (Exit, error) {
	info := mod.Info()
	call, err := planEntry(info, invoke, p.args.values)
	if err != nil {
		return Exit{}, err
	}
	p.memoryless = !info.HasMemory

	// The engine's fuel counter exists once the module is instantiated, so the meter is set anew: for
	// what follows, and before the counter goes, for the end.
	instance, err := mod.Instantiate(engine.InstanceConfig{
		Host: p, MemoryBytes: memoryBytes, StackBytes: stackBytes, HeldBytes: p.held, Offload: p.offload,
	})
	if err != nil {
		p.Fiber().SetMeter(p)
		return exited(err)
	}
	p.instance.Store(instance)
	if p.onStart != nil {
		p.onStart()
	}
	p.Fiber().SetMeter(p)
	defer func() {
		p.Fiber().SetMeter(nil)
		instance.Close()
		p.Fiber().SetMeter(p)
	}()

	if err := instance.Start(); err != nil {
		return exited(err)
	}
	if call.initialize {
		if _, err := instance.Call(reactorInitialize); err != nil {
			return exited(err)
		}
	}
	results, err := instance.Call(call.export, call.params...)
	if err != nil {
		return exited(err)
	}
	return Exit{Results: formatResults(call.results, results)}, nil
}

// offload has the engine work on the blocking pool.
func (p *Process) offload(job, discard func()) error {
	return p.Blocking(hostcalls.Op{Kind: opInstantiate}, driver.Lane{Kind: opInstantiate}, job, discard)
}

// exited tells an exit from a failure.
func exited(err error) (Exit, error) {
	var exit *exit
	if errors.As(err, &exit) {
		return Exit{Code: exit.code}, nil
	}
	return Exit{}, err
}

// entry is how a module is entered.
type entry struct {
	initialize bool
	export     string
	params     []uint64
	results    []string // their types
}

// planEntry decides how to enter a module, of which args[1:] are the parameters if it is invoked.
func planEntry(info *meter.Info, invoke string, args []string) (entry, error) {
	if invoke == "" {
		if _, err := exportedFunction(info, commandStart); err != nil {
			return entry{}, err
		}
		return entry{export: commandStart}, nil
	}
	signature, err := exportedFunction(info, invoke)
	if err != nil {
		return entry{}, err
	}
	e := entry{export: invoke, results: signature.results}
	if invoke != reactorInitialize {
		_, err := exportedFunction(info, reactorInitialize)
		e.initialize = err == nil
	}
	e.params, err = parseParams(signature.params, args[min(1, len(args)):])
	if err != nil {
		return entry{}, &EntryError{invoke, err.Error()}
	}
	return e, nil
}

func exportedFunction(info *meter.Info, name string) (signature, error) {
	for _, e := range info.Exports {
		switch {
		case e.Name != name:
		case e.Kind != meter.FuncExtern:
			return signature{}, &EntryError{name, "it is a " + string(e.Kind) + ", not a function"}
		default:
			return parseSignature(e.Type), nil
		}
	}
	return signature{}, &EntryError{name, "the module has no such export"}
}
