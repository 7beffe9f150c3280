package lease

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/hostcalls/network"
)

// ErrRevoked means that a grant was revoked. Guests see it as the errno for a capability that they lack.
var ErrRevoked = network.ErrRevoked

// Lease is one grant as one process holds it. Make one with New. A nil Lease is of what needs no grant: it is never
// revoked.
type Lease struct {
	grant   string
	revoked atomic.Int64 // when it was, in nanoseconds of Unix; 0: it was not
	open    atomic.Int64

	mu    sync.Mutex
	first *callback
}

// callback is what OnRevoke was passed, in the list of its lease until it is called or stopped. It is part of what a
// waiting guest costs: a map of them would cost three times as much.
type callback struct {
	tell       func()
	prev, next *callback
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
func (l *Lease) Revoked() bool { return l != nil && l.revoked.Load() != 0 }

// RevokedSince reports whether the lease was revoked at a time or later.
func (l *Lease) RevokedSince(t time.Time) bool {
	return l.Revoked() && l.revoked.Load() >= t.UnixNano()
}

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
	l.revoked.Store(time.Now().UnixNano())
	first := l.first
	l.first = nil
	l.mu.Unlock()
	for c := first; c != nil; c = c.next { // remove leaves the list of a revoked lease as it is
		c.tell()
	}
}

// OnRevoke implements network.Grant.
func (l *Lease) OnRevoke(tell func()) (stop func()) {
	if l == nil {
		return func() {}
	}
	if c := l.add(tell); c != nil {
		return func() { l.remove(c) }
	}
	tell()
	return func() {}
}

// add returns nil if the lease is revoked already.
func (l *Lease) add(tell func()) *callback {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Revoked() {
		return nil
	}
	c := &callback{tell: tell, next: l.first}
	if c.next != nil {
		c.next.prev = c
	}
	l.first = c
	return c
}

// remove may be called more than once.
func (l *Lease) remove(c *callback) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.Revoked():
		return
	case c.prev != nil:
		c.prev.next = c.next
	case l.first == c:
		l.first = c.next
	default:
		return // it was removed
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
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
