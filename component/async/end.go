package async

import "github.com/reactord/reactord/component/types"

// End is one end of a stream or future, of which the guest's instance or the host has the number. B says where a driver has the
// items of a copy in progress.
//
// A copy moves items when both ends have one in progress: the driver does that, between [End.Begin] and the events.
type End[B any] struct {
	Waitable
	item   *types.Type // nil: they have no value
	code   EventCode
	owner  *Instance // nil: the host
	other  *End[B]   // nil: it was dropped
	state  endState
	result uint32 // the progress that the event tells

	held     bool // the end has items that the other end can copy
	buffer   B
	length   uint32
	progress uint32
	moved    uint64 // items, in all copies
}

type endState uint8

const (
	idle endState = iota
	copying
	cancelling // until the event is told
	done
)

// The results of a copy, beside the number of items.
const (
	completed = 0
	dropped   = 1
	cancelled = 2
)

// NewStream makes the ends of a stream of items.
func NewStream[B any](item *types.Type, owner *Instance) (readable, writable *End[B]) {
	return newEnds[B](item, owner, StreamRead, StreamWrite)
}

// NewFuture makes the ends of a future.
func NewFuture[B any](item *types.Type, owner *Instance) (readable, writable *End[B]) {
	return newEnds[B](item, owner, FutureRead, FutureWrite)
}

func newEnds[B any](item *types.Type, owner *Instance, read, write EventCode) (readable, writable *End[B]) {
	pair := &[2]End[B]{{item: item, owner: owner, code: read}, {item: item, owner: owner, code: write}}
	readable, writable = &pair[0], &pair[1]
	readable.other, writable.other = writable, readable
	readable.source, writable.source = readable, writable
	return readable, writable
}

// Item returns the type of the items; nil if they have no value.
func (e *End[B]) Item() *types.Type { return e.item }

// Writable reports whether it is the end that is written to.
func (e *End[B]) Writable() bool { return e.code == StreamWrite || e.code == FutureWrite }

// Future reports whether it is an end of a future.
func (e *End[B]) Future() bool { return e.code == FutureRead || e.code == FutureWrite }

// Other returns the other end, or nil if it was dropped.
func (e *End[B]) Other() *End[B] { return e.other }

// Buffer returns where the items of the copy in progress are, and how many of them have been copied.
func (e *End[B]) Buffer() (buffer *B, progress uint32) { return &e.buffer, e.progress }

// Room returns how many items the copy in progress still has room for, or has left; waits is false if there is none that waits for
// the other end.
func (e *End[B]) Room() (items uint32, waits bool) { return e.remain(), e.held }

// CanCopy returns why no copy can begin, or nil.
func (e *End[B]) CanCopy(items uint32, synchronous bool) error {
	switch {
	case e.state == done:
		return errEndDone
	case e.state != idle:
		return errEndBusy
	case synchronous && e.set != nil:
		return errInSet
	case items > maxItems:
		return errTooManyItems
	}
	return nil
}

// Begin begins a copy of up to so many items, of one if it is a future. The driver moves n items between the buffers of the two
// ends, each from its progress on, and then calls Moved. Afterwards the end has an event, or is going to have one.
func (e *End[B]) Begin(buffer B, items uint32) (n uint32, err error) {
	e.state = copying
	e.buffer, e.length, e.progress = buffer, items, 0
	other := e.other
	switch {
	case other == nil: // and there is the event that says so
	case !other.held:
		e.held = true
	case items > 0 && other.remain() > 0:
		if e.owner != nil && e.owner == other.owner && !isNumber(e.item) {
			return 0, errOwnItems
		}
		return min(items, other.remain()), nil
	case items > 0 || !e.Writable() && other.remain() == 0:
		other.tell(other.progress)
		other.held = false
		e.held = true
	default:
		e.tell(0)
	}
	return 0, nil
}

// Moved notes that n items were moved between the end, which has begun a copy, and the other one.
func (e *End[B]) Moved(n uint32) {
	other := e.other
	e.progress += n
	other.progress += n
	e.moved += uint64(n)
	other.moved += uint64(n)
	e.tell(e.progress)
	other.tell(other.progress)
	if other.remain() == 0 {
		other.held = false
	}
}

func (e *End[B]) remain() uint32 { return e.length - e.progress }

func (e *End[B]) tell(progress uint32) {
	e.result = progress
	e.notify()
}

// isNumber reports whether items of a type can be read by the instance that has written them.
func isNumber(t *types.Type) bool {
	return t == nil || t.Kind >= types.S8 && t.Kind <= types.F64
}

func (e *End[B]) event() Event {
	event := Event{e.code, e.Index, 0}
	if e.Future() {
		switch {
		case e.result == 1:
			e.state, event.Payload = done, completed
		case e.other == nil:
			e.state, event.Payload = done, dropped
		default:
			e.state, event.Payload = idle, cancelled
		}
		e.forget()
		return event
	}
	switch {
	case e.other == nil:
		e.state, event.Payload = done, dropped
	case e.state == cancelling:
		e.state, event.Payload = idle, cancelled
	default:
		e.state, event.Payload = idle, completed
	}
	event.Payload |= e.result << 4
	e.forget()
	return event
}

// forget gives the buffer of a copy up.
func (e *End[B]) forget() {
	var none B
	e.held, e.buffer, e.result = false, none, 0
}

// Cancel cancels the copy in progress. The end has an event afterwards.
func (e *End[B]) Cancel(synchronous bool) error {
	switch {
	case e.state != copying || e.waiter != nil:
		return errEndIdle
	case synchronous && e.set != nil:
		return errInSet
	}
	e.state = cancelling
	if !e.pending {
		e.tell(0)
	}
	return nil
}

// CanGive returns why the end can't be given away, or nil.
func (e *End[B]) CanGive() error {
	switch {
	case e.state == done:
		return errEndDone
	case e.state != idle:
		return errEndBusy
	case e.set != nil:
		return errEndInSet
	}
	return nil
}

// Give makes the end one of another instance, or of the host if that is nil. It has no index until the driver sets it.
func (e *End[B]) Give(to *Instance) { e.owner, e.Index = to, 0 }

// CanDrop returns why the end can't be dropped, or nil.
func (e *End[B]) CanDrop() error {
	switch {
	case e.state == copying || e.state == cancelling:
		return errEndBusy
	case e.code == FutureWrite && e.state != done:
		return errUnwritten
	}
	return nil
}

// Drop drops the end: the other one is told.
func (e *End[B]) Drop() {
	e.leave()
	other := e.other
	if other == nil {
		return
	}
	e.other, other.other = nil, nil
	if other.state != done && !other.pending {
		other.tell(0)
	}
}
