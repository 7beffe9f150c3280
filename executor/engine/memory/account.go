package memory

import (
	"errors"
	"sync"
	"unsafe"
)

// The reasons why an account is refused bytes, besides errors of the operating system.
var (
	ErrAccountLimit = errors.New("the limit of the account is reached")
	ErrPoolLimit    = errors.New("the limit of all accounts together is reached")
)

// Account counts the memory that one guest holds of a pool: its linear memories, and the bytes reserved besides them.
type Account struct {
	pool    *Pool
	budget  budget
	allowed *Allowance
	first   Memory    // most guests have one
	others  []*Memory // all but the first
	annexes []vacated // what Attach returned, until Close
	refusal error     // reason of the last refusal
	denied  bool      // the last refusal came from the allowance, or from the pool in spite of it
	closed  bool

	mu        sync.Mutex // orders Abandon and Close
	abandoned int64      // its bytes that Pool.Freeing counts
}

// NewAccount opens an account that may hold limitBytes; zero or less means no limit but the pool's. Within
// that limit it asks its allowance, if it has one, for what was not granted.
func (p *Pool) NewAccount(limitBytes int64, allowed *Allowance) *Account {
	a := &Account{pool: p, allowed: allowed}
	a.budget.setLimit(limitBytes)
	p.accounts.Add(1)
	return a
}

// NewMemory returns a memory of zero bytes that may grow to most bytes. It goes with the account.
func (a *Account) NewMemory(most int64) *Memory {
	m := &a.first
	if m.account != nil {
		m = new(Memory)
		a.others = append(a.others, m)
	}
	m.account, m.ceiling = a, min(most, a.budget.limit, a.pool.budget.limit)
	return m
}

// MemoryAt returns the memory that begins at an address, or nil.
func (a *Account) MemoryAt(base *byte) *Memory {
	if a.first.base == base {
		return &a.first
	}
	for _, m := range a.others {
		if m.base == base {
			return m
		}
	}
	return nil
}

// Attach returns n zeroed bytes besides the linear memories, for what the host keeps for the guest. The caller has reserved
// them. They go with the account. It fails with an error of the operating system.
func (a *Account) Attach(n int64) ([]byte, error) {
	base, class, err := a.pool.acquire(n, n)
	if err != nil {
		return nil, err
	}
	a.annexes = append(a.annexes, vacated{class: class, base: base, touched: n})
	return unsafe.Slice(base, n), nil
}

// Reserve counts n bytes against both limits, or refuses and counts nothing.
func (a *Account) Reserve(n int64) bool {
	if a.closed || !a.take(n) {
		return false
	}
	if !a.pool.budget.take(n) {
		a.give(n)
		a.refusal, a.denied = ErrPoolLimit, a.allowed != nil
		return false
	}
	a.budget.mark()
	return true
}

// take counts n bytes against the account's own limit and its allowance, asking for what was not granted.
func (a *Account) take(n int64) bool {
	for {
		if !a.budget.take(n) {
			a.refusal, a.denied = ErrAccountLimit, false
			return false
		}
		if a.allowed == nil {
			return true
		}
		want := a.Used()
		a.allowed.used.Store(want)
		if want <= a.allowed.granted.Load() {
			return true
		}
		a.give(n)
		if err := a.allowed.Ask(want); err != nil {
			a.refusal, a.denied = err, true
			return false
		}
	}
}

// give subtracts n bytes from the account's own count.
func (a *Account) give(n int64) {
	a.budget.give(n)
	if a.allowed != nil {
		a.allowed.used.Store(a.Used())
	}
}

// Refusal returns the reason of the last refusal by Reserve or a memory's Reallocate: ErrAccountLimit,
// ErrPoolLimit, the allowance's error, or an error of the operating system.
func (a *Account) Refusal() error { return a.refusal }

// Denied reports whether the last refusal came from the account's allowance.
func (a *Account) Denied() bool { return a.denied }

// Release stops counting n bytes that were reserved.
func (a *Account) Release(n int64) {
	if a.closed {
		return
	}
	a.give(n)
	a.pool.budget.give(n)
}

// Used returns the bytes held now. It may be called from any goroutine.
func (a *Account) Used() int64 { return a.budget.used.Load() }

