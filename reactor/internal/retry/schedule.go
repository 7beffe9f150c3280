package retry

import (
	"container/heap"
	"time"
)

// Alarm is the place of a Value in a Schedule, in one at most. Its zero value is in none.
type Alarm[T any] struct {
	Value T
	due   time.Time
	place int // in the heap, counted from 1; 0: in none
}

// Set reports whether the alarm is in a schedule.
func (a *Alarm[T]) Set() bool { return a.place > 0 }

// Due is when it goes off.
func (a *Alarm[T]) Due() time.Time { return a.due }

// Schedule has alarms in the order in which they go off. The zero value is empty. Each operation
// takes time that grows with the logarithm of their number.
type Schedule[T any] struct{ heap alarms[T] }

// Len is the number of alarms.
func (s *Schedule[T]) Len() int { return len(s.heap) }

// Add sets an alarm that is not set.
func (s *Schedule[T]) Add(a *Alarm[T], due time.Time) {
	a.due = due
	heap.Push(&s.heap, a)
}

// Remove takes an alarm out, and reports whether it was in.
func (s *Schedule[T]) Remove(a *Alarm[T]) bool {
	if !a.Set() {
		return false
	}
	heap.Remove(&s.heap, a.place-1)
	return true
}

// Next is when the first alarm goes off; ok is false if there is none.
func (s *Schedule[T]) Next() (due time.Time, ok bool) {
	if len(s.heap) == 0 {
		return time.Time{}, false
	}
	return s.heap[0].due, true
}

// Pop takes the first alarm out that is due; nil if none is.
func (s *Schedule[T]) Pop(now time.Time) *Alarm[T] {
	if len(s.heap) == 0 || s.heap[0].due.After(now) {
		return nil
	}
	return heap.Pop(&s.heap).(*Alarm[T])
}

// alarms is a heap, the first to go off at the top.
type alarms[T any] []*Alarm[T]

func (h alarms[T]) Len() int           { return len(h) }
func (h alarms[T]) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

func (h alarms[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *alarms[T]) Push(x any) {
	a := x.(*Alarm[T])
	*h = append(*h, a)
	a.place = len(*h)
}

func (h *alarms[T]) Pop() any {
	last := len(*h) - 1
	a := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	a.place = 0
	return a
}
