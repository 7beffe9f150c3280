package async

// What a thread waits for, for those who look at a store that waits.

// Wait is what a thread waits for.
type Wait uint8

// What a thread may wait for.
const (
	Nothing     Wait = iota // it does not wait
	ForInstance             // its instance to let the call begin
	ForTurn                 // its turn
	ForSet                  // an event of the set
	ForWaitable             // an event of the waitable
	ForResult               // its subtask's result
)

// Waiting returns what the thread waits for, and on which waitable if that is one.
func (t *Thread) Waiting() (Wait, *Waitable) {
	switch t.waits {
	case running:
		return Nothing, nil
	case toBegin:
		return ForInstance, nil
	case callbackTurn, turn:
		return ForTurn, nil
	case callbackEvent, event:
		return ForSet, nil
	case waitable:
		return ForWaitable, t.on
	default:
		return ForResult, t.on
	}
}

// Set returns the set that the thread waits for, or nil.
func (t *Thread) Set() *Set { return t.set }

// IsReady reports whether what the thread waits for is there, so that it waits only for its turn.
func (t *Thread) IsReady() bool { return t.waits != toBegin && t.isReady() }

// NeedsExclusive reports whether the call goes on only when no other call of its instance has exclusive.
func (c *Call) NeedsExclusive() bool { return c.needsExclusive() && c.instance.exclusive != c }

// Waiter returns a thread that waits for the waitable, by itself or by its set, or nil.
func (w *Waitable) Waiter() *Thread {
	switch {
	case w.waiter != nil:
		return w.waiter
	case w.set == nil:
		return nil
	case w.set.callbacks.head != nil:
		return w.set.callbacks.head
	default:
		return w.set.stacks.head
	}
}

// Subtask returns the subtask that the waitable is; nil if it is none.
func (w *Waitable) Subtask() *Subtask { return w.subtask() }

// Lender returns what Init was given.
func (s *Subtask) Lender() Lender { return s.lender }

// MovedItems returns how many items the end has moved, in all copies.
func (e *End[B]) MovedItems() uint64 { return e.moved }

// Copying reports whether a copy is in progress.
func (e *End[B]) Copying() bool { return e.state == copying || e.state == cancelling }

// Owner returns the instance that has the end; nil: the host, or it is on its way.
func (e *End[B]) Owner() *Instance { return e.owner }
