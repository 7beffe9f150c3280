package engine

import (
	"container/heap"
	"context"
	"sync"
	"time"
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
	waiting waitHeap
}

// patience is how many times its expected duration something lets others pass.
const patience = 20

func newLane(width int, room int64) *lane { return &lane{free: width, room: room} }

// enter waits for a place, and room for the weight, which the caller gives back by leave. It returns false, and
// there is nothing to give back, if ctx is done before. What weighs more than all the room never gets in. onWait, if
// it is not nil, is called before it waits, if it has to.
func (l *lane) enter(ctx context.Context, expected time.Duration, weight int64, onWait func()) bool {
	w := &waiter{due: time.Now().Add(patience * expected), weight: weight, admitted: make(chan struct{})}
	l.mu.Lock()
	heap.Push(&l.waiting, w)
	l.admit()
	l.mu.Unlock()
	select {
	case <-w.admitted:
		return true
	default:
		if onWait != nil {
			onWait()
		}
	}
	select {
	case <-w.admitted:
		return true
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.place < 0 {
		return true // it was admitted meanwhile
	}
	heap.Remove(&l.waiting, w.place)
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
	for l.free > 0 && l.waiting.Len() > 0 && l.waiting[0].weight <= l.room {
		w := heap.Pop(&l.waiting).(*waiter)
		l.free--
		l.room -= w.weight
		close(w.admitted)
	}
}

// waiter is one that waits.
type waiter struct {
	due      time.Time
	weight   int64
	place    int // in the heap; -1: not there
	admitted chan struct{}
}

// waitHeap has who waits, the earliest due first.
type waitHeap []*waiter

func (h waitHeap) Len() int           { return len(h) }
func (h waitHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h waitHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *waitHeap) Push(x any) {
	w := x.(*waiter)
	w.place = len(*h)
	*h = append(*h, w)
}

func (h *waitHeap) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	w.place = -1
	return w
}
