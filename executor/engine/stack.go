package engine

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/executor/engine/memory"
	"github.com/reactord/reactord/executor/engine/meter"
)

// defaultStackBytes is the call stack an instance may have of which nothing is said. Only tests say nothing: a
// workload's limits do, and what those are by default is the reactor's to say.
const defaultStackBytes = 1 << 20

const (
	// wazeroStack is what wazero gives a call to begin with, on the Go heap; a little more if the function
	// has more than 600 parameters or results. When it is full, wazero moves to one twice as large plus
	// the frame it has no room for.
	wazeroStack = 10 << 10

	// firstStack is granted before the first call, if the limit is not below it. A guest uses no more than
	// what it was granted and the red zone together, so with this it still fits wazero's first stack.
	firstStack = wazeroStack - meter.RedZone

	// stackCost is what a byte of grown stack costs in fuel. (BenchmarkStackOverflow)
	stackCost = 1
)

// errStackOverflow goes through Abort and becomes a Trap.
var errStackOverflow = errors.New(StackOverflow.String())

// stackBudget is how much call stack a guest was granted, as the pass counts it,
// and what that costs.
type stackBudget struct {
	granted int64
	limit   int64
}

func newStackBudget(limit int64) stackBudget {
	if limit <= 0 {
		limit = defaultStackBytes
	}
	return stackBudget{granted: min(firstStack, limit), limit: limit}
}

// cost is the memory behind a grant. A guest that uses n bytes may have made
// wazero double a stack only just too small for it, so that is up to 2n; nothing
// as long as the first stack will do.
func cost(granted int64) int64 {
	used := granted + meter.RedZone
	if used <= wazeroStack {
		return 0
	}
	return 2*used - wazeroStack
}

// grow grants what a guest with missing bytes too few needs, and as much again so that deep recursion
// asks rarely, if the limits have it. It returns the bytes it granted. If the guest has overflowed its
// stack the error is errStackOverflow; if the memory for a stack within its limit is not there,
// that of the account's refusal.
func (s *stackBudget) grow(missing int64, account *memory.Account) (more int64, err error) {
	need := s.granted + missing
	if need > s.limit {
		return 0, errStackOverflow
	}
	for _, next := range []int64{min(2*need, s.limit), need} {
		if account.Reserve(cost(next) - cost(s.granted)) {
			more := next - s.granted
			s.granted = next
			return more, nil
		}
	}
	return 0, &StackRefusedError{Bytes: s.granted, Err: refusal(account)}
}

// StackRefusedError ends a guest whose call stack is within its limit and could not grow for want of
// memory: Err is ErrOutOfMemory, ErrNodeMemory, or an error of the operating system.
type StackRefusedError struct {
	Bytes int64 // of call stack that it has
	Err   error
}

func (e *StackRefusedError) Error() string {
	return fmt.Sprintf("the call stack of %d bytes could not grow: %v", e.Bytes, e.Err)
}

func (e *StackRefusedError) Unwrap() error { return e.Err }
