package component

import (
	"fmt"
	"time"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
)

// Call is one call of a host function by a component. It belongs to the store's fiber and ends when Function.Call returns.
//
// Its methods end the store where those of hostcalls.Call return an error: they do not return then. Nor do those of Args and
// Results if the component has passed what is wrong, or has no room for the result.
type Call struct {
	Args    cabi.Reader // the arguments, in their order
	Results cabi.Writer // takes the result, if the function has one

	store     *Store
	waits     *hostcalls.Call
	subtask   *subtask   // of a call of an asynchronous function
	operation *Operation // of Later
}

// Store returns the store that makes the call.
func (c *Call) Store() *Store { return c.store }

// Host returns what the ABI's NewHost made for the store.
func (c *Call) Host() Host { return c.store.host }

// Waits returns what the call waits by.
func (c *Call) Waits() *hostcalls.Call { return c.waits }

// Charge counts work that is about to be done, as hostcalls.Call.Charge does.
func (c *Call) Charge(units int64) {
	if err := c.waits.Charge(units); err != nil {
		engine.Abort(err)
	}
}

// Sleep parks until due.
func (c *Call) Sleep(due time.Time) {
	if err := c.waits.Sleep(due); err != nil {
		engine.Abort(err)
	}
}

// Await parks until one of the waits may be ready, or until due if it is not zero, as hostcalls.Call.Await does. It charges,
// so that what always notifies and is never ready does not keep the worker.
func (c *Call) Await(due time.Time, waits ...hostcalls.Wait) {
	c.Charge(callCost)
	if err := c.waits.Await(due, waits...); err != nil {
		engine.Abort(err)
	}
}

// AwaitAny is Await for waits that due does not end, as hostcalls.Call.AwaitAny is.
func (c *Call) AwaitAny(due time.Time, waits ...hostcalls.Wait) {
	c.Charge(callCost)
	if err := c.waits.AwaitAny(due, waits...); err != nil {
		engine.Abort(err)
	}
}

// Blocking runs a job on the blocking pool and waits for it, as hostcalls.Call.Blocking does.
func (c *Call) Blocking(op hostcalls.Op, lane driver.Lane, job, discard func()) {
	if err := c.waits.Blocking(op, lane, job, discard); err != nil {
		engine.Abort(err)
	}
}

// Trap ends the store since the component did what the interface forbids. The message goes to the component's owner: it
// says what was wrong.
func (c *Call) Trap(format string, args ...any) { engine.Abort(trapf(format, args...)) }

// Exit ends the program with a status.
func (c *Call) Exit(code uint32) { engine.Abort(&Exit{code}) }

// Exit is the error with which the calls of a store end in which the component exits.
type Exit struct{ Code uint32 }

func (e *Exit) Error() string { return fmt.Sprintf("exit with code %d", e.Code) }

// callCost is the cost of any call of the host, in units of fuel.
const callCost = 200

// NewCall makes a Call that no component makes, such as tests of host functions need. It is for the store's fiber.
func NewCall(s *Store, args cabi.Reader, results cabi.Writer) *Call {
	return &Call{Args: args, Results: results, store: s, waits: &s.Call}
}
