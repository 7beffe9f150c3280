package memory

import (
	"bytes"
	"errors"
	"sync"
	"unsafe"

	"github.com/tetratelabs/wazero/experimental"
)

// Why an account is refused bytes, but for errors of the operating system.
var (
	ErrAccountLimit = errors.New("the limit of the account is reached")
	ErrPoolLimit    = errors.New("the limit of all accounts together is reached")
)

// Account is what one instance holds of a pool: one linear memory, and the
// bytes reserved besides it. It implements experimental.MemoryAllocator.
type Account struct {
	pool    *Pool
	budget  budget
	allowed *Allowance
	memory  linear
	refusal error // of the last refusal
	denied  bool  // it was whom the allowance asks, or the pool behind his back
	closed  bool

	mu        sync.Mutex // orders Abandon and Close
	abandoned int64      // what Freeing counts of it
}

// NewAccount opens an account that may hold limitBytes; zero or less: as much as the pool may. Within that it asks for what
// it is not allowed; with no allowance it asks nobody.
func (p *Pool) NewAccount(limitBytes int64, allowed *Allowance) *Account {
	a := &Account{pool: p, allowed: allowed}
	a.budget.setLimit(limitBytes)
	a.memory.account = a
	p.accounts.Add(1)
	return a
}

// Allocate implements experimental.MemoryAllocator. It returns the same memory
// every time: a module has one at most, and so a caller can give it its first
// size, and learn whether there is room, before it lets wazero ask for it.
func (a *Account) Allocate(_, most uint64) experimental.LinearMemory {
	a.memory.ceiling = min(int64(most), a.budget.limit, a.pool.budget.limit)
	return &a.memory
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

// take counts n bytes against the account's own limit and its allowance, and asks for what is not allowed.
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

// give takes n bytes back off the account's own count.
func (a *Account) give(n int64) {
	a.budget.give(n)
	if a.allowed != nil {
		a.allowed.used.Store(a.Used())
	}
}

// Refusal says why Reserve, or a memory's Reallocate, refused last: ErrAccountLimit, ErrPoolLimit, or an
// error of the operating system.
func (a *Account) Refusal() error { return a.refusal }

// Denied tells whether the last refusal came from whom the account's allowance asks.
func (a *Account) Denied() bool { return a.denied }

// Release takes back n bytes that were reserved.
func (a *Account) Release(n int64) {
	if a.closed {
		return
	}
	a.give(n)
	a.pool.budget.give(n)
}

// Used returns the bytes held now. Safe from any goroutine.
func (a *Account) Used() int64 { return a.budget.used.Load() }

// Peak returns the most bytes ever held. Safe from any goroutine, and after Close.
func (a *Account) Peak() int64 { return a.budget.peak.Load() }

// Abandon leaves the account to another goroutine, which closes it or has done so: until then the pool counts it as freeing.
func (a *Account) Abandon() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.abandoned = a.Used()
		a.pool.freeing.Add(a.abandoned)
	}
}

// Close frees the memory and everything reserved. Idempotent.
func (a *Account) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.memory.Free()
	a.Release(a.Used())
	a.closed = true
	a.pool.accounts.Add(-1)
	if a.abandoned > 0 {
		a.pool.reclaimed(a.abandoned)
	}
}

// linear is the linear memory of an account, in a slot of its pool.
type linear struct {
	account *Account
	base    *byte // nil: no slot yet
	class   class
	size    int64
	ceiling int64 // what size can ever become
}

// Reallocate implements experimental.LinearMemory: within the slot growth is
// free, beyond it the contents move. It returns nil if a limit is in the way.
func (m *linear) Reallocate(size uint64) []byte {
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

// move goes on in a slot that holds size bytes.
func (m *linear) move(size int64) bool {
	base, class, err := m.account.pool.acquire(size, m.ceiling)
	if err != nil {
		m.account.refusal = err
		return false
	}
	if m.base != nil {
		copyTouched(unsafe.Slice(base, m.size), m.bytes())
		m.account.pool.classes[m.class].release(m.base, m.size)
	}
	m.base, m.class = base, class
	return true
}

// refuse says whose limit a memory of that size is above that is above its ceiling.
func (a *Account) refuse(size uint64) {
	switch {
	case size > uint64(a.budget.limit) || size <= uint64(a.pool.budget.limit):
		a.refusal, a.denied = ErrAccountLimit, false
	case a.allowed == nil:
		a.refusal = ErrPoolLimit
	default:
		a.refusal, a.denied = a.allowed.Ask(int64(size)), true // which knows what to tell of it
	}
}

// Free implements experimental.LinearMemory. Idempotent.
func (m *linear) Free() {
	m.account.give(m.size)
	m.account.pool.vacate(vacated{m.class, m.base, m.size})
	m.base, m.size = nil, 0
}

func (m *linear) capacity() int64 {
	if m.base == nil {
		return 0
	}
	return m.class.bytes()
}

// bytes is never nil, which would say that growing failed.
func (m *linear) bytes() []byte {
	if m.base == nil {
		return []byte{}
	}
	return unsafe.Slice(m.base, m.size)
}

// copyTouched copies src to dst, which is zero, but skips pages of zeroes: what
// was never touched in src must not become resident in dst.
func copyTouched(dst, src []byte) {
	var zeroes [4096]byte
	for at := 0; at < len(src); at += len(zeroes) {
		if page := src[at : at+len(zeroes)]; !bytes.Equal(page, zeroes[:]) {
			copy(dst[at:], page)
		}
	}
}
