package component

import (
	"sync"
	"time"
)

// note is what others have done for a store, which takes it from its inbox and acts. It is part of what it is about.
type note struct {
	next   *note
	posted bool         // guarded by inbox.mu
	act    func() error // on the store's fiber; it does not wait
}

// inbox is the notes that a store has not acted upon, the latest first.
type inbox struct {
	mu     sync.Mutex
	latest *note
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
	if n.posted {
		return false
	}
	n.posted = true
	n.next, i.latest = i.latest, n
	return true
}

// take returns the first note, with the others behind it, or nil.
func (i *inbox) take() (first *note) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := i.latest; n != nil; {
		n, n.next, first = n.next, first, n
	}
	i.latest = nil
	for n := first; n != nil; n = n.next {
		n.posted = false
	}
	return first
}

// readInbox acts upon what others have done.
func (s *Store) readInbox() error {
	for n := s.inbox.take(); n != nil; {
		next := n.next // n may be posted again
		n.next = nil
		if err := n.act(); err != nil {
			return err
		}
		n = next
	}
	return nil
}
