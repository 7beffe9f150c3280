package async

// Lift is how a core function is made a component function, which decides about its calls' stacks.
type Lift uint8

// The ways to lift.
const (
	Synchronous  Lift = iota // it returns when it has its result
	WithCallback             // it returns what it waits for, and the callback gets the event
	Stackful                 // it waits with its frames, and returns when it ends
)

// Function is what the calls of a function have in common.
type Function struct {
	Instance *Instance
	Lift     Lift
	Async    bool // its type is asynchronous, so that it may wait
}

// Call is one activation of a function that an instance exports.
type Call struct {
	Thread
	Number   uint32 // by which the driver finds its record of the call
	instance *Instance
	lift     Lift
	async    bool
	state    callState
	borrows  uint32
	caller   *Subtask
}

type callState uint8

const (
	initial callState = iota // arguments are still the caller's
	started
	cancelRequested
	cancelDelivered
	resolved  // it has returned a value, or was cancelled
	abandoned // it was cancelled before it began
)

// Init makes a zero Call one of a function. caller is the caller's view of it, or nil: then the host calls.
func (c *Call) Init(f Function, caller *Subtask) {
	c.call, c.instance, c.lift, c.async, c.caller = c, f.Instance, f.Lift, f.Async, caller
	if caller != nil {
		caller.call = c
	}
}

// Instance returns the instance that the call runs in.
func (c *Call) Instance() *Instance { return c.instance }

// Lift returns how its function is lifted.
func (c *Call) Lift() Lift { return c.lift }

// Async reports whether its function may wait.
func (c *Call) Async() bool { return c.async }

// Caller returns the caller's view, or nil if the host has called.
func (c *Call) Caller() *Subtask { return c.caller }

// needsExclusive reports whether no other such call may run when this one does.
func (c *Call) needsExclusive() bool { return c.async && c.lift != Stackful }

// Enter tries to begin the call, and reports whether it may: else its thread waits for that.
func (c *Call) Enter() bool {
	if i := c.instance; c.async && (i.Waiting() > 0 || !i.admits(c)) {
		c.wait(toBegin, nil, nil)
		return false
	}
	c.admit()
	return true
}

func (c *Call) admit() {
	if c.needsExclusive() {
		c.instance.exclusive = c
	}
}

// Start notes that the arguments are about to be passed. The caller has an event then, if it goes on meanwhile.
func (c *Call) Start() {
	c.state = started
	if c.caller != nil {
		c.caller.progress(SubtaskStarted)
	}
}

// Started reports whether arguments were passed.
func (c *Call) Started() bool { return c.state != initial && c.state != abandoned }

// Resolved reports whether the call has returned a value or was cancelled.
func (c *Call) Resolved() bool { return c.state >= resolved }

// Borrow counts a handle that the call has borrowed.
func (c *Call) Borrow() { c.borrows++ }

// DropBorrow counts one that it has dropped.
func (c *Call) DropBorrow() { c.borrows-- }

// CanReturn returns why the call can't return a value now, or nil. The driver moves the value and calls Return after it.
func (c *Call) CanReturn() error {
	switch {
	case c.Resolved():
		return errReturnedTwice
	case c.borrows > 0:
		return errKeepsBorrows
	}
	return nil
}

// Return notes that the call has returned its value.
func (c *Call) Return() { c.resolve(SubtaskReturned) }

// Cancel is the built-in task.cancel: the call ends without a value, since its caller wanted that.
func (c *Call) Cancel() error {
	switch {
	case c.state != cancelDelivered:
		return errNotCancelled
	case c.borrows > 0:
		return errKeepsBorrows
	}
	c.resolve(SubtaskCancelledStarted)
	return nil
}

func (c *Call) resolve(s SubtaskState) {
	c.state = resolved
	if s == SubtaskCancelledStarting {
		c.state = abandoned
	}
	if c.caller != nil {
		c.caller.progress(s)
	}
}

// Exit ends the call's thread.
func (c *Call) Exit() error {
	if !c.Resolved() {
		return errNotReturned
	}
	c.release()
	return nil
}

// release gives exclusive up.
func (c *Call) release() {
	if i := c.instance; i.exclusive == c {
		i.exclusive = nil
		i.stirred()
	}
}

// YieldCallback makes the call, whose core function has returned, wait until it is its turn again.
func (c *Call) YieldCallback() {
	c.release()
	c.wait(callbackTurn, nil, nil)
}

// AwaitCallback makes the call, whose core function has returned, wait for an event of a set.
func (c *Call) AwaitCallback(s *Set) {
	c.release()
	c.wait(callbackEvent, nil, s)
}

// TakeCancel returns the event that tells the call that its caller has cancelled it, if it is to be told now. The driver asks
// for it when the core function, or the callback, has returned and does not end: the callback gets the event at once.
func (c *Call) TakeCancel() (Event, bool) {
	return Event{Code: CallCancelled}, c.deliverCancel()
}

// deliverCancel reports whether the call is to be told that its caller has cancelled it, which it is once.
func (c *Call) deliverCancel() bool {
	if c.state != cancelRequested {
		return false
	}
	c.state = cancelDelivered
	return true
}

// RequestCancel asks the call to end without a value. If it returns true, the driver resumes the call's thread at once, and
// goes on with whoever has asked when that waits or ends; else the call is told when it can be.
func (c *Call) RequestCancel() bool {
	switch c.state {
	case initial:
		if c.queue != nil {
			c.stop()
		}
		c.resolve(SubtaskCancelledStarting)
		return true
	case started:
		c.state = cancelRequested
	default:
		return false
	}
	switch c.waits {
	case callbackTurn, callbackEvent:
		if c.instance.exclusive == nil {
			return true
		}
		c.enqueue()
	}
	return false
}
