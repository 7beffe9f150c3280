package engine

import (
	"context"
	"sync"
	"time"

	"github.com/reactord/reactord/internal/heap"
)

// lane is what a few can pass at a time, and no more of them than there is room for: each has a weight. Whoever waits is let in by a time of its own: when it came, and
// patience times as long as it is expected to take. So what is short passes what is long, and what is
// long waits no longer than its patience for what comes after it.
//
// Rejected: first come, first served (three modules that take a minute each hold up everybody); the
// shortest first (the long would wait for ever).
type lane struct {
	mu      sync.Mutex
	free    int   // places
	room    int64 // what is left of it
	opened  time.Time
	waiting heap.Heap[time.Duration, waiter] // by when each is due, counted from opened
}

// patience is how many times its expected duration something lets others pass.
const patience = 20

func newLane(width int, room int64) *lane { return &lane{free: width, room: room, opened: time.Now()} }

// enter waits for a place, and room for the weight, which the caller gives back by leave. It returns false, and
// there is nothing to give back, if ctx is done before. What weighs more than all the room never gets in. onWait, if
// it is not nil, is called before it waits, if it has to.
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
	l.admit() // it may have been in the way
	return false
}

// leave gives a place back.
func (l *lane) leave(weight int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free++
	l.room += weight
	l.admit()
}

// admit lets in who is due first, as long as there is a place and room for that one: nobody passes it because
// he is lighter, or the heavy would wait for ever.
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

// waiter is one that waits.
type waiter struct {
	weight   int64
	admitted chan struct{}
}
