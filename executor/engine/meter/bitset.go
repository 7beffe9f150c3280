package meter

import "math/bits"

// bitset is a set of small numbers. Operands of its methods have equal lengths.
type bitset []uint64

func (s bitset) has(i uint32) bool { return s[i/64]>>(i%64)&1 != 0 }
func (s bitset) add(i uint32)      { s[i/64] |= 1 << (i % 64) }
func (s bitset) remove(i uint32)   { s[i/64] &^= 1 << (i % 64) }

func (s bitset) union(t bitset) {
	for i, w := range t {
		s[i] |= w
	}
}

func (s bitset) subtract(t bitset) {
	for i, w := range t {
		s[i] &^= w
	}
}

func (s bitset) len() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// lenAnd returns the size of the intersection.
func (s bitset) lenAnd(t bitset) int {
	n := 0
	for i, w := range t {
		n += bits.OnesCount64(w & s[i])
	}
	return n
}
