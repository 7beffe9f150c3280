package hostcalls

import "sync"

// Budget bounds what all guests of a node take of something together, and what one owner takes of it: an
// owner has at most half as much as is left for all. So one alone has a third, ten that take what they
// can leave a sixth, and there is something left for whoever comes. (These are the dynamic thresholds by
// which switches share their memory: Choudhury and Hahne, 1998.) The owner is a workload now.
//
// Its methods are for any goroutine; a nil Budget has no bound.
type Budget struct {
	limit int64

	mu     sync.Mutex
	used   int64
	owners map[string]int64 // what each has that has something
}

// NewBudget makes a budget of so much.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit, owners: map[string]int64{}} }

// Take takes n for an owner, or nothing and returns false if that is more than there is for it.
func (b *Budget) Take(owner string, n int64) bool {
	if b == nil || n == 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if left := b.limit - b.used - n; left < 0 || b.owners[owner]+n > max(left/2, ownerLeast) {
		return false
	}
	b.used += n
	b.owners[owner] += n
	return true
}

// ownerLeast is what an owner may have in any case, as long as there is any left: what a program needs
// that has a folder or two.
const ownerLeast = 8

// Give gives n back that was taken for an owner.
func (b *Budget) Give(owner string, n int64) {
	if b == nil || n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	if b.owners[owner] -= n; b.owners[owner] == 0 {
		delete(b.owners, owner)
	}
}
