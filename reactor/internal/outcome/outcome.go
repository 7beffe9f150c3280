package outcome

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/store"
)

// Outcome is how an attempt ended.
type Outcome struct {
	State    api.State // final, or Pending if the workload is to be started again
	Reason   api.Reason
	ExitCode *uint32
	Message  string
	Results  []string
	Result   *value.Literal
	Crash    *api.Crash    // nil unless the guest crashed
	Peak     int64         // the most memory it used
	Fault    error         // of the daemon, for its log
	Trouble  retry.Trouble // if Pending: what it waits for before it is started again
	Cause    error         // of the trouble
}

// Interrupt is the cause with which the reactor cancels a task.
type Interrupt struct{ Cause lifecycle.Cause }

func (i Interrupt) Error() string { return "the workload was told to end: " + i.Cause.String() }

// Ended returns the outcome of a guest that ran, by what its process returned. refusal is what it was refused shortly
// before, or nil.
func Ended(exit abi.Exit, err error, refusal *abi.Refusal, limits api.Limits) Outcome {
	if err == nil {
		return exited(exit, refusal)
	}
	if trap, ok := errors.AsType[*engine.Trap](err); ok {
		return crashed(trap, refusal, limits)
	}
	return Failed(err, limits)
}

// exited returns the outcome of a guest that ended by itself.
func exited(exit abi.Exit, refusal *abi.Refusal) Outcome {
	o := Outcome{State: api.Succeeded, Reason: api.ReasonExit, ExitCode: &exit.Code, Results: exit.Results, Result: exit.Result}
	if exit.Code != 0 {
		o.State = api.Failed
		o.Message = fmt.Sprintf("the guest exited with code %d", exit.Code)
		if refused := refusalText(refusal, flagOf(refusal)); refused != "" {
			o.Message += "; shortly before, " + refused
		}
	}
	return o
}

// Failed returns the outcome of a guest that err ended, or kept from starting.
func Failed(err error, limits api.Limits) Outcome {
	if i, ok := errors.AsType[Interrupt](err); ok {
		return Interrupted(i.Cause, limits)
	}
	fail := func(reason api.Reason, format string, args ...any) Outcome {
		return Outcome{State: api.Failed, Reason: reason, Message: fmt.Sprintf(format, args...)}
	}
	if short, ok := errors.AsType[*NodeMemoryError](err); ok {
		return fail(api.ReasonNodeMemory, "%v", short)
	}
	if errors.Is(err, executor.ErrClosed) {
		return Interrupted(lifecycle.ByShutdown, limits)
	}
	if errors.Is(err, executor.ErrOutOfFuel) {
		return fail(api.ReasonOutOfFuel, "the guest used up its fuel of %d units (--fuel)", limits.Fuel)
	}
	if refused, ok := errors.AsType[*engine.StackRefusedError](err); ok {
		return stackRefused(refused, limits)
	}
	switch {
	case errors.Is(err, engine.ErrOutOfMemory):
		return fail(api.ReasonOutOfMemory, "the memory that the guest starts with is more than its limit of %s (--memory)", size(limits.MemoryBytes))
	case errors.Is(err, engine.ErrNodeMemory):
		return fail(api.ReasonNodeMemory, "the memory that the guest starts with is more than the node has for all guests: its operator can raise --node-memory")
	}
	if trap, ok := errors.AsType[*engine.Trap](err); ok {
		return crashed(trap, nil, limits)
	}
	if large, ok := errors.AsType[*abi.ResultSizeError](err); ok {
		return fail(api.ReasonResultTooLarge, "%v", large)
	}
	if denied, ok := errors.AsType[*capability.Error](err); ok {
		return fail(api.ReasonGrantDenied, "%v", denied)
	}
	if isModuleFault(err) {
		return fail(api.ReasonInvalidModule, "%v", err)
	}
	o := fail(api.ReasonInternal, "an internal fault of the daemon ended the guest: %v", err)
	o.Fault = err
	return o
}

// stackRefused returns the outcome of a guest whose call stack could not grow although its limit had room.
func stackRefused(err *engine.StackRefusedError, limits api.Limits) Outcome {
	o := Outcome{State: api.Failed}
	if errors.Is(err, engine.ErrOutOfMemory) {
		o.Reason = api.ReasonOutOfMemory
		o.Message = fmt.Sprintf("the guest's call stack, of %s so far, could not grow within its limit of %s: "+
			"with its memory it would be more than the workload's limit of %s (--memory)", size(uint64(err.Bytes)), size(limits.StackBytes), size(limits.MemoryBytes))
		return o
	}
	o.Reason = api.ReasonNodeMemory
	o.Message = fmt.Sprintf("the guest's call stack, of %s so far, could not grow within its limit of %s: "+
		"the node is short of memory (%v): submit it again when it has more", size(uint64(err.Bytes)), size(limits.StackBytes), err.Err)
	return o
}

// Interrupted returns the outcome of a workload that the reactor ended.
func Interrupted(cause lifecycle.Cause, limits api.Limits) Outcome {
	switch cause {
	case lifecycle.ByClient:
		return Outcome{State: api.Cancelled, Reason: api.ReasonCancelled, Message: "a client cancelled it"}
	case lifecycle.ByDeadline:
		return Outcome{State: api.Failed, Reason: api.ReasonDeadline, Message: fmt.Sprintf("its timeout of %v passed (--timeout)", limits.Timeout)}
	case lifecycle.ForMemory:
		return Outcome{State: api.Pending, Trouble: retry.NodeMemory, Cause: errSentBack}
	default:
		return Outcome{State: api.Pending}
	}
}

// TroubleOf returns the trouble of the host that kept a workload from starting. It is None if err is the workload's
// fault or a fault of the daemon.
func TroubleOf(err error) retry.Trouble {
	if denied, ok := errors.AsType[*capability.Error](err); ok {
		return grant.Trouble(denied)
	}
	if corrupt, ok := errors.AsType[*store.CorruptError](err); ok {
		if corrupt.Kind == store.KindModule {
			return retry.Damage
		}
		return retry.None
	}
	if errors.Is(err, engine.ErrModuleMemory) {
		return retry.Memory
	}
	if transient, ok := errors.AsType[*engine.TransientError](err); ok {
		if t := retry.OfFile(transient); t != retry.None {
			return t
		}
		return retry.Compiler
	}
	switch {
	case isModuleFault(err):
		return retry.None
	case errors.Is(err, store.ErrFull):
		return retry.Space
	}
	if t := retry.OfFile(err); t != retry.None {
		return t
	}
	if errors.Is(err, store.ErrUnavailable) {
		return retry.Disk
	}
	return retry.None
}

// TroubleText says for clients what kept a workload from starting.
func TroubleText(err error) string {
	if corrupt, ok := errors.AsType[*store.CorruptError](err); ok && corrupt.Kind == store.KindModule {
		return corrupt.Name + " is damaged on disk"
	}
	return err.Error()
}

// isModuleFault distinguishes faults of a module from faults of the daemon.
func isModuleFault(err error) bool {
	if _, ok := errors.AsType[*abi.EntryError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*abi.UnknownKindError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*abi.MissingImportsError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*meter.Error](err); ok {
		return true
	}
	_, ok := errors.AsType[*engine.UnknownImportError](err)
	return ok
}
