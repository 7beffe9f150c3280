package snapshots

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
	"github.com/reactord/reactord/executor/engine/snapshot"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/internal/clip"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/internal/stdio"
	"github.com/reactord/reactord/reactor/store"
)

// timeoutError ends a sandbox that takes too long.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string { return fmt.Sprintf("it had not returned after %v", e.after) }

// failure is how a sandbox ended, and what it was refused before.
type failure struct {
	err     error
	refused *abi.Refusal
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// refuse converts an error for clients.
func (m *Maker) refuse(digest store.Digest, output *stdio.Beginning, err error) error {
	if _, ok := errors.AsType[*errs.Error](err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, executor.ErrClosed) {
		return refusal.Draining()
	}
	if fault, ok := errors.AsType[*wasm.Error](err); ok && fault.Kind == wasm.TooLarge {
		return tooLarge(digest, fault.Error())
	}
	text := m.why(err)
	if text == "" {
		return errs.Wrap(err, "snapshot")
	}
	if output != nil && len(output.Kept) > 0 {
		const most = 1 << 10
		text += "\nit printed:\n" + clip.Text(string(output.Kept), most)
	}
	e := errs.Module(errs.SnapshotFailed, digest.String(), "there is no snapshot: %s", text)
	e.Cause = err
	return e
}

// why says why there is no snapshot, unless the daemon is at fault.
func (m *Maker) why(err error) string {
	if call, ok := errors.AsType[*abi.ConfinedError](err); ok {
		return refusedCall(call)
	}
	if state, ok := errors.AsType[*snapshot.StateError](err); ok {
		return state.Error()
	}
	if fault, ok := errors.AsType[*wasm.Error](err); ok {
		return fault.Error()
	}
	if late, ok := errors.AsType[*timeoutError](err); ok {
		return late.Error()
	}
	var refused *abi.Refusal
	if f, ok := errors.AsType[*failure](err); ok {
		err, refused = f.err, f.refused
	}
	ended := outcome.Ended(abi.Exit{}, err, refused, m.Limits())
	if ended.Fault != nil {
		return ""
	}
	text := strings.ReplaceAll(ended.Message, "(--", "(the daemon's --default-")
	if trap, ok := errors.AsType[*engine.Trap](err); ok {
		if _, stack, some := strings.Cut(trap.Error(), "\n"); some {
			text += "\n" + stack
		}
	}
	return text
}

// refusedCall says what a call in a sandbox is refused for, and what allows it.
func refusedCall(call *abi.ConfinedError) string {
	switch {
	case call.Exited:
		return call.Error()
	case call.Call == "clock_time_get", call.Call == "poll_oneoff":
		return call.Error() + ": the time is another when something starts from the snapshot (--allow-clock)"
	case call.Call == "random_get":
		return call.Error() + ": all that starts from the snapshot would have the same random numbers (--allow-random)"
	}
	return call.Error() + ": what is open or waited for outside of the module cannot be carried over"
}

func tooLarge(digest store.Digest, why string) error {
	return errs.Module(errs.ModuleTooLarge, digest.String(), "there is no snapshot: %s", why)
}
