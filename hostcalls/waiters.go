package hostcalls

import "sync"

// Waiters are the callbacks of a Notifier that is not ready. All access is under one lock of the owner, which the
// callbacks are called under, too: that is what makes stop final.
type Waiters struct{ list []*func() }

// Add puts ready on the list, or calls it if now. The caller holds mu; stop takes it.
func (w *Waiters) Add(mu *sync.Mutex, ready func(), now bool) (stop func()) {
	if now {
		return readyNow(ready)
	}
	entry := &ready
	w.list = append(w.list, entry)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		for i, e := range w.list {
			if e == entry {
				w.list = append(w.list[:i], w.list[i+1:]...)
				return
			}
		}
	}
}

// Tell calls them all and forgets them. The caller holds the lock.
func (w *Waiters) Tell() {
	for _, ready := range w.list {
		(*ready)()
	}
	clear(w.list)
	w.list = w.list[:0]
}
