package conns

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"
)

const (
	// moment is how long a connection is left alone: a new one, so that it can prove itself, and one that had a request, so that
	// its client gets the answer.
	moment = 250 * time.Millisecond
	// leastInterval and mostInterval bound the time between two connections that replace others. Setting up and tearing down a
	// connection costs the daemon more than the client; and a small set must not have hundreds wait for seconds.
	leastInterval = 500 * time.Microsecond
	mostInterval  = 3 * time.Millisecond
	// calmTime is how long the bound must not have been reached for the log to say that this is over.
	calmTime = time.Second
)

// Set is the open connections of a server, at one or more listeners.
type Set struct {
	most     int
	interval time.Duration // between two connections that replace others
	patience time.Duration
	log      *zap.Logger
	atBound  atomic.Bool // the bound was reached and logged
	crowded  atomic.Bool // and more than half are proven

	mu       sync.Mutex
	open     map[*Conn]struct{}
	lastFull time.Time // when the bound was reached last
}

// NewSet makes a set of most connections. If none has been idle for a moment, a new one waits for patience, and is closed if none is idle
// then. The log has a line when the bound is reached, and one when that is over.
func NewSet(most int, patience time.Duration, log *zap.Logger) *Set {
	interval := min(mostInterval, max(leastInterval, 2*moment/time.Duration(most))) // of a large set, so half are new at most
	return &Set{most: most, interval: interval, patience: patience, log: log, open: make(map[*Conn]struct{})}
}

// Share returns a bound for the connections of a server: one of parts of the descriptors that the process may have, most at the most.
func Share(parts, most int) int { return min(most, max(16, int(descriptors())/parts)) }

// descriptors returns how many descriptors the process may have. The Go runtime has raised the soft limit
// to the hard one.
func descriptors() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return min(limit.Cur, 1<<30)
}

// Count returns how many connections are open.
func (s *Set) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Listener returns a listener whose connections are those of l, each a *Conn.
func (s *Set) Listener(l net.Listener) net.Listener { return &listener{l, s} }

type listener struct {
	net.Listener
	set *Set
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.set.admit(raw); c != nil {
			return c, nil
		}
		_ = raw.Close() // there is nobody to report the error to
	}
}

// admit makes a connection one of the set; it returns nil if there is no room.
func (s *Set) admit(raw net.Conn) *Conn {
	for last := time.Now().Add(s.patience); ; {
		now := time.Now()
		c, full := s.tryAdmit(raw, now, !now.Before(last))
		if full {
			time.Sleep(s.interval)
		}
		if c != nil || !now.Before(last) {
			return c
		}
	}
}

// tryAdmit makes a connection one of the set if there is room now. At its last try it leaves no connection alone that is idle. full is
// true if the bound was reached.
func (s *Set) tryAdmit(raw net.Conn, now time.Time, lastTry bool) (_ *Conn, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if full = len(s.open) >= s.most; full {
		s.onFull(now)
		idlest := s.idlest(now)
		if idlest == nil || idlest.rank(now) >= recent && !lastTry {
			return nil, true
		}
		s.leave(idlest)
	}
	c := newConn(raw, s)
	s.open[c] = struct{}{}
	return c, full
}

// Shed closes the connection that is to be replaced first, if it is not proven and has had its moment. It is for servers that bound something
// else that such connections hold.
func (s *Set) Shed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if c := s.idlest(now); c != nil && c.rank(now) == unproven {
		s.leave(c)
	}
}

// leave closes a connection. s.mu is locked.
func (s *Set) leave(c *Conn) {
	delete(s.open, c)
	go func() { _ = c.Conn.Close() }() // it may take its time
}

// idlest returns the connection that is to be replaced, nil if all are being worked on.
func (s *Set) idlest(now time.Time) *Conn {
	proven := 0
	for c := range s.open {
		if c.proven.Load() {
			proven++
		}
	}
	s.crowded.Store(proven > s.most/2)
	var found *Conn
	for c := range s.open {
		if c.working.Load() == 0 && (found == nil || c.yields(found, now)) {
			found = c
		}
	}
	return found
}

func (s *Set) onFull(now time.Time) {
	s.lastFull = now
	if s.atBound.Load() {
		return
	}
	s.atBound.Store(true)
	s.log.Warn("the number of connections has reached its bound: each new one closes the connection that has been idle for longest, or is refused if none is idle",
		zap.Int("connections", s.most))
	time.AfterFunc(calmTime, s.checkBound)
}

// checkBound looks whether the shortage is over: a quarter of the connections are free, and the bound has not been reached for a while.
func (s *Set) checkBound() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) > s.most/4*3 || time.Since(s.lastFull) < calmTime {
		time.AfterFunc(calmTime, s.checkBound)
		return
	}
	s.atBound.Store(false)
	s.crowded.Store(false)
	s.log.Info("connections are below their bound again", zap.Int("connections", len(s.open)))
}

// remove removes a closed connection.
func (s *Set) remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}
