package heap

import "cmp"

// arity is the number of children of a slot. Four make the heap half as deep as two, and the four keys that
// sifting down compares share a cache line.
const arity = 4

// Item is a Value that can be in a heap, in one at most. It must not be copied while it is in. The zero value is in
// no heap.
type Item[K cmp.Ordered, V any] struct {
	Value V
	place int // index in slots plus one; 0 if it is in no heap
}

// In reports whether the item is in a heap.
func (i *Item[K, V]) In() bool { return i.place > 0 }

// Heap is a min-heap of items by their keys. The order of items with equal keys is not defined, but items that are set
// to equal keys again and again take turns. No key may be NaN. The zero value is empty.
//
// Invariant: for every n, slots[n].item.place == n+1, and no slot's key is less than its parent's.
type Heap[K cmp.Ordered, V any] struct{ slots []slot[K, V] }

// slot is one heap entry. The key is kept here, not in the item, so that sifting touches only the items that it moves.
type slot[K cmp.Ordered, V any] struct {
	key  K
	item *Item[K, V]
}

// Len returns the number of items.
func (h *Heap[K, V]) Len() int { return len(h.slots) }

// First returns the item with the least key, and the key. It returns nil if the heap is empty.
func (h *Heap[K, V]) First() (*Item[K, V], K) {
	if len(h.slots) == 0 {
		var none K
		return nil, none
	}
	return h.slots[0].item, h.slots[0].key
}

// Set puts an item into the heap with this key, or changes its key if it is in the heap.
func (h *Heap[K, V]) Set(i *Item[K, V], key K) {
	if i.place == 0 {
		h.slots = append(h.slots, slot[K, V]{key, i})
		h.up(len(h.slots) - 1)
		return
	}
	h.slots[i.place-1].key = key
	h.restore(i.place - 1)
}

// Remove takes an item out and reports whether it was in the heap.
func (h *Heap[K, V]) Remove(i *Item[K, V]) bool {
	if i.place == 0 {
		return false
	}
	n, last := i.place-1, len(h.slots)-1
	moved := h.slots[last]
	h.slots[last] = slot[K, V]{}
	h.slots = h.slots[:last]
	if n != last {
		h.put(n, moved)
		h.restore(n)
	}
	i.place = 0
	return true
}

// restore moves slot n to its place after its key has changed.
func (h *Heap[K, V]) restore(n int) {
	switch {
	case n > 0 && h.slots[n].key < h.slots[(n-1)/arity].key:
		h.up(n)
	case n*arity+1 < len(h.slots):
		h.down(n)
	}
}

// up moves slot n towards the root, past larger keys.
func (h *Heap[K, V]) up(n int) {
	s := h.slots[n]
	for n > 0 {
		parent := (n - 1) / arity
		if h.slots[parent].key <= s.key {
			break
		}
		h.put(n, h.slots[parent])
		n = parent
	}
	h.put(n, s)
}

// down moves slot n away from the root, past smaller and equal keys.
func (h *Heap[K, V]) down(n int) {
	s := h.slots[n]
	for {
		first := n*arity + 1
		if first >= len(h.slots) {
			break
		}
		least, key := first, h.slots[first].key
		for c, child := range h.slots[first+1 : min(first+arity, len(h.slots))] {
			if child.key < key {
				least, key = first+1+c, child.key
			}
		}
		if s.key < key {
			break
		}
		h.put(n, h.slots[least])
		n = least
	}
	h.put(n, s)
}

func (h *Heap[K, V]) put(n int, s slot[K, V]) {
	h.slots[n] = s
	s.item.place = n + 1
}
