package engine

import (
	"context"
	"sync"
	"time"

	"github.com/reactord/reactord/internal/heap"
)

// semaphore is a weighted semaphore that admits short work before long work: it bounds the number of entrants and
// the sum of their weights. A waiter is due at the time when it came plus patience times its expected duration,
// and waiters are admitted in the order in which they are due. So short work passes long work, but only until
// the long work is due.
//
// Rejected: first come, first served (three modules that take a minute each hold up everybody); the
// shortest first (the long would wait for ever).
type semaphore struct {
	width int // places in all

	mu      sync.Mutex // guards the fields below
	free    int        // places left
	room    int64      // weight left
	opened  time.Time
	waiting heap.Heap[time.Duration, waiter] // by due time, counted from opened
}

// patience is the number of expected durations for which a waiter lets others pass.
const patience = 20

func newSemaphore(width int, room int64) *semaphore {
	return &semaphore{width: width, free: width, room: room, opened: time.Now()}
}

// acquire waits for a place and for room for the weight. If it returns true, the caller must call release. It
// returns false if ctx is done first. A weight above the whole room is never admitted. onWait, unless nil, is
// called before acquire waits, if it has to wait.
func (s *semaphore) acquire(ctx context.Context, expected time.Duration, weight int64, onWait func()) bool {
	w := &heap.Item[time.Duration, waiter]{Value: waiter{weight, make(chan struct{})}}
	s.mu.Lock()
	s.waiting.Set(w, time.Since(s.opened)+patience*expected)
	s.admit()
	s.mu.Unlock()
	select {
	case <-w.Value.admitted:
		return true
	default:
		if onWait != nil {
			onWait()
		}
	}
	select {
	case <-w.Value.admitted:
		return true
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waiting.Remove(w) {
		return true // it was admitted meanwhile
	}
	s.admit() // lighter waiters may have been behind it
	return false
}

// load returns how many are inside, and how many wait.
func (s *semaphore) load() (inside, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.width - s.free, s.waiting.Len()
}

// release gives back a place and the weight.
func (s *semaphore) release(weight int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	s.room += weight
	s.admit()
}

// admit admits the first waiters, as long as there is a place and room for them. A lighter waiter does not pass
// the first one, or heavy ones would wait for ever. The caller holds mu.
func (s *semaphore) admit() {
	for s.free > 0 {
		w, _ := s.waiting.First()
		if w == nil || w.Value.weight > s.room {
			return
		}
		s.waiting.Remove(w)
		s.free--
		s.room -= w.Value.weight
		close(w.Value.admitted)
	}
}

// waiter is an entrant that waits.
type waiter struct {
	weight   int64
	admitted chan struct{}
}
