package engine

import (
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/reactord/reactord/executor/engine/memory"
	"github.com/reactord/reactord/executor/engine/meter"
)

// defaultStackBytes is the limit of the call stack when InstanceConfig sets none. Only tests set none: a
// workload's limits always do, and the reactor has the defaults of those.
const defaultStackBytes = 1 << 20

const (
	// wazeroStack is the size of the first stack that wazero allocates for a call, on the Go heap; it is a
	// little larger if the function has more than 600 parameters or results. When it is full, wazero
	// moves to a stack twice as large plus the frame that did not fit.
	wazeroStack = 10 << 10

	// firstStack is granted before the first call, or the limit if that is less. A guest uses at most the
	// grant and the red zone, so this still fits wazero's first stack.
	firstStack = wazeroStack - meter.RedZone

	// stackCost is the fuel for a byte of grown stack. (BenchmarkStackOverflow)
	stackCost = 1
)

// errStackOverflow is passed to Abort and becomes a Trap.
var errStackOverflow = errors.New(StackOverflow.String())

// stackBudget is the call stack granted to a guest, in bytes as the metering pass counts them.
type stackBudget struct {
	granted  int64
	limit    int64
	reserved int64 // what was granted when most was; its memory is counted
}

func newStackBudget(limit int64) stackBudget {
	if limit <= 0 {
		limit = defaultStackBytes
	}
	first := min(firstStack, limit)
	return stackBudget{granted: first, limit: limit, reserved: first}
}

// stackMemory returns the memory that a grant may take: nothing as long as the first stack suffices,
// otherwise twice what the guest uses, since wazero may have doubled a stack that was only just too small.
func stackMemory(granted int64) int64 {
	used := granted + meter.RedZone
	if used <= wazeroStack {
		return 0
	}
	return 2*used - wazeroStack
}

// grow grants the missing bytes to a guest and, if the limits allow, as many as it may need soon. It returns the bytes granted. The error is errStackOverflow if the guest has
// exceeded its stack limit, and a *StackRefusedError if the account refuses memory for a stack within the
// limit.
func (s *stackBudget) grow(missing, soon int64, account *memory.Account) (more int64, err error) {
	need := s.granted + missing
	if need > s.limit {
		return 0, errStackOverflow
	}
	for _, next := range []int64{min(need+soon, s.limit), need} {
		most := max(next, s.reserved)
		if account.Reserve(stackMemory(most) - stackMemory(s.reserved)) {
			more := next - s.granted
			s.granted, s.reserved = next, most
			return more, nil
		}
	}
	return 0, &StackRefusedError{Bytes: s.granted, Err: refusal(account)}
}

// StackRefusedError ends a guest whose call stack is within its limit but could not grow for lack of
// memory. Err is ErrOutOfMemory, ErrNodeMemory, or an error of the operating system.
type StackRefusedError struct {
	Bytes int64 // size of its call stack
	Err   error
}

func (e *StackRefusedError) Error() string {
	return fmt.Sprintf("the call stack of %s could not grow: %v", humanize.IBytes(uint64(e.Bytes)), e.Err)
}

func (e *StackRefusedError) Unwrap() error { return e.Err }
