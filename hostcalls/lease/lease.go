package lease

import (
	"sync"
	"sync/atomic"

	"github.com/reactord/reactord/hostcalls/network"
)

// ErrRevoked means that a grant was revoked. Guests see it as the errno for a capability that they lack.
var ErrRevoked = network.ErrRevoked

// Lease is one grant as one process holds it. Make one with New. A nil Lease is of what needs no grant: it is never
// revoked.
type Lease struct {
	grant   string
	revoked atomic.Bool
	open    atomic.Int64

	mu        sync.Mutex
	callbacks map[*func()]struct{} // nil while there are none
}

var _ network.Grant = (*Lease)(nil)

// New makes the lease of a grant, which is written as the command line has it.
func New(grant string) *Lease {
	return &Lease{grant: grant}
}

// String implements network.Grant.
func (l *Lease) String() string {
	if l == nil {
		return ""
	}
	return l.grant
}

// Revoked reports whether the lease was revoked.
func (l *Lease) Revoked() bool { return l != nil && l.revoked.Load() }

// Err returns ErrRevoked if the lease was revoked.
func (l *Lease) Err() error {
	if l.Revoked() {
		return ErrRevoked
	}
	return nil
}

// Revoke revokes the lease, and returns when everybody has been told.
func (l *Lease) Revoke() {
	l.mu.Lock()
	l.revoked.Store(true)
	callbacks := l.callbacks
	l.callbacks = nil
	l.mu.Unlock()
	for onRevoke := range callbacks {
		(*onRevoke)()
	}
}

// OnRevoke implements network.Grant.
func (l *Lease) OnRevoke(tell func()) (stop func()) {
	if l == nil {
		return func() {}
	}
	l.mu.Lock()
	over := l.revoked.Load()
	if !over {
		if l.callbacks == nil {
			l.callbacks = map[*func()]struct{}{}
		}
		l.callbacks[&tell] = struct{}{}
	}
	l.mu.Unlock()
	if over {
		tell()
		return func() {}
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.callbacks, &tell)
	}
}

// Opened counts a descriptor that was opened through the grant, and Closed one that was closed.
func (l *Lease) Opened() {
	if l != nil {
		l.open.Add(1)
	}
}

// Closed is the opposite of Opened.
func (l *Lease) Closed() {
	if l != nil {
		l.open.Add(-1)
	}
}

// Open returns how many descriptors are open through the grant.
func (l *Lease) Open() int { return int(l.open.Load()) }
