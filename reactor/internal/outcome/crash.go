package outcome

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
)

// crashed returns the outcome of a guest that trapped. Its functions have the names that the module has.
func crashed(trap *engine.Trap, refusal *abi.Refusal, limits api.Limits) Outcome {
	o := Outcome{State: api.Failed, Reason: api.ReasonTrap, Crash: &api.Crash{Trap: trap.Message, Cause: refusalText(refusal, "")}}
	for _, f := range trap.Frames {
		o.Crash.Frames = append(o.Crash.Frames, api.StackFrame{Function: f.Function, FunctionIndex: f.Index, CodeOffset: uint64(f.Offset)})
	}
	if trap.More {
		o.Crash.FramesOmitted = 1
	}
	switch refused := refusalText(refusal, flagOf(refusal)); {
	case trap.Code == engine.StackOverflow:
		o.Reason = api.ReasonStackOverflow
		o.Crash.Cause = ""
		o.Message = fmt.Sprintf("the guest's call stack outgrew its limit of %s (--stack)", size(limits.StackBytes))
	case refused != "" && gaveUp(trap.Code):
		o.Message = fmt.Sprintf("the guest crashed: %s; it then %s", refused, deed(trap))
	default:
		o.Crash.Cause = ""
		o.Message = fmt.Sprintf("the guest crashed: it %s", deed(trap))
	}
	return o
}

// gaveUp reports whether a program that was refused something may trap so: because it aborts, or because it goes on
// without it.
func gaveUp(code engine.TrapCode) bool {
	return code == engine.Unreachable || code == engine.MemoryOutOfBounds
}

// deed says what the guest did that trapped.
func deed(trap *engine.Trap) string {
	switch trap.Code {
	case engine.Unreachable:
		return "executed unreachable, as programs do that panic or abort"
	case engine.MemoryOutOfBounds:
		if recurses(trap) {
			return "used memory out of bounds, probably because it called itself too deeply: the stack that C and Rust keep in memory has its size from the linker (-z stack-size)"
		}
		return "used memory out of bounds"
	case engine.InvalidTableAccess:
		return "called a function, or used a table, by an index that is not valid (invalid table access)"
	case engine.IndirectCallMismatch:
		return "called a function pointer of another type (indirect call type mismatch)"
	case engine.IntegerDivideByZero:
		return "divided by zero"
	case engine.IntegerOverflow:
		return "computed a number that its type can't hold (integer overflow)"
	case engine.InvalidConversion:
		return "converted a number that is not one to an integer (invalid conversion)"
	}
	return "trapped: " + trap.Message
}

// recurses reports whether the innermost calls, more than are kept of a stack, are all of a few functions.
func recurses(trap *engine.Trap) bool {
	const few = 4
	functions := map[uint32]bool{}
	for _, f := range trap.Frames {
		functions[f.Index] = true
	}
	return trap.More && len(functions) <= few
}

// refusalText says what was refused, and by which limit; flag names the limit's flag, if it is to be told.
func refusalText(r *abi.Refusal, flag string) string {
	if r == nil {
		return ""
	}
	if flag != "" {
		flag = " (" + flag + ")"
	}
	switch r.Kind {
	case abi.RefusedMemory:
		switch {
		case r.Limit == 0:
			return fmt.Sprintf("memory.grow to %s was refused: the system has no memory left", size(uint64(r.Want)))
		case r.Want <= r.Limit:
			return fmt.Sprintf("memory.grow to %s was refused: with the guest's stack and tables it would exceed the limit of %s%s",
				size(uint64(r.Want)), size(uint64(r.Limit)), flag)
		}
		return fmt.Sprintf("memory.grow to %s was refused: the limit is %s%s", size(uint64(r.Want)), size(uint64(r.Limit)), flag)
	case abi.RefusedDescriptor:
		return fmt.Sprintf("another descriptor was refused: the limit is %d%s", r.Limit, flag)
	case abi.RefusedStream:
		return fmt.Sprintf("its pipe with %s broke: %s", r.Peer, r.Why)
	case abi.RefusedTLS, abi.RefusedRevoked:
		return r.Why
	case abi.RefusedSocket:
		if r.Limit == 0 {
			return "another socket was refused: there is no memory left for it" + flag
		}
		return fmt.Sprintf("another socket was refused: the limit is %d%s", r.Limit, flag)
	case abi.RefusedSending:
		return fmt.Sprintf("sending more was refused: the limit is %s in all%s", size(uint64(r.Limit)), flag)
	case abi.RefusedReceiving:
		return fmt.Sprintf("receiving more was refused: the limit is %s in all%s", size(uint64(r.Limit)), flag)
	case abi.RefusedOperations:
		return fmt.Sprintf("waiting for %d operations at once was refused: the limit is %d%s", r.Want, r.Limit, flag)
	}
	return ""
}

// flagOf is the flag of reactorctl that raises the limit.
func flagOf(r *abi.Refusal) string {
	if r == nil {
		return ""
	}
	switch r.Kind {
	case abi.RefusedMemory:
		return "--memory"
	case abi.RefusedDescriptor:
		return "--descriptors"
	case abi.RefusedOperations:
		return "--pending-ops"
	case abi.RefusedSending:
		return "--sent-bytes"
	case abi.RefusedReceiving:
		return "--received-bytes"
	case abi.RefusedSocket:
		if r.Limit == 0 {
			return "--memory"
		}
		return "--connections"
	}
	return ""
}

// size returns a number of bytes as people write it. Unlike most such functions it distinguishes sizes that differ by a
// page of 64 KiB, since "16 MiB is more than 16 MiB" helps nobody.
func size(bytes uint64) string {
	const kib, mib, gib = 1 << 10, 1 << 20, 1 << 30
	unit, name := uint64(1), "bytes"
	switch {
	case bytes >= gib && bytes%gib == 0:
		unit, name = gib, "GiB"
	case bytes >= mib:
		unit, name = mib, "MiB"
	case bytes >= kib:
		unit, name = kib, "KiB"
	}
	number := strconv.FormatFloat(float64(bytes)/float64(unit), 'f', 2, 64)
	return strings.TrimRight(strings.TrimRight(number, "0"), ".") + " " + name
}
