package hostcalls

import "sync/atomic"

// Budget bounds what all guests of a node take of something together. Its methods are for any
// goroutine; a nil Budget has no bound.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// NewBudget makes a budget of so much.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// Take takes n, or nothing and returns false if there is less.
func (b *Budget) Take(n int64) bool {
	if b == nil {
		return true
	}
	if b.used.Add(n) > b.limit {
		b.used.Add(-n)
		return false
	}
	return true
}

// Give gives n back that was taken.
func (b *Budget) Give(n int64) {
	if b != nil {
		b.used.Add(-n)
	}
}
