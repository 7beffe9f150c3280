package wasip1

import (
	"fmt"
	"io"

	"github.com/reactord/reactord/executor/engine"
)

func procFunctions() []function {
	return []function{
		{"proc_exit", "i", procExit},
		{"proc_raise", "i", procRaise},
		{"sched_yield", "", schedYield},
		{"random_get", "ii", randomGet},
	}
}

// exit is the error with which proc_exit unwinds the guest. Run turns it into an abi.Exit.
type exit struct{ code uint32 }

func (e *exit) Error() string { return fmt.Sprintf("exit %d", e.code) }

// procExit: proc_exit(code). It does not return.
func procExit(_ *Process, _ memory, a args) errno {
	engine.Abort(&exit{a.u32(0)})
	return errnoSuccess
}

// Numbers of signals (enum signal) whose default action is not to terminate the process.
const (
	sigNone  = 0
	sigPipe  = 13
	sigChld  = 16
	sigCont  = 17
	sigStop  = 18
	sigTstp  = 19
	sigTtin  = 20
	sigTtou  = 21
	sigUrg   = 22
	sigWinch = 27
	sigLast  = 30
)

// procRaise: proc_raise(signal). Preview 1 has no signal handlers, so a signal has its default action: to do
// nothing, or to terminate, which is an exit with 128 plus the signal's number, as in shells. A process can't
// be stopped, since nothing could continue it.
func procRaise(_ *Process, _ memory, a args) errno {
	switch sig := a.u32(0); {
	case sig > sigLast:
		return errnoInval
	case sig == sigNone, sig == sigPipe, sig == sigChld, sig == sigCont, sig == sigUrg, sig == sigWinch:
		return errnoSuccess
	case sig >= sigStop && sig <= sigTtou:
		return errnoNotsup
	default:
		engine.Abort(&exit{128 + sig})
		return errnoSuccess
	}
}

// schedYield: sched_yield().
func schedYield(p *Process, _ memory, _ args) errno {
	p.charge(turnCost)
	if err := p.Preempt(); err != nil {
		engine.Abort(err)
	}
	return errnoSuccess
}

// turnCost is the cost of giving up the worker and getting it again.
const turnCost = 800

const (
	// randomChunk is the number of bytes that random_get makes between checks of the quantum.
	randomChunk = 16 << 10
	// randomCost is the cost of a random byte.
	randomCost = 8
)

// randomGet: random_get(buf, len). It must not be short, so it continues, chunk by chunk and quantum by
// quantum, until the buffer is full.
func randomGet(p *Process, m memory, a args) errno {
	ptr, n := a.u32(0), a.u32(1)
	if e := m.writable(ptr, n); e != errnoSuccess {
		return e
	}
	for n > 0 {
		p.charge(int64(min(n, randomChunk)) * randomCost)
		chunk, e := m.bytes(ptr, min(n, randomChunk))
		if e != errnoSuccess {
			return e
		}
		if _, err := io.ReadFull(p.granted.abi.random, chunk); err != nil {
			return errnoIo
		}
		ptr += uint32(len(chunk))
		n -= uint32(len(chunk))
	}
	return errnoSuccess
}
