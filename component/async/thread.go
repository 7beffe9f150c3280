package async

// Thread is one stack of a call, or what will be one: a call that waits by its callback has no frames.
type Thread struct {
	call  *Call
	waits waitKind
	on    *Waitable // that it waits for, by itself
	set   *Set      // that it waits for

	queue      *threadQueue // of the instance, that it is in
	prev, next *Thread      // in it
	since      uint64       // it has been in it

	prevWaiter, nextWaiter *Thread // of the set
}

// waitKind is what a thread waits for.
type waitKind uint8

const (
	running       waitKind = iota // it does not
	toBegin                       // its instance to admit the call
	callbackTurn                  // exclusive, since its callback yields
	callbackEvent                 // an event of the set, and exclusive
	turn                          // its turn
	event                         // an event of the set
	waitable                      // an event of the waitable
	result                        // the call's subtask that it waits for to be resolved
)

// Call returns the call that the thread is one of.
func (t *Thread) Call() *Call { return t.call }

// HasFrames reports whether the thread waits with frames.
func (t *Thread) HasFrames() bool { return t.waits >= turn }

// Waits reports whether the thread waits.
func (t *Thread) Waits() bool { return t.waits != running }

// isReady reports whether what the thread waits for is there. Whether the instance lets it run is apart from that.
func (t *Thread) isReady() bool {
	switch t.waits {
	case callbackEvent:
		return t.set.HasEvent() || t.call.state == cancelRequested
	case event:
		return t.set.HasEvent()
	case waitable:
		return t.on.pending
	case result:
		return t.on.subtask().Resolved()
	default:
		return true
	}
}

// enqueue makes the thread one that may be ready.
func (t *Thread) enqueue() {
	i := t.call.instance
	if t.queue == nil {
		q := &i.stacks
		switch {
		case t.waits == toBegin && t.call.needsExclusive():
			q = &i.gate
		case t.waits == toBegin:
			q = &i.freeGate
		case t.waits == callbackTurn, t.waits == callbackEvent:
			q = &i.callbacks
		}
		i.clock++
		t.since = i.clock
		q.push(t)
	}
	i.stirred()
}

// wait begins a wait.
func (t *Thread) wait(kind waitKind, on *Waitable, set *Set) {
	t.waits, t.on, t.set = kind, on, set
	if set != nil {
		set.waitersOf(t).push(t)
	}
	if t.waits != callbackEvent && t.waits < event || t.isReady() {
		t.enqueue()
	}
}

// stop ends the wait.
func (t *Thread) stop() {
	if t.queue != nil {
		t.queue.remove(t)
	}
	if t.set != nil {
		t.set.waitersOf(t).remove(t)
		t.set.wakeWaiters() // another one may wait for the next event
	}
	t.waits, t.on, t.set = running, nil, nil
}

// Yield makes a thread with frames wait for its turn.
func (t *Thread) Yield() { t.wait(turn, nil, nil) }

// AwaitSet makes a thread with frames wait for an event of a set, unless there is one: then it returns false.
func (t *Thread) AwaitSet(s *Set) bool {
	if s.HasEvent() {
		return false
	}
	t.wait(event, nil, s)
	return true
}

// Await makes a thread with frames wait for the event of a waitable, which is in no set. It returns false if there is one.
func (t *Thread) Await(w *Waitable) bool {
	if w.pending {
		return false
	}
	w.waiter = t
	t.wait(waitable, w, nil)
	return true
}

// AwaitResult makes a thread with frames wait until its subtask is resolved. It returns false if it is.
func (t *Thread) AwaitResult(s *Subtask) bool {
	if s.Resolved() {
		return false
	}
	s.waiter = t
	t.wait(result, &s.Waitable, nil)
	return true
}

// Then says what a thread that Next returned goes on with.
type Then uint8

// What a thread goes on with.
const (
	Begin    Then = iota // the call: call Start, pass the arguments, and call the core function
	Abandon              // nothing: the call was cancelled before it began, and is over
	Callback             // the callback, with the event
	Return               // its frames: what it waited for is there
)

// Resume ends the wait of a thread that Next has returned, or that Call.RequestCancel wants to be resumed.
func (t *Thread) Resume() (Then, Event) {
	c, waited, set := t.call, t.waits, t.set
	var e Event
	switch {
	case waited == toBegin:
		t.stop()
		c.admit()
		return Begin, e
	case c.state == abandoned:
		return Abandon, e
	case waited == callbackTurn, waited == callbackEvent:
		switch {
		case c.deliverCancel():
			e = Event{Code: CallCancelled}
		case waited == callbackEvent:
			e, _ = set.Take()
		}
		t.stop()
		c.instance.exclusive = c
		return Callback, e
	}
	if t.on != nil {
		t.on.waiter = nil
	}
	t.stop()
	return Return, e
}

// threadQueue is a queue of threads, each in one at most.
type threadQueue struct {
	head, tail *Thread
	len        int
}

func (q *threadQueue) push(t *Thread) {
	t.queue, t.prev = q, q.tail
	if q.tail == nil {
		q.head = t
	} else {
		q.tail.next = t
	}
	q.tail = t
	q.len++
}

func (q *threadQueue) pop() *Thread {
	t := q.head
	q.remove(t)
	return t
}

func (q *threadQueue) remove(t *Thread) {
	if t.prev == nil {
		q.head = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		q.tail = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.queue, t.prev, t.next = nil, nil, nil
	q.len--
}

// waiterQueue is the threads that wait for a set.
type waiterQueue struct{ head, tail *Thread }

func (q *waiterQueue) push(t *Thread) {
	t.prevWaiter = q.tail
	if q.tail == nil {
		q.head = t
	} else {
		q.tail.nextWaiter = t
	}
	q.tail = t
}

func (q *waiterQueue) remove(t *Thread) {
	if t.prevWaiter == nil {
		q.head = t.nextWaiter
	} else {
		t.prevWaiter.nextWaiter = t.nextWaiter
	}
	if t.nextWaiter == nil {
		q.tail = t.prevWaiter
	} else {
		t.nextWaiter.prevWaiter = t.prevWaiter
	}
	t.prevWaiter, t.nextWaiter = nil, nil
}
