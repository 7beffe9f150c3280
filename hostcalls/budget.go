package hostcalls

import "sync"

// Budget bounds the use of a resource by all guests of a node, and by each owner: an owner may have at most half
// as much as is left for all. So one owner alone gets a third, ten owners that take all they can leave a sixth,
// and a new owner always finds something left. (These are the dynamic thresholds by which switches share their
// memory: Choudhury and Hahne, 1998.) The owner is currently a workload.
//
// Its methods may be called from any goroutine. A nil Budget has no bound.
type Budget struct {
	// OnRefused, unless nil, is called when something is refused to an owner. It must not block. It is set before the budget
	// is used.
	OnRefused func(owner string)

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
	allowed := b.allows(owner, n)
	if allowed {
		b.used += n
		b.owners[owner] += n
	}
	b.mu.Unlock()
	if !allowed {
		b.Refused(owner)
	}
	return allowed
}

// Allows reports whether Take would take n for an owner now.
func (b *Budget) Allows(owner string, n int64) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.allows(owner, n)
}

// allows is called with mu held.
func (b *Budget) allows(owner string, n int64) bool {
	left := b.limit - b.used - n
	return left >= 0 && b.owners[owner]+n <= max(left/2, ownerLeast)
}

// Refused notes that something was refused to an owner for want of the resource, by the budget or by the system.
func (b *Budget) Refused(owner string) {
	if b != nil && b.OnRefused != nil {
		b.OnRefused(owner)
	}
}

// Use returns how much is taken, and how much may be in all.
func (b *Budget) Use() (used, limit int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used, b.limit
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
