package async

// Trap is the rule that a guest has broken.
type Trap string

func (t Trap) Error() string { return string(t) }

// The rules.
const (
	errReturnedTwice  Trap = "the call has returned a value or was cancelled before"
	errKeepsBorrows   Trap = "the call has not dropped all borrowed handles"
	errNotReturned    Trap = "the call has ended without having returned a value"
	errNotCancelled   Trap = "the call was not told that it is cancelled"
	errBackpressure   Trap = "backpressure can't be increased further"
	errNoBackpressure Trap = "backpressure can't be decreased below zero"
	errSetInUse       Trap = "the waitable set can't be dropped: something is in it, or a call waits for it"
	errAwaited        Trap = "the waitable can't join a set while it is waited for synchronously"
	errInSet          Trap = "the waitable is in a set, and can't be waited for synchronously"
	errSubtaskInSet   Trap = "a subtask that is in a waitable set can't be cancelled"
	errSubtaskRunning Trap = "the subtask can't be dropped before its end was told"
	errSubtaskEnded   Trap = "the end of the subtask was told before"
	errCancelledTwice Trap = "the subtask was cancelled before"
	errEndBusy        Trap = "the end of the stream or future has a copy in progress"
	errEndDone        Trap = "the other end of the stream or future was dropped, or the future has its value"
	errEndIdle        Trap = "the end of the stream or future has no copy in progress that can be cancelled"
	errUnwritten      Trap = "a future's writable end can't be dropped before a value was written"
	errEndInSet       Trap = "an end of a stream or future that is in a waitable set can't be given away"
	errOwnItems       Trap = "a component instance can't read from itself what is no number"
	errTooManyItems   Trap = "more than 268435455 items can't be copied at once"
	maxItems               = 1<<28 - 1
	maxBackpressure        = 1<<16 - 1
)
