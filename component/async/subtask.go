package async

// SubtaskState is what a caller is told of a call.
type SubtaskState uint32

// The states.
const (
	SubtaskStarting          SubtaskState = iota // the arguments were not read yet
	SubtaskStarted                               // they were
	SubtaskReturned                              // the result is there
	SubtaskCancelledStarting                     // cancelled before it had started
	SubtaskCancelledStarted                      // cancelled before it had returned
)

// Subtask is the caller's view of a call, which another instance or the host carries out.
type Subtask struct {
	Waitable
	state     SubtaskState
	exposed   bool // the caller has its index, and is told of its progress
	cancelled bool // the caller has cancelled it
	told      bool // the caller was told of its end
	call      *Call
	lender    Lender
}

// Lender is a caller that has lent handles for a call.
type Lender interface {
	// EndLends is called once, when the caller is told that the call has ended.
	EndLends()
}

// Init makes a zero Subtask. The lender may be nil.
func (s *Subtask) Init(l Lender) { s.source, s.lender = s, l }

// Callee returns the call that carries the subtask out; nil: the host does.
func (s *Subtask) Callee() *Call { return s.call }

// State returns the state.
func (s *Subtask) State() SubtaskState { return s.state }

// Resolved reports whether the call has returned, or was cancelled.
func (s *Subtask) Resolved() bool { return s.state >= SubtaskReturned }

// Expose gives the subtask, which is not resolved, its index: the caller goes on meanwhile, and will have events. It returns
// what the caller gets.
func (s *Subtask) Expose(index uint32) uint32 {
	s.Index, s.exposed = index, true
	return uint32(s.state) | index<<4
}

// progress notes what the call has done.
func (s *Subtask) progress(state SubtaskState) {
	s.state = state
	switch {
	case s.exposed:
		s.notify()
	case s.waiter != nil && s.Resolved():
		s.waiter.enqueue()
	}
}

// HostStart notes that the host, which carries the subtask out, has read the arguments.
func (s *Subtask) HostStart() { s.progress(SubtaskStarted) }

// HostReturn notes that the host has written the result.
func (s *Subtask) HostReturn() { s.progress(SubtaskReturned) }

// HostCancel notes that the host has given up what it was doing, since the caller has cancelled it.
func (s *Subtask) HostCancel() {
	if s.state == SubtaskStarting {
		s.progress(SubtaskCancelledStarting)
		return
	}
	s.progress(SubtaskCancelledStarted)
}

// TellEnd notes that the caller knows of the end without an event: it has waited for it, or never got an index.
func (s *Subtask) TellEnd() {
	s.told = true
	if s.lender != nil {
		s.lender.EndLends()
	}
}

func (s *Subtask) event() Event {
	if s.Resolved() && !s.told {
		s.TellEnd()
	}
	return Event{SubtaskEvent, s.Index, uint32(s.state)}
}

// BeginCancel begins the built-in subtask.cancel, unless it may not be called: the driver then asks the callee or the host to
// cancel, if the subtask is not resolved, waits for that if the built-in is synchronous, and calls EndCancel.
func (s *Subtask) BeginCancel() error {
	switch {
	case s.told:
		return errSubtaskEnded
	case s.cancelled:
		return errCancelledTwice
	case s.set != nil:
		return errSubtaskInSet
	}
	if !s.Resolved() {
		s.cancelled, s.busy = true, true
	}
	return nil
}

// EndCancel returns what subtask.cancel returns.
func (s *Subtask) EndCancel() uint32 {
	s.busy = false
	if !s.Resolved() {
		return Blocked
	}
	return s.Take().Payload
}

// CanDrop returns why the subtask can't be dropped, or nil.
func (s *Subtask) CanDrop() error {
	if !s.told {
		return errSubtaskRunning
	}
	return nil
}

// Drop takes the subtask out of its set.
func (s *Subtask) Drop() { s.leave() }