// Peak returns the most bytes ever held. It may be called from any goroutine, and after Close.
func (a *Account) Peak() int64 { return a.budget.peak.Load() }

// Abandon leaves the account to another goroutine, which closes it or has done so. Until it is closed, the
// pool counts its bytes as freeing.
func (a *Account) Abandon() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.abandoned = a.Used()
		a.pool.freeing.Add(a.abandoned)
	}
}

// Close frees the memory and everything reserved. It may be called more than once.
func (a *Account) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.first.Free()
	for _, m := range a.others {
		m.Free()
	}
	for _, annex := range a.annexes {
		annex.counted = min(annex.touched, a.Used())
		a.give(annex.counted)
		a.pool.vacate(annex)
	}
	a.others, a.annexes = nil, nil
	a.Release(a.Used())
	a.closed = true
	a.pool.accounts.Add(-1)
	if a.abandoned > 0 {
		a.pool.reclaimed(a.abandoned)
	}
}

// Memory is a linear memory of an account, in a slot of its pool. It implements experimental.LinearMemory. Like its account it
// belongs to one goroutine at a time.
type Memory struct {
	account *Account // nil: it is not in use
	base    *byte    // nil if it has no slot yet
	class   class
	size    int64
	ceiling int64  // upper bound of size
	image   *Image // mapped over it; nil: none
	cleared pageSet
}

// Reallocate implements experimental.LinearMemory. Within its slot the memory grows in place; beyond, its
// contents are moved. Reallocate returns nil if a limit does not allow the size.
func (m *Memory) Reallocate(size uint64) []byte {
	if size > uint64(m.ceiling) {
		m.account.refuse(size)
		return nil
	}
	more := int64(size) - m.size
	if more <= 0 {
		return m.bytes() // it never shrinks
	}
	if !m.account.Reserve(more) {
		return nil
	}
	if int64(size) > m.capacity() && !m.move(int64(size)) {
		m.account.Release(more)
		return nil
	}
	m.size += more
	return m.bytes()
}

// Map maps an image over the memory, which must be large enough and must not have been touched. It returns false, and
// leaves the memory as it is, if the process may not have more mappings; then the caller has to copy.
func (m *Memory) Map(image *Image) bool {
	if m.account.closed || m.size < image.end() {
		return false
	}
	lost, err := m.account.pool.lay(image, m.base)
	if err == nil || lost {
		m.image = image
	}
	return err == nil
}

// move moves the memory to a slot that holds size bytes.
func (m *Memory) move(size int64) bool {
	p := m.account.pool
	base, class, err := p.acquire(size, m.ceiling)
	if err != nil {
		m.account.refusal = err
		return false
	}
	if m.base != nil {
		image := m.image
		if image != nil {
			lost, err := p.lay(image, base)
			if lost {
				m.account.refusal = err
				return false
			}
			if err != nil {
				image = nil
			}
		}
		image.copyChanged(unsafe.Slice(base, m.size), m.bytes())
		p.clean(vacated{m.class, m.base, m.size, m.size, m.image})
		m.image = image
	}
	m.base, m.class = base, class
	return true
}

// refuse sets the reason why a size above the memory's ceiling is refused.
func (a *Account) refuse(size uint64) {
	switch {
	case size > uint64(a.budget.limit) || size <= uint64(a.pool.budget.limit):
		a.refusal, a.denied = ErrAccountLimit, false
	case a.allowed == nil:
		a.refusal = ErrPoolLimit
	default:
		a.refusal, a.denied = a.allowed.Ask(int64(size)), true // Ask has the better error
	}
}

// Free implements experimental.LinearMemory. It may be called more than once.
func (m *Memory) Free() {
	if m.account == nil {
		return
	}
	m.account.give(m.size)
	m.account.pool.vacate(vacated{m.class, m.base, m.size, m.size, m.image})
	m.base, m.size, m.image, m.cleared = nil, 0, nil, nil
}

func (m *Memory) capacity() int64 {
	if m.base == nil {
		return 0
	}
	return m.class.bytes()
}

// bytes returns the memory. It is never nil, which would mean that growing failed.
func (m *Memory) bytes() []byte {
	if m.base == nil {
		return []byte{}
	}
	return unsafe.Slice(m.base, m.size)
}
