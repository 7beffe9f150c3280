package abi

import (
	"fmt"

	"github.com/reactord/reactord/executor/engine/snapshot"
)

// Sandbox is for a process that runs only for the state that it leaves: an instance of a probe, whose state is to become
// a module. Whatever would not be the same in another process is refused, which ends the process with a *ConfinedError:
// the state would depend on something that another process does not have. It reads an empty input, and writes to its
// sinks.
type Sandbox struct {
	Clock  bool // it may ask what time it is, and wait
	Random bool // it may ask for random numbers
	// Probe is what the program was loaded from, and MaxBytes bounds the memory that is not zero.
	Probe    *snapshot.Probe
	MaxBytes int
	// State is set by Run, if the program has returned.
	State *snapshot.State
}

// ConfinedError ends a process in a sandbox.
type ConfinedError struct {
	Call   string // that it has made
	Exited bool   // it has exited by the call, rather than returned
	Code   uint32 // with which it exited
}

func (e *ConfinedError) Error() string {
	if e.Exited {
		return fmt.Sprintf("it exited with status %d instead of returning", e.Code)
	}
	return "it called " + e.Call
}
