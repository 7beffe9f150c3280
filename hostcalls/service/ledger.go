package service

import (
	"slices"
	"sync"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
)

// ledger divides the workload's share of the node's memory among its instances and what it holds for connections and requests. The
// workload asks for what all of them have together, and gets it back when it is settled.
type ledger struct {
	of   hostcalls.Memory // of the workload
	fail func(error)      // ends the service, which gets no memory; it is called with mu held

	mu      sync.Mutex
	held    int64 // by all
	peak    int64
	asking  bool     // the workload is to wait for memory
	waiting []*share // the first one first
}

// take counts n bytes more, if the workload has them or gets them. Whoever is to wait asks again after retry. mu is held.
func (l *ledger) take(n int64) (wait bool, err error) {
	allowed := l.of.Allowance()
	if !allowed.Hold(l.held + n) {
		allowed.Hold(l.held)
		if l.asking {
			return true, nil
		}
		if l.asking, err = l.of.Ask(l.held + n); l.asking || err != nil {
			return l.asking, err
		}
		allowed.Hold(l.held + n)
	}
	l.held += n
	l.peak = max(l.peak, l.held)
	return false, nil
}

// hold counts n bytes of the host, and reports whether there were as many without waiting.
func (l *ledger) hold(n int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait, err := l.take(n)
	if err != nil {
		l.fail(err)
	}
	return !wait && err == nil
}

// free is the opposite of hold.
func (l *ledger) free(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.give(n)
}

// give gives bytes back, to those who wait. mu is held.
func (l *ledger) give(n int64) {
	l.held -= n
	l.of.Allowance().Hold(l.held)
	l.serve()
}

// retry is called when the workload may have got the memory that it waits for.
func (l *ledger) retry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asking && !l.of.Waits() {
		l.asking = false
		l.serve()
	}
}

// serve gives memory to the instances that wait, as far as there is some. mu is held.
func (l *ledger) serve() {
	for len(l.waiting) > 0 {
		s := l.waiting[0]
		wait, err := l.take(s.wants)
		if wait {
			return
		}
		l.waiting = l.waiting[1:]
		if err != nil {
			s.task.Cancel(err)
			l.fail(err)
			continue
		}
		s.taken += s.wants
		s.wants = 0
		s.allowance.Grant(s.taken)
		s.task.Wake()
	}
}

// peakBytes returns the most that was held.
func (l *ledger) peakBytes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.peak
}

// piece is what an instance takes at least: it asks rarely.
const piece = 256 << 10

// share is an instance's part of a ledger. It implements hostcalls.Memory.
type share struct {
	ledger    *ledger
	allowance engine.Allowance
	task      task // of the instance; set before it asks

	// Guarded by ledger.mu.
	taken int64
	wants int64 // how much more it waits for; 0: it does not wait
}

// task is what is needed of an executor.Task.
type task interface {
	Wake()
	Cancel(cause error)
}

var _ task = (*executor.Task)(nil)

// Allowance implements hostcalls.Memory.
func (s *share) Allowance() *engine.Allowance { return &s.allowance }

// Ask implements hostcalls.Memory.
func (s *share) Ask(bytes int64) (wait bool, err error) {
	l := s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	more := max(bytes-s.taken, piece)
	if bytes <= s.taken {
		return false, nil
	}
	wait = true
	if len(l.waiting) == 0 {
		wait, err = l.take(more)
	}
	switch {
	case err != nil:
		l.fail(err)
	case wait:
		s.wants = more
		l.waiting = append(l.waiting, s)
	default:
		s.taken += more
		s.allowance.Grant(s.taken)
	}
	return wait, err
}

// Waits implements hostcalls.Memory.
func (s *share) Waits() bool {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	return s.wants > 0
}

// close gives all back: the instance has ended.
func (s *share) close() {
	l := s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.wants > 0 {
		s.wants = 0
		l.waiting = slices.DeleteFunc(l.waiting, func(other *share) bool { return other == s })
	}
	taken := s.taken
	s.taken = 0
	l.give(taken)
}
