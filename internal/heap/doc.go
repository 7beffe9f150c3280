// Package heap is a priority queue of items that can be moved and removed at any time.
//
// A [Heap] is a plain value: no lock, no clock, and no allocation except for the growth of its slice. Its owner guards
// it. Set and Remove take a time logarithmic in the number of items, First takes a constant time.
//
// Rejected: container/heap (each use writes its five methods again, and it compares through an interface); a function
// that compares (an indirect call for each comparison, and the driver makes thirty for one timer among a hundred
// thousand). Users that order by [time.Time] store the time since a fixed moment instead.
package heap
