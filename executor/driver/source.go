package driver

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

// Source is a registered descriptor, whose readiness all waits share:
//
//  1. Register tells the poller. There is one registration for each descriptor, however many wait for it and however
//     often. (TestSourceWaitsAreIndependent)
//  2. The poller reports events, from whichever goroutine polls: a change to ready, not a state. An event sets the
//     readiness and ends the waits for it. (TestSourceReadable)
//  3. Who wants to read or write tries, whatever the readiness. If the descriptor was not ready, they say so
//     (Exhausted), with the Readiness that they had read before. (TestReadiness, TestEventsAreNotLost)
//  4. Await ends at once if the descriptor may be ready, so a wait costs no system call. That may be wrong, since a
//     descriptor that nobody has tried counts as ready; then the caller tries, says so, and waits again.
//  5. mu decides whether stop or an event was first. (TestStopAgainstEvent)
type Source struct {
	fd     int
	poller poller
	word   atomic.Uint64 // a Readiness; changed under mu

	mu     sync.Mutex // guards the fields below
	closed bool
	waits  [directions]waitList
	armed  [directions]*duplicate // for pollers that need it
}

// Register watches fd, which is in non-blocking mode. Close must be called before fd is closed. Register fails if the
// system has no room, or fd can't be waited for, such as a regular file.
func (d *Driver) Register(fd int) (*Source, error) {
	p, err := d.sources.start(d)
	if err != nil {
		return nil, err
	}
	s := &Source{fd: fd, poller: p}
	s.word.Store(uint64(unknown))
	if err := p.register(s); err != nil {
		return nil, err
	}
	return s, nil
}

// PollBatch is the number of events that one Poll takes at most, so that it ends soon.
const PollBatch = 64

// Poll takes events of registered descriptors, without blocking, and calls the completions of waits that are over. It
// returns true if there may be more. The executor's workers call it between quanta, as they call Expire. If nothing is
// registered it costs one atomic load, otherwise a system call of less than half a microsecond.
func (d *Driver) Poll() (more bool) {
	p := d.sources.poller.Load()
	return p != nil && (*p).poll()
}

// HasSources reports whether a descriptor was registered, so that polling may find something. It is one atomic load.
func (d *Driver) HasSources() bool { return d.sources.poller.Load() != nil }

// Readiness returns what is known of the descriptor. It is read before a try.
func (s *Source) Readiness() Readiness { return Readiness(s.word.Load()) }

// Exhausted says that a try found the descriptor not ready, and what its Readiness was before the try.
func (s *Source) Exhausted(dir Direction, seen Readiness) {
	s.mu.Lock()
	s.word.Store(uint64(s.Readiness().exhausted(dir, seen)))
	s.mu.Unlock()
}

// Drained says that a try read fewer bytes of a stream than it had room for, or wrote fewer than it had: the next would
// find it not ready. It saves that try.
func (s *Source) Drained(dir Direction, seen Readiness) {
	s.mu.Lock()
	s.word.Store(uint64(s.Readiness().drained(dir, seen)))
	s.mu.Unlock()
}

// Await calls onReady once, when the descriptor may be ready or the Source has been closed: before Await returns if it
// is so already, otherwise from any goroutine. onReady must neither block nor call the Source. It is not called after
// stop has returned. stop may be called at any time, more than once, and waits only for a running call of onReady.
func (s *Source) Await(dir Direction, onReady func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.Readiness().Ready(dir) {
		onReady()
		return func() {}
	}
	w := &wait{source: s, dir: dir, onReady: onReady}
	s.waits[dir].add(w)
	s.poller.arm(s, dir)
	return w.stop
}

// Close ends the registration and the waits. The descriptor remains open. It may be called from any goroutine, and
// more than once.
func (s *Source) Close() {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return
	}
	s.poller.unregister(s)
	s.onEvent(readable | writable | ending)
}

// onEvent sets what an event tells, and ends the waits for it.
func (s *Source) onEvent(bits Readiness) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onEventLocked(bits)
}

func (s *Source) onEventLocked(bits Readiness) {
	s.word.Store(uint64(s.Readiness().after(bits)))
	for dir := range s.waits {
		if !bits.Ready(Direction(dir)) {
			continue
		}
		if s.waits[dir].completeAll() {
			s.poller.disarm(s, Direction(dir))
		}
	}
}

// wait is one wait for a Source.
type wait struct {
	source     *Source
	dir        Direction
	onReady    func() // nil once it was called or the wait was stopped; guarded by source.mu
	prev, next *wait
}

func (w *wait) stop() {
	s := w.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.onReady == nil {
		return
	}
	w.onReady = nil
	if s.waits[w.dir].remove(w) {
		s.poller.disarm(s, w.dir)
	}
}

// waitList is a list of waits, in order.
type waitList struct{ first, last *wait }

func (l *waitList) add(w *wait) {
	if w.prev = l.last; w.prev == nil {
		l.first = w
	} else {
		w.prev.next = w
	}
	l.last = w
}

// remove removes w, and reports whether the list is empty now.
func (l *waitList) remove(w *wait) (empty bool) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
	return l.first == nil
}

// completeAll empties the list, and reports whether there was one to complete.
func (l *waitList) completeAll() (some bool) {
	for w := l.first; w != nil; w = l.first {
		l.remove(w)
		onReady := w.onReady
		w.onReady = nil
		onReady()
		some = true
	}
	return some
}

// poller reports the events of registered descriptors. Its methods may be called from any goroutine.
type poller interface {
	register(s *Source) error
	unregister(s *Source)
	// arm is called when a wait begins, and disarm when the last in a direction has ended. s.mu is held.
	arm(s *Source, dir Direction)
	disarm(s *Source, dir Direction)
	// poll reports events that there are, without blocking, and whether there may be more.
	poll() (more bool)
	// close ends the poller's goroutines.
	close()
}

// sources starts the poller when it is first needed: most drivers of tests run in virtual time, where nobody may wait
// for the network.
type sources struct {
	poller atomic.Pointer[poller]

	mu     sync.Mutex // guards the start and the end
	closed bool
}

func (ss *sources) start(d *Driver) (poller, error) {
	if p := ss.poller.Load(); p != nil {
		return *p, nil
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return nil, os.ErrClosed
	}
	if p := ss.poller.Load(); p != nil {
		return *p, nil
	}
	p, err := newPoller(d)
	if err != nil {
		return nil, fmt.Errorf("driver: %w", err)
	}
	ss.poller.Store(&p)
	return p, nil
}

func (ss *sources) close() {
	ss.mu.Lock()
	ss.closed = true
	ss.mu.Unlock()
	if p := ss.poller.Load(); p != nil {
		(*p).close()
	}
}
