package reactor

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
)

// outcome is how an attempt ended.
type outcome struct {
	state    State // a last one, or Pending: the workload is to be started anew
	reason   Reason
	exitCode *uint32
	message  string
	results  []string
	peak     int64 // of its memory
	fault    error // of the daemon, for its log
}

// interrupt is the cause with which the reactor cancels a task.
type interrupt struct{ cause lifecycle.Cause }

func (i interrupt) Error() string { return "the workload was told to end: " + i.cause.String() }

// exited is the outcome of a guest that ended by itself.
func exited(exit wasip1.Exit) outcome {
	o := outcome{state: Succeeded, reason: ReasonExit, exitCode: &exit.Code, results: exit.Results}
	if exit.Code != 0 {
		o.state = Failed
		o.message = fmt.Sprintf("the guest exited with code %d", exit.Code)
	}
	return o
}

// failed is the outcome of a guest that was ended, or could not be started, by err. It is pure.
func failed(err error, limits Limits) outcome {
	if i, ok := errors.AsType[interrupt](err); ok {
		return interrupted(i.cause, limits)
	}
	fail := func(reason Reason, format string, args ...any) outcome {
		return outcome{state: Failed, reason: reason, message: fmt.Sprintf(format, args...)}
	}
	if errors.Is(err, executor.ErrClosed) {
		return interrupted(lifecycle.ByShutdown, limits)
	}
	if errors.Is(err, executor.ErrOutOfFuel) {
		return fail(ReasonOutOfFuel, "the guest used up its fuel, %d units", limits.Fuel)
	}
	if errors.Is(err, engine.ErrOutOfMemory) {
		return fail(ReasonOutOfMemory, "the memory that the guest starts with could not be had, within its limit of %d bytes and the node's", limits.MemoryBytes)
	}
	if trap, ok := errors.AsType[*engine.Trap](err); ok {
		if trap.Code == engine.StackOverflow {
			return fail(ReasonStackOverflow, "the guest's call stack outgrew its limit of %d bytes: %v", limits.StackBytes, trap)
		}
		return fail(ReasonTrap, "%v", trap)
	}
	if denied, ok := errors.AsType[*hostcalls.GrantError](err); ok {
		return fail(ReasonGrantDenied, "%v", denied)
	}
	if isModuleFault(err) {
		return fail(ReasonInvalidModule, "%v", err)
	}
	o := fail(ReasonInternal, "an internal fault of the daemon ended the guest: %v", err)
	o.fault = err
	return o
}

// interrupted is the outcome of a workload that the reactor ended.
func interrupted(cause lifecycle.Cause, limits Limits) outcome {
	switch cause {
	case lifecycle.ByClient:
		return outcome{state: Cancelled, reason: ReasonCancelled, message: "a client cancelled it"}
	case lifecycle.ByDeadline:
		return outcome{state: Failed, reason: ReasonDeadline, message: fmt.Sprintf("its timeout of %v passed", limits.Timeout)}
	default:
		return outcome{state: Pending}
	}
}

// isModuleFault tells faults of a module from faults of the daemon.
func isModuleFault(err error) bool {
	if _, ok := errors.AsType[*wasip1.EntryError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*meter.Error](err); ok {
		return true
	}
	_, ok := errors.AsType[*engine.UnknownImportError](err)
	return ok
}
