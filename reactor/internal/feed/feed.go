// Package feed passes the latest changes to watchers.
//
// A [Feed] holds the last changes, in the order of their revisions, while anyone is subscribed. A
// reader asks for the changes after the revision it has seen. If the feed has already forgotten some of
// them, because the reader is slow or starts from an old revision, it says so, and the reader catches up
// from the store, which has the latest change of everything. So no reader delays the publisher, no reader costs
// more than the ring, and nothing that is missing here is lost.
//
//  1. A reader at position p is in one of three places: behind the floor (it reads the store), between
//     floor and head (it reads the ring), or at or beyond the head (it waits).
//  2. Publish is called after the commit, so a reader of the store may be ahead of the
//     head. It waits until the head is beyond its position, and never sees a change twice.
//  3. The store is read only up to what was committed. Everything up to there was published before, will be
//     published with a revision beyond the reader's position, or lies before that position.
//     So there is no gap between store and ring.
//
// Rejected: a channel per reader (it blocks the publisher, or drops changes); reading the store for every
// reader (N readers of M changes cost N×M reads); holding changes without a reader (they cost a
// decoded record each).
//
// All methods may be called from any goroutine, and block only for a short critical section.
package feed

import (
	"sort"
	"sync"

	"github.com/reactord/reactord/internal/notify"
)

// Entry is one change.
type Entry[T any] struct {
	Revision int64
	Change   T
}

// Feed holds the latest changes.
type Feed[T any] struct {
	mu      sync.Mutex
	size    int
	ring    []Entry[T] // the changes after floor: a circular buffer that begins at start
	start   int
	n       int
	floor   int64 // changes up to this revision are not held
	head    int64 // the revision of the last published change
	readers int
	changed notify.Broadcast // told by Publish and Close
	closed  bool
}

// New makes a feed that holds up to size changes after the revision head.
func New[T any](size int, head int64) *Feed[T] {
	return &Feed[T]{size: size, floor: head, head: head}
}

// Subscribe makes the feed hold changes from now on. It returns the revision up to which the feed holds none,
// and the function that ends the subscription.
func (f *Feed[T]) Subscribe() (head int64, unsubscribe func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers++
	return f.head, sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.readers--; f.readers == 0 {
			f.forget()
		}
	})
}

// Active reports whether anyone is subscribed.
func (f *Feed[T]) Active() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readers > 0
}

// Publish appends changes up to the revision head. Their revisions must ascend from those before.
// If the feed is not active the publisher may leave the changes out: they count as forgotten.
func (f *Feed[T]) Publish(head int64, entries []Entry[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head = head
	if f.readers == 0 || len(entries) == 0 {
		f.forget()
	}
	if f.readers > 0 {
		for _, e := range entries {
			f.push(e)
		}
	}
	f.changed.Tell()
}

func (f *Feed[T]) push(e Entry[T]) {
	if f.ring == nil {
		f.ring = make([]Entry[T], f.size)
	}
	if f.n == len(f.ring) {
		f.floor = f.ring[f.start].Revision
		f.ring[f.start] = e
		f.start = (f.start + 1) % len(f.ring)
		return
	}
	f.ring[(f.start+f.n)%len(f.ring)] = e
	f.n++
}

// forget drops all changes.
func (f *Feed[T]) forget() {
	f.ring, f.start, f.n = nil, 0, 0
	f.floor = f.head
}

// Next appends up to limit changes after the revision since to into. ok is false if changes after since have
// been forgotten: then the caller reads them from the store.
func (f *Feed[T]) Next(into []Entry[T], since int64, limit int) (entries []Entry[T], ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if since < f.floor {
		return into, false
	}
	at := func(i int) *Entry[T] { return &f.ring[(f.start+i)%len(f.ring)] }
	first := sort.Search(f.n, func(i int) bool { return at(i).Revision > since })
	for i := first; i < min(f.n, first+limit); i++ {
		into = append(into, *at(i))
	}
	return into, true
}

// Changed returns a channel that is closed once there is a change after since, or the feed has been closed.
func (f *Feed[T]) Changed(since int64) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.head > since {
		return closed
	}
	return f.changed.Next()
}

// Close ends the feed: there will be no more changes. Those it holds can still be read.
func (f *Feed[T]) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.changed.Tell()
}

// Closed reports whether Close was called and since is the revision of the last change.
func (f *Feed[T]) Closed(since int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed && since >= f.head
}

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
