package heap

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// check verifies the invariant.
func (h *Heap[K, V]) check(t *testing.T) {
	t.Helper()
	for n, s := range h.slots {
		if s.item.place != n+1 {
			t.Fatalf("slot %d has an item that thinks it is in %d", n, s.item.place-1)
		}
		if parent := (n - 1) / arity; n > 0 && s.key < h.slots[parent].key {
			t.Fatalf("slot %d, key %v, is below slot %d, key %v", n, s.key, parent, h.slots[parent].key)
		}
	}
	if spare := h.slots[:cap(h.slots)][len(h.slots):]; slices.ContainsFunc(spare, func(s slot[K, V]) bool { return s.item != nil }) {
		t.Fatal("an item that was removed is kept in memory")
	}
}

// TestHeap plays scripts: "a5" sets a to 5, "-a" removes it, "." removes the first.
func TestHeap(t *testing.T) {
	for _, tt := range []struct{ name, script, want string }{
		{"empty", ".", "none"},
		{"in order", "a3 b1 c2 . . . .", "b c a none"},
		{"moved back", "a1 b2 a3 . .", "b a"},
		{"moved to the front", "a1 b2 c3 c0 . . .", "c a b"},
		{"set to what it has", "a1 b2 a1 . . .", "a b none"},
		{"removed", "a1 b2 c3 -b . . .", "a c none"},
		{"the last removed", "a1 b2 -b . .", "a none"},
		{"removed twice", "a1 -a -a .", "none"},
		{"removed and set again", "a1 b2 -a a3 . .", "b a"},
		{"filled from another branch", "a1 b5 c6 d7 e2 f8 g9 h8 i8 j3 -f . . . . .", "a e j b c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h Heap[int, byte]
			items := map[byte]*Item[int, byte]{}
			var got []string
			for op := range strings.FieldsSeq(tt.script) {
				switch op[0] {
				case '.':
					name := "none"
					if first, _ := h.First(); first != nil {
						name = string(first.Value)
						h.Remove(first)
					}
					got = append(got, name)
				case '-':
					if in := items[op[1]].In(); h.Remove(items[op[1]]) != in || items[op[1]].In() {
						t.Errorf("%s of an item that is in, %v", op, in)
					}
				default:
					if items[op[0]] == nil {
						items[op[0]] = &Item[int, byte]{Value: op[0]}
					}
					h.Set(items[op[0]], int(op[1]-'0'))
				}
				h.check(t)
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Items that are set to equal keys again and again take turns.
func TestTurns(t *testing.T) {
	var h Heap[int, int]
	items := make([]Item[int, int], 10)
	for n := range items {
		items[n].Value = n
		h.Set(&items[n], 0)
	}
	turns := make([]int, len(items))
	for round := range 1000 {
		first, _ := h.First()
		turns[first.Value]++
		h.Set(first, round/len(items)+1)
	}
	if least, most := slices.Min(turns), slices.Max(turns); most-least > 1 {
		t.Errorf("turns %v", turns)
	}
}

func TestSorts(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var h Heap[int, string]
	items := make([]Item[int, string], 10_000)
	for n := range items {
		h.Set(&items[n], rng.IntN(1_000_000))
	}
	var got []int
	for h.Len() > 0 {
		first, key := h.First()
		got = append(got, key)
		h.Remove(first)
	}
	if len(got) != len(items) || !slices.IsSorted(got) {
		t.Errorf("%d came out, sorted: %v", len(got), slices.IsSorted(got))
	}
}

// FuzzHeap compares a heap with a sorted list. Each pair of bytes is an item and its new key; if the key is a multiple of
// three the item is removed instead.
func FuzzHeap(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 8 {
		ops := make([]byte, 4000)
		for n := range ops {
			ops[n] = byte(rng.Uint32())
		}
		f.Add(ops)
	}
	type entry struct {
		key  byte
		item int
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		var h Heap[byte, int]
		var items [256]Item[byte, int]
		var list []entry // by key
		for ; len(ops) >= 2; ops = ops[2:] {
			n, key := int(ops[0]), ops[1]
			at := slices.IndexFunc(list, func(e entry) bool { return e.item == n })
			if at >= 0 {
				list = slices.Delete(list, at, at+1)
			}
			if key%3 == 0 {
				if got := h.Remove(&items[n]); got != (at >= 0) {
					t.Fatalf("Remove = %v, want %v", got, at >= 0)
				}
			} else {
				items[n].Value = n
				h.Set(&items[n], key)
				at, _ = slices.BinarySearchFunc(list, key, func(e entry, key byte) int { return cmp.Compare(e.key, key) })
				list = slices.Insert(list, at, entry{key, n})
			}
			h.check(t)
			first, least := h.First()
			switch {
			case h.Len() != len(list) || items[n].In() != (key%3 != 0):
				t.Fatalf("%d items, want %d; the last is in: %v", h.Len(), len(list), items[n].In())
			case len(list) == 0 && first != nil, len(list) > 0 && (least != list[0].key || !slices.Contains(list, entry{least, first.Value})):
				t.Fatalf("First = %v, %v, the list has %v", first, least, list)
			}
		}
	})
}
