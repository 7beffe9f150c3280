package hostcalls

import "sync"

// Budget bounds the use of a resource by all guests of a node, and by each owner: an owner may have at most half
// as much as is left for all. So one owner alone gets a third, ten owners that take all they can leave a sixth,
// and a new owner always finds something left. (These are the dynamic thresholds by which switches share their
// memory: Choudhury and Hahne, 1998.) The owner is currently a workload.
//
// Its methods may be called from any goroutine. A nil Budget has no bound.
type Budget struct {
	limit int64

	mu     sync.Mutex // guards the fields below
	used   int64
	owners map[string]int64 // use by owner, without zeros
}

// NewBudget makes a budget with a limit.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit, owners: map[string]int64{}} }

// Take takes n for an owner. If the bounds do not allow that, it takes nothing and returns false.
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

// ownerLeast is what each owner may have as long as anything is left. It is enough for a program with a folder
// or two.
const ownerLeast = 8

// Give gives back n that was taken for an owner.
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
