package hostcalls

import (
	"time"

	"github.com/reactord/reactord/executor/engine"
)

// Memory allots a guest its share of the memory of all guests. Its methods are called by one goroutine at a time, which is the
// guest's fiber unless the guest has several tasks, and do not block.
type Memory interface {
	// Allowance returns the bytes that the guest may hold without asking.
	Allowance() *engine.Allowance
	// Ask asks for a number of bytes in all. If wait is true, the guest has to wait, and its task is woken
	// when the bytes may be available. An error ends the guest.
	Ask(bytes int64) (wait bool, err error)
	// Waits reports whether a guest that was told to wait still has to.
	Waits() bool
}

// Grow asks for memory of a number of bytes in all, and parks the call until they are available. Ops shows
// the wait. An error must end the guest: there are not enough bytes, or the guest was cancelled.
func (c *Call) Grow(memory Memory, bytes int64) error {
	wait, err := memory.Ask(bytes)
	for err == nil && wait {
		op := Op{Kind: OpMemory, Target: "the node's memory", Bytes: uint64(bytes)}
		err = c.Await(time.Time{}, Wait{Op: op, On: wokenByOwner{}})
		wait = memory.Waits()
	}
	return err
}

// wokenByOwner is a Notifier for a wait that wakes the guest's task by other means.
type wokenByOwner struct{}

func (wokenByOwner) Notify(func()) (stop func()) { return func() {} }
