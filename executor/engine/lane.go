package engine

import (
	"context"
	"sync"
	"time"

	"github.com/reactord/reactord/internal/heap"
)

// lane is a weighted semaphore that admits short work before long work: it bounds the number of entrants and
// the sum of their weights. A waiter is due at the time when it came plus patience times its expected duration,
// and waiters are admitted in the order in which they are due. So short work passes long work, but only until
// the long work is due.
//
// Rejected: first come, first served (three modules that take a minute each hold up everybody); the
// shortest first (the long would wait for ever).
type lane struct {
	mu      sync.Mutex // guards the fields below
	free    int        // places left
	room    int64      // weight left
	opened  time.Time
	waiting heap.Heap[time.Duration, waiter] // by due time, counted from opened
}

// patience is the number of expected durations for which a waiter lets others pass.
const patience = 20

func newLane(width int, room int64) *lane { return &lane{free: width, room: room, opened: time.Now()} }

// enter waits for a place and for room for the weight. If it returns true, the caller must call leave. It
// returns false if ctx is done first. A weight above the whole room is never admitted. onWait, unless nil, is
// called before enter waits, if it has to wait.
func (l *lane) enter(ctx context.Context, expected time.Duration, weight int64, onWait func()) bool {
	w := &heap.Item[time.Duration, waiter]{Value: waiter{weight, make(chan struct{})}}
	l.mu.Lock()
	l.waiting.Set(w, time.Since(l.opened)+patience*expected)
	l.admit()
	l.mu.Unlock()
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
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.waiting.Remove(w) {
		return true // it was admitted meanwhile
	}
	l.admit() // lighter waiters may have been behind it
	return false
}

// leave gives back a place and the weight.
func (l *lane) leave(weight int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free++
	l.room += weight
	l.admit()
}

// admit admits the first waiters, as long as there is a place and room for them. A lighter waiter does not pass
// the first one, or heavy ones would wait for ever. The caller holds mu.
func (l *lane) admit() {
	for l.free > 0 {
		w, _ := l.waiting.First()
		if w == nil || w.Value.weight > l.room {
			return
		}
		l.waiting.Remove(w)
		l.free--
		l.room -= w.Value.weight
		close(w.Value.admitted)
	}
}

// waiter is an entrant that waits.
type waiter struct {
	weight   int64
	admitted chan struct{}
}
