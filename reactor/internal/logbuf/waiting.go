package logbuf

import (
	"cmp"
	"container/heap"
	"slices"
)

// waiter waits for room in a log.
type waiter struct{ ready func() }

// waiting are the logs whose writers wait for room: a heap, with the log first that has room before the others do. That is
// the one that holds the least; of several, the one that has waited for longest. So a release takes time for the writers
// that it wakes, and not for those that wait on.
type waiting []*Log

func (q waiting) Len() int { return len(q) }

func (q waiting) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].charged, q[j].charged), cmp.Compare(q[i].turn, q[j].turn)) < 0
}

func (q waiting) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

func (q *waiting) Push(l any) {
	log := l.(*Log)
	log.place = len(*q)
	*q = append(*q, log)
}

func (q *waiting) Pop() any {
	last := len(*q) - 1
	l := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return l
}

// queueOf returns the queue that a log waits in: those over their windows have less to share. mu is held.
func (s *Spool) queueOf(l *Log) *waiting {
	if l.over {
		return &s.waitingOver
	}
	return &s.waiting
}

// enqueue adds a waiter to a log. mu is held.
func (s *Spool) enqueue(l *Log, w *waiter) {
	if l.waiters = append(l.waiters, w); len(l.waiters) == 1 {
		s.turns++
		l.turn = s.turns
		heap.Push(s.queueOf(l), l)
	}
}

// dequeue removes a waiter from a log, if it still waits. mu is held.
func (s *Spool) dequeue(l *Log, w *waiter) {
	i := slices.Index(l.waiters, w)
	if i < 0 {
		return
	}
	if l.waiters = slices.Delete(l.waiters, i, i+1); len(l.waiters) == 0 {
		heap.Remove(s.queueOf(l), l.place)
	}
}

// notifyWaiters notifies the waiters that have room. mu is held.
func (s *Spool) notifyWaiters() {
	for _, q := range []*waiting{&s.waiting, &s.waitingOver} {
		for len(*q) > 0 && (s.refused || s.hasRoom((*q)[0])) {
			l := heap.Pop(q).(*Log)
			for _, w := range l.waiters {
				w.ready()
			}
			l.waiters = nil
		}
	}
}

// hasRoom reports whether a log has room for a write that is worth the while. mu is held.
func (s *Spool) hasRoom(l *Log) bool { return s.share(l) >= leastWrite+chunkCost }
