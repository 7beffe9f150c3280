package component

import (
	"sync"
	"time"
)

// note is what others have done for a store, which takes it from its inbox and acts. It is part of what it is about.
type note struct {
	next   *note
	posted bool // it is in the inbox; guarded by inbox.mu
	// enters says that act may run code of the component, and wait: it is called when a call by the host may begin. Such a note
	// is posted once.
	enters bool
	of     noted
}

// noted is what a note is about.
type noted interface {
	act() error // on the store's fiber
}

// jobOf is a job of Do.
type jobOf func() error

func (do jobOf) act() error { return do() }

// notes is a queue of them.
type notes struct {
	first, last *note
	len         int
}

func (q *notes) push(n *note) {
	if q.first == nil {
		q.first = n
	} else {
		q.last.next = n
	}
	q.last = n
	q.len++
}

// pop takes the first note, or returns nil.
func (q *notes) pop() *note {
	n := q.first
	if n != nil {
		q.first, n.next = n.next, nil
		q.len--
	}
	return n
}

// inbox is the notes that a store has not acted upon.
type inbox struct {
	mu sync.Mutex
	notes
}

// post leaves a note, unless it is there already, and wakes the store. It may be called from any goroutine.
func (s *Store) post(n *note) {
	if s.inbox.put(n) {
		s.task.Wake()
	}
}

// postDue is post for a timer that was due at a time.
func (s *Store) postDue(n *note, due time.Time) {
	if s.inbox.put(n) {
		s.task.WakeDue(due)
	}
}

// put leaves a note, and reports whether it was not there yet.
func (i *inbox) put(n *note) (first bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if first = !n.posted; first {
		n.posted = true
		i.push(n)
	}
	return first
}

// take takes the first note, or returns nil. It may be posted again from now on, not before: it is in one queue at a time.
func (i *inbox) take() *note {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := i.pop()
	if n != nil {
		n.posted = n.enters
	}
	return n
}

func (i *inbox) waiting() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.len
}

// noteCost is the fuel for a note.
const noteCost = 100

// readInbox acts upon what others have done so far.
func (s *Store) readInbox() error {
	for range s.inbox.waiting() {
		if err := s.Charge(noteCost); err != nil {
			return err
		}
		n := s.inbox.take()
		if n.enters {
			s.loop.visits.push(n)
			continue
		}
		if err := n.of.act(); err != nil {
			return err
		}
	}
	return nil
}

// visit lets the host enter the component: it begins a call, or acts upon a note that enters. Nothing of the component runs, and
// no synchronous function waits. It reports whether there was something.
func (s *Store) visit() (bool, error) {
	if a := s.loop.calls.pop(); a != nil {
		s.runFor(a)
		return true, a.enter()
	}
	if n := s.loop.visits.pop(); n != nil {
		return true, n.of.act()
	}
	return false, nil
}
