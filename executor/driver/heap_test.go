package driver

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// check verifies the heap's invariant.
func (h *heap) check(t *testing.T) {
	t.Helper()
	for i, s := range h.slots {
		if s.timer.pos != i+1 {
			t.Fatalf("slot %d holds a timer that thinks it is at %d", i, s.timer.pos-1)
		}
		if parent := (i - 1) / arity; i > 0 && h.slots[parent].due > s.due {
			t.Fatalf("slot %d, due %v, is below slot %d, due %v", i, s.due, parent, h.slots[parent].due)
		}
	}
}

// TestHeapAgainstSortedList does random things to a heap and to a list that is searched.
func TestHeapAgainstSortedList(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var h heap
	timers := make([]Timer, 200)
	due := map[*Timer]time.Duration{}
	for range 20_000 {
		tm := &timers[rng.IntN(len(timers))]
		if rng.IntN(3) > 0 {
			d := time.Duration(rng.IntN(1000))
			h.set(tm, d)
			due[tm] = d
		} else {
			_, in := due[tm]
			if got := h.remove(tm); got != in {
				t.Fatalf("remove = %v, want %v", got, in)
			}
			delete(due, tm)
		}
		h.check(t)
		want := never
		for _, d := range due {
			want = min(want, d)
		}
		if h.first() != want || len(h.slots) != len(due) {
			t.Fatalf("first, len = %v, %d, want %v, %d", h.first(), len(h.slots), want, len(due))
		}
	}
}

func TestHeapSorts(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var h heap
	timers := make([]Timer, 10_000)
	for i := range timers {
		h.set(&timers[i], time.Duration(rng.IntN(1_000_000)))
	}
	var got []time.Duration
	for len(h.slots) > 0 {
		got = append(got, h.first())
		h.remove(h.slots[0].timer)
	}
	if len(got) != len(timers) || !slices.IsSorted(got) {
		t.Errorf("%d came out, sorted: %v", len(got), slices.IsSorted(got))
	}
}
