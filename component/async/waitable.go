package async

// EventCode is the kind of an event.
type EventCode uint32

// The events.
const (
	NoEvent EventCode = iota
	SubtaskEvent
	StreamRead
	StreamWrite
	FutureRead
	FutureWrite
	CallCancelled
)

// Event is what a guest is told of a waitable.
type Event struct {
	Code    EventCode
	Index   uint32 // of the waitable
	Payload uint32
}

// Blocked is what a built-in returns if there will be an event.
const Blocked = 0xffff_ffff

// Waitable is what can be in a set: a subtask, or an end of a stream or future.
type Waitable struct {
	Index uint32 // in the handle table of its instance

	source  source
	set     *Set
	pending bool    // there is an event
	busy    bool    // a built-in waits for it synchronously
	waiter  *Thread // that waits for it, not for a set

	prev, next *Waitable // in the set's queue of those with an event
}

// source is what a waitable is a part of.
type source interface {
	// event returns the event that is told now.
	event() Event
}

// notify gives the waitable an event.
func (w *Waitable) notify() {
	if !w.pending {
		w.pending = true
		if w.set != nil {
			w.set.pending.push(w)
		}
	}
	switch {
	case w.waiter != nil:
		if w.waiter.isReady() {
			w.waiter.enqueue()
		}
	case w.set != nil:
		w.set.wakeWaiters()
	}
}

// HasEvent reports whether there is an event.
func (w *Waitable) HasEvent() bool { return w.pending }

// Take returns the event, which is told then. There must be one.
func (w *Waitable) Take() Event {
	if w.set != nil {
		w.set.pending.remove(w)
	}
	w.pending = false
	return w.source.event()
}

// subtask returns the subtask that the waitable is.
func (w *Waitable) subtask() *Subtask {
	s, _ := w.source.(*Subtask)
	return s
}

// InSet reports whether the waitable is in a set.
func (w *Waitable) InSet() bool { return w.set != nil }

// CanAwait returns why a built-in can't wait for the waitable synchronously, or nil.
func (w *Waitable) CanAwait() error {
	if w.set != nil {
		return errInSet
	}
	return nil
}

// Join puts the waitable in a set, or in none if s is nil. It leaves the one that it is in.
func (w *Waitable) Join(s *Set) error {
	if w.busy || w.waiter != nil {
		return errAwaited
	}
	w.leave()
	if w.set = s; s == nil {
		return nil
	}
	s.members++
	if w.pending {
		s.pending.push(w)
		s.wakeWaiters()
	}
	return nil
}

// leave takes the waitable out of its set.
func (w *Waitable) leave() {
	if w.set == nil {
		return
	}
	if w.pending {
		w.set.pending.remove(w)
	}
	w.set.members--
	w.set = nil
}

// Set is a waitable set. The zero value is empty.
type Set struct {
	members   int
	pending   waitableQueue // members with an event, in the order in which they got it
	stacks    waiterQueue   // threads with frames that wait
	callbacks waiterQueue   // calls that wait by their callback
}

// HasEvent reports whether a member has an event.
func (s *Set) HasEvent() bool { return s.pending.head != nil }

// Take returns the first event, if there is one. It is told then.
func (s *Set) Take() (Event, bool) {
	if s.pending.head == nil {
		return Event{}, false
	}
	return s.pending.head.Take(), true
}

// Members returns the number of waitables in the set.
func (s *Set) Members() int { return s.members }

// CanDrop returns why the set can't be dropped, or nil.
func (s *Set) CanDrop() error {
	if s.members > 0 || s.stacks.head != nil || s.callbacks.head != nil {
		return errSetInUse
	}
	return nil
}

func (s *Set) waitersOf(t *Thread) *waiterQueue {
	if t.waits == callbackEvent {
		return &s.callbacks
	}
	return &s.stacks
}

// wakeWaiters makes a thread of each kind ready, if there is an event: calls with callbacks may not be allowed to run now.
func (s *Set) wakeWaiters() {
	if !s.HasEvent() {
		return
	}
	for _, t := range [...]*Thread{s.stacks.head, s.callbacks.head} {
		if t != nil {
			t.enqueue()
		}
	}
}

// waitableQueue is the waitables of a set with an event.
type waitableQueue struct{ head, tail *Waitable }

func (q *waitableQueue) push(w *Waitable) {
	w.prev = q.tail
	if q.tail == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
}

func (q *waitableQueue) remove(w *Waitable) {
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}
