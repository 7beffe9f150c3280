package wasip1

import (
	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/snapshot"
	"github.com/reactord/reactord/hostcalls/abi"
)

// confined are the calls of a process in a sandbox: those that answer the same in every process without arguments, an
// environment and grants, or that only write output. Others have state behind them, which a module cannot start with:
// what is open, and what it waits for. One exception is whether the standard streams wait: Go programs set that first of
// all. In what starts from the snapshot they wait, which a program has to cope with.
var confined = map[string]permission{
	"args_get": always, "args_sizes_get": always, "environ_get": always, "environ_sizes_get": always,
	"fd_fdstat_set_flags": always, "fd_write": always, "fd_read": always, "fd_fdstat_get": always, "fd_filestat_get": always, "fd_prestat_get": always,
	"fd_prestat_dir_name": always, "fd_seek": always, "fd_tell": always, "sched_yield": always,
	"clock_res_get": always, "clock_time_get": withClock, "poll_oneoff": withClock, "random_get": withRandom,
	"proc_exit": exits, "proc_raise": exits,
}

// permission says when a process in a sandbox may make a call.
type permission byte

const (
	never permission = iota
	always
	withClock
	withRandom
	exits // it ends the process, which is told by its status
)

// confine ends a process in a sandbox that makes a call which it may not make.
func (p *Process) confine(call string, a args) {
	switch confined[call] {
	case always:
		return
	case withClock:
		if p.granted.sandbox.Clock {
			return
		}
	case withRandom:
		if p.granted.sandbox.Random {
			return
		}
	case exits:
		engine.Abort(&abi.ConfinedError{Call: call, Exited: true, Code: a.u32(0)})
	}
	engine.Abort(&abi.ConfinedError{Call: call})
}

// takeState reads the state of an instance whose program has returned. It charges for it, piece by piece.
func (p *Process) takeState(instance *engine.Instance) error {
	sandbox := p.granted.sandbox
	state := &snapshot.State{Globals: make([]uint64, len(sandbox.Probe.Globals))}
	for i, name := range sandbox.Probe.Globals {
		state.Globals[i] = instance.Global(name)
		if err := p.Charge(globalCost); err != nil {
			return err
		}
	}
	if err := p.takeReferences(instance, state); err != nil {
		return err
	}
	memory := instance.Memory()
	if memory == nil {
		sandbox.State = state
		return nil
	}
	state.Memory = sandbox.Probe.NewMemory(sandbox.MaxBytes)
	if err := p.takeMemory(memory, state.Memory); err != nil {
		return err
	}
	sandbox.State = state
	return nil
}

// takeMemory looks through the memory, and then reads what is not zero.
func (p *Process) takeMemory(memory api.Memory, into *snapshot.Memory) error {
	for at, size := uint32(0), memory.Size(); at < size; at += min(pieceBytes, size-at) {
		piece, _ := memory.Read(at, min(pieceBytes, size-at))
		if err := into.Append(piece); err != nil {
			return err
		}
		if err := p.Charge(copyCost(len(piece))); err != nil {
			return err
		}
	}
	return into.Fill(func(offset uint64, b []byte) error {
		piece, _ := memory.Read(uint32(offset), uint32(len(b)))
		copy(b, piece)
		return p.Charge(copyCost(len(b)))
	})
}

// takeReferences reads the references and tables that code may have changed, as far as they refer to functions of the module.
func (p *Process) takeReferences(instance *engine.Instance, state *snapshot.State) error {
	probe := p.granted.sandbox.Probe
	state.Functions, state.Tables = map[snapshot.Reference]uint32{}, map[uint32][]uint32{}
	for _, r := range probe.References {
		if function, ok := instance.FunctionOf(r.Name); ok {
			state.Functions[r] = function
		}
		if err := p.Charge(globalCost); err != nil {
			return err
		}
	}
	for _, table := range probe.Tables {
		all, known := []uint32{}, true
		for more := true; known && more; {
			var piece []uint32
			piece, more, known = instance.TableFunctions(table, len(all))
			all = append(all, piece...)
			if err := p.Charge(int64(len(piece)) * elementCost); err != nil {
				return err
			}
		}
		if known {
			state.Tables[table] = all
		}
	}
	return nil
}

// elementCost is the cost of reading an element of a table.
const elementCost = 20

// globalCost is the cost of reading a global, which is found by its name.
const globalCost = 100
