package hostcalls

import (
	"time"

	"github.com/reactord/reactord/executor/engine"
)

// Memory is who gives a guest its share of the memory of all guests. Its methods are called on the guest's fiber and
// do not block.
type Memory interface {
	// Allowance is what the guest may hold without asking.
	Allowance() *engine.Allowance
	// Ask asks for so many bytes in all. If the guest has to wait for them its task is woken when they may be there.
	// An error ends the guest.
	Ask(bytes int64) (wait bool, err error)
	// Waits tells whether a guest that has to wait still has to.
	Waits() bool
}

// Grow gets the guest memory, of so many bytes in all, and parks the call until they are there, as Ops tells. An error is to end the
// guest: there are not so many, or it was cancelled meanwhile.
func (c *Call) Grow(memory Memory, bytes int64) error {
	wait, err := memory.Ask(bytes)
	for err == nil && wait {
		op := Op{Kind: "memory", Target: "the node's memory", Bytes: uint64(bytes)}
		err = c.Await(time.Time{}, Wait{Op: op, On: woken{}})
		wait = memory.Waits()
	}
	return err
}

// woken is the Notifier of what wakes the guest's task by itself.
type woken struct{}

func (woken) Notify(func()) (stop func()) { return func() {} }
