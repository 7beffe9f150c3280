package component

import (
	"errors"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
)

// Process is one run of a component: a store, and the one call that is made of it.
type Process struct {
	Store
	entry entry
	root  rootCall
}

// entry is the call of a process.
type entry struct {
	lift *lift
	name string // of the export, for messages
	run  bool   // it is the start of a command
}

var (
	_ abi.Process = (*Process)(nil)
	_ abi.Active  = (*Process)(nil)
)

// NewProcess implements abi.Program.
func (p *Program) NewProcess(config *abi.Config) (abi.Process, error) {
	if config.Serve != nil {
		if services := p.abi.config.Services; services != nil {
			return services.New(p, config)
		}
		return nil, errNoServices
	}
	entry, err := p.entry(config)
	if err != nil {
		return nil, err
	}
	process := &Process{entry: entry}
	if config.Channels != nil {
		process.root.client = &clientCall{store: &process.Store, channels: config.Channels, name: entry.name}
	}
	if err := process.init(p, config); err != nil {
		return nil, err
	}
	return process, nil
}

// Turn implements abi.Process.
func (p *Process) Turn(f *executor.Fiber) (next executor.Next, done bool) {
	returned := false
	defer func() { done = p.turned(done, returned) }()
	if p.startup == nil {
		next, done = p.Store.Turn(f)
	} else {
		if a := p.begin(f); a != nil {
			p.fail(a.enter())
		}
		next, done = p.turn(f)
	}
	returned = true
	return next, done
}

// begin starts the store, and makes the call, which the caller enters: what begin has on the stack is not below it. It returns nil
// if the store has failed.
//
//go:noinline
func (p *Process) begin(f *executor.Fiber) *activation {
	call := p.startup.Call
	if err := p.Start(f); err != nil {
		p.fail(err)
		return nil
	}
	if !p.entry.run {
		if err := p.setArgs(call.Args); err != nil {
			p.fail(err)
			return nil
		}
	}
	p.root.ended = func() { p.loop.over = true }
	a, err := p.activate(p.entry.lift, p.entry.name, nil, &p.root)
	if err != nil {
		p.fail(err)
		return nil
	}
	if p.root.client != nil {
		p.root.client.begin(a, &p.root)
	}
	return a
}

// Result implements abi.Process.
func (p *Process) Result() (abi.Exit, error) {
	p.refused.ForgetOld(&p.Store.Call)
	return p.exit(p.loop.failure)
}

// setArgs makes the arguments of the call. Many of them are held, as so many bytes of the component's memory.
//
//go:noinline
func (p *Process) setArgs(literals []value.Literal) error {
	var err error
	args, faults := typedArgs(p.entry.lift.plan.Func, literals, func(values int) bool {
		bytes := int64(values * value.Bytes)
		err = engine.Protect(func() error {
			if !p.Hold(bytes) {
				return trapf("%s: the memory limit has no room for its arguments, which take %d bytes of the host's memory", p.entry.name, p.root.held+bytes)
			}
			p.root.held += bytes
			return p.Charge(int64(values) * literalCost)
		})
		return err == nil
	})
	if err == nil && len(faults) > 0 {
		err = &abi.EntryError{Export: p.entry.name, Msg: faults[0].Field + ": " + faults[0].Text}
	}
	p.root.args = args
	return err
}

// exit returns the Exit of a process whose call has ended.
//
//go:noinline
func (p *Process) exit(err error) (abi.Exit, error) {
	if err != nil {
		return exited(err)
	}
	result := p.entry.lift.plan.Func.Result
	switch {
	case p.root.client != nil: // it has the result
		return abi.Exit{}, nil
	case p.entry.run:
		return abi.Exit{Code: uint32(p.root.results[0].Bits)}, nil // ok is 0, error is 1
	case result == nil:
		return abi.Exit{}, nil
	}
	if size := value.LiteralSize(result, p.root.results[0]); size > abi.MaxResultBytes {
		p.root.results = nil
		return abi.Exit{}, &abi.ResultSizeError{Bytes: size}
	}
	literal := value.LiteralInPieces(result, p.root.results[0], func() {
		// A cancel comes too late: the function has returned.
		_ = p.Charge(value.PieceLiterals * literalCost)
	})
	p.root.results = nil
	return abi.Exit{Result: &literal}, nil
}

// literalCost is the fuel for a part of an argument or a result.
const literalCost = 100

// exited returns the Exit if err is an exit, otherwise err.
func exited(err error) (abi.Exit, error) {
	if exit, ok := errors.AsType[*Exit](err); ok {
		return abi.Exit{Code: exit.Code}, nil
	}
	return abi.Exit{}, err
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
