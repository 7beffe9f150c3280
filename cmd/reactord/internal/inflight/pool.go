package inflight

import (
	"context"
	"sync"
	"time"
)

// Pool is an amount that several shares draw on. Its methods may be called from any goroutine.
type Pool struct {
	mu      sync.Mutex
	total   int64
	used    int64
	grants  uint64
	waiting []*waiter // in the order they came
}

// NewPool makes a pool of the given total.
func NewPool(total int64) *Pool { return &Pool{total: total} }

// waiter is a Take that is waiting.
type waiter struct {
	share   *Share
	n       int64
	granted chan struct{} // closed with the pool's lock held
}

// Share is what one holder may take: an amount of its own, and beyond that some of the pool.
type Share struct {
	pool      *Pool
	own       int64  // what is left of its own amount
	drawn     int64  // what it has of the pool
	lastGrant uint64 // Pool.grants when it last drew
	closed    bool
}

// NewShare makes a share with an amount of its own, which does not count towards the pool's total.
func (p *Pool) NewShare(own int64) *Share { return &Share{pool: p, own: own} }

// Hold is an amount that was taken. The zero Hold holds nothing.
type Hold struct {
	share *Share
	n     int64
	drawn bool // from the pool
}

// TryTake takes n if it is available at once.
func (s *Share) TryTake(n int64) (Hold, bool) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	return s.take(n)
}

// Take takes n. It waits for at most patience, or until ctx is done, and then returns false.
func (s *Share) Take(ctx context.Context, n int64, patience time.Duration) (Hold, bool) {
	p := s.pool
	p.mu.Lock()
	h, ok := s.take(n)
	if ok || n > p.total || patience <= 0 {
		p.mu.Unlock()
		return h, ok
	}
	w := &waiter{share: s, n: n, granted: make(chan struct{})}
	p.waiting = append(p.waiting, w)
	p.mu.Unlock()

	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-w.granted:
	case <-timer.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-w.granted:
		return Hold{share: s, n: n, drawn: true}, true
	default:
		p.forget(w)
		return Hold{}, false
	}
}

// take takes n from the share's own amount, or else all of it from the pool. The pool is locked.
func (s *Share) take(n int64) (Hold, bool) {
	switch {
	case n <= s.own:
		s.own -= n
		return Hold{share: s, n: n}, true
	case s.closed || !s.draw(n):
		return Hold{}, false
	default:
		return Hold{share: s, n: n, drawn: true}, true
	}
}

// draw takes n from the pool, provided that the share then has no more of the pool than is left.
func (s *Share) draw(n int64) bool {
	p := s.pool
	if left := p.total - p.used; s.drawn+n > left {
		return false
	}
	s.drawn += n
	p.used += n
	p.grants++
	s.lastGrant = p.grants
	return true
}

// Release gives back what was taken. It is called at most once.
func (h Hold) Release() {
	if h.share == nil {
		return
	}
	p := h.share.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !h.drawn:
		h.share.own += h.n
	case !h.share.closed:
		h.share.undraw(h.n)
	}
}

// Close gives back all that the share has drawn. It draws no more, and later releases have no effect.
func (s *Share) Close() {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.undraw(s.drawn)
	}
}

// undraw gives n back to the pool, and then to the waiters whose requests fit: first to the share that has not
// drawn for longest, so a share with a thousand waiters delays others no more than a share with one. A large
// request does not delay a small one.
func (s *Share) undraw(n int64) {
	p := s.pool
	s.drawn -= n
	p.used -= n
	for {
		var next *waiter
		for _, w := range p.waiting {
			fits := !w.share.closed && w.share.drawn+w.n <= p.total-p.used
			if fits && (next == nil || w.share.lastGrant < next.share.lastGrant) {
				next = w
			}
		}
		if next == nil {
			return
		}
		next.share.draw(next.n)
		p.forget(next)
		close(next.granted)
	}
}

// forget removes a waiter.
func (p *Pool) forget(w *waiter) {
	for i, other := range p.waiting {
		if other == w {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			return
		}
	}
}

// inUse returns how much all shares have of the pool.
func (p *Pool) inUse() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

// Drawn returns how much the share has of the pool.
func (s *Share) Drawn() int64 {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	return s.drawn
}
