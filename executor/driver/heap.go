package driver

import "time"

// arity is the number of children of a heap node. Four make the heap half as deep as two, and the
// four dues that sifting down compares share a cache line.
const arity = 4

// slot is one heap entry. The due time is kept here, not in the timer, so that sifting touches only
// the timers that it moves.
type slot struct {
	due   time.Duration
	timer *Timer
}

// heap is a d-ary min-heap of timers by due time. It is a plain value: no lock, no clock.
//
// Invariant: for every i, slots[i].timer.pos == i+1, and no slot is due before its parent. A timer
// whose pos is 0 is in no heap.
type heap struct {
	slots []slot
}

// first returns the earliest due time, or never.
func (h *heap) first() time.Duration {
	if len(h.slots) == 0 {
		return never
	}
	return h.slots[0].due
}

// set puts t into the heap with this due time, or changes its due time if it is in the heap.
func (h *heap) set(t *Timer, due time.Duration) {
	if t.pos == 0 {
		h.slots = append(h.slots, slot{due, t})
		h.up(len(h.slots) - 1)
		return
	}
	i := t.pos - 1
	h.slots[i].due = due
	if !h.up(i) {
		h.down(i)
	}
}

// remove takes t out and reports whether it was in the heap.
func (h *heap) remove(t *Timer) bool {
	if t.pos == 0 {
		return false
	}
	i, last := t.pos-1, len(h.slots)-1
	moved := h.slots[last]
	h.slots[last] = slot{}
	h.slots = h.slots[:last]
	if i != last {
		h.slots[i] = moved
		if !h.up(i) {
			h.down(i)
		}
	}
	t.pos = 0
	return true
}

// up moves slot i towards the root to its place and reports whether it moved.
func (h *heap) up(i int) bool {
	s := h.slots[i]
	start := i
	for i > 0 {
		parent := (i - 1) / arity
		if h.slots[parent].due <= s.due {
			break
		}
		h.place(i, h.slots[parent])
		i = parent
	}
	h.place(i, s)
	return i != start
}

// down moves slot i away from the root to its place.
func (h *heap) down(i int) {
	s := h.slots[i]
	for {
		first := i*arity + 1
		if first >= len(h.slots) {
			break
		}
		least := first
		for c := first + 1; c < min(first+arity, len(h.slots)); c++ {
			if h.slots[c].due < h.slots[least].due {
				least = c
			}
		}
		if s.due <= h.slots[least].due {
			break
		}
		h.place(i, h.slots[least])
		i = least
	}
	h.place(i, s)
}

func (h *heap) place(i int, s slot) {
	h.slots[i] = s
	s.timer.pos = i + 1
}
