package component

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
)

// looks lets others look at what a store keeps for its fiber alone, while the store waits. The store holds mu as long as it runs,
// and never waits for more than one look, which is a short one. Who looks does not wait: a store that runs is not looked at.
type looks struct {
	mu      sync.Mutex
	runs    bool        // the store does; it is the fiber's
	wanted  atomic.Bool // the store waits for mu: a Mutex alone would let who looks have it again first
	looking sync.Mutex  // one looks at a time, so that mu is only ever held by the store or by who has this one
}

// run says that the store runs.
func (l *looks) run() {
	if l.runs {
		return
	}
	if !l.mu.TryLock() {
		l.wanted.Store(true)
		l.mu.Lock()
		l.wanted.Store(false)
	}
	l.runs = true
}

// stop says that it waits, until run.
func (l *looks) stop() {
	l.runs = false
	l.mu.Unlock()
}

// look calls what until it returns false, and in between lets the store go on, if that wants to. It reports false if the store has
// run before that. What is to be quick: a worker may wait for it. It may be called from any goroutine.
func (l *looks) look(what func() (more bool)) bool {
	l.looking.Lock()
	defer l.looking.Unlock()
	for more := true; more; {
		if l.wanted.Load() || !l.mu.TryLock() {
			return false
		}
		more = what()
		l.mu.Unlock()
	}
	return true
}

// wholeStore is how a store waits as a whole: in a host function that waits by the methods of Call.
type wholeStore struct{ *Store }

// Wake implements hostcalls.Parker.
func (w wholeStore) Wake() { w.task.Wake() }

// WakeDue implements hostcalls.Parker.
func (w wholeStore) WakeDue(due time.Time) { w.task.WakeDue(due) }

// Park implements hostcalls.Parker.
func (w wholeStore) Park(kind hostcalls.OpKind) (executor.Wait, error) {
	f := w.Fiber()
	w.tellStopped()
	w.rest()
	w.looks.stop()
	err := f.ParkFor(executor.WaitKind(kind))
	w.looks.run()
	return f.LastWait(), err
}
