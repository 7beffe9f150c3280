package logbuf

import (
	"slices"
	"sync"
	"time"

	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/store"
)

// Appender is the part of a store that a spool writes to.
type Appender interface {
	AppendLog(a store.LogAppend, done func(err error))
}

// Config configures a Spool.
type Config struct {
	Store Appender
	Bytes int64         // bound of what all logs hold together
	Age   time.Duration // how long output waits before it is written
	// OnFailed is called with the id of a workload whose output could not be stored, and why. It must not block.
	OnFailed func(id string, err error)
	// OnDropping is called when output begins to be dropped because the store accepts none, and again, with the
	// number of dropped bytes, when the store accepts output. It must not block.
	OnDropping func(bytes uint64, ended bool)
}

// Spool bounds what all logs hold and writes it to the store.
type Spool struct {
	cfg  Config
	wake notify.Signal
	quit chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	used    int64
	refused bool   // the store accepts no output now
	dropped uint64 // bytes, while the store accepts none
	urgent  bool   // write without waiting for Age
	dirty   []*Log // logs with output that is not on its way
	waiting []*waiter
}

// waiter waits for room in a log.
type waiter struct {
	log   *Log
	ready func()
}

// NewSpool starts a spool. It must be closed before its store.
func NewSpool(cfg Config) *Spool {
	s := &Spool{cfg: cfg, wake: notify.NewSignal(), quit: make(chan struct{})}
	s.done.Go(s.run)
	return s
}

// Close writes what the logs hold, and waits for the spool's goroutine, but not for the store.
func (s *Spool) Close() {
	close(s.quit)
	s.done.Wait()
}

// run waits for output, waits a while for more, and writes it.
func (s *Spool) run() {
	age := time.NewTimer(s.cfg.Age)
	age.Stop()
	defer age.Stop()
	for {
		select {
		case <-s.quit:
			s.write(s.take())
			return
		case <-s.wake:
			if !s.isUrgent() {
				age.Reset(s.cfg.Age)
				continue
			}
		case <-age.C:
		}
		s.write(s.take())
	}
}

func (s *Spool) write(logs []*Log) {
	for _, l := range logs {
		l.write()
	}
}

func (s *Spool) isUrgent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.urgent
}

func (s *Spool) take() []*Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	logs := s.dirty
	s.dirty, s.urgent = nil, false
	return logs
}

// add puts a log on the list.
func (s *Spool) add(l *Log, urgent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := len(s.dirty) == 0
	s.dirty = append(s.dirty, l)
	if urgent && !s.refused {
		s.hurry()
	} else if first {
		s.wake.Set()
	}
}

// share returns how much more a log may take, so that it then holds no more than is free. However many logs take their
// shares, something is left for those that hold less. mu is held.
func (s *Spool) share(l *Log) int64 { return (s.cfg.Bytes - s.used - l.charged) / 2 }

// reserve takes room for n bytes, or fewer, and for their cost. If there is hardly any room it returns
// ErrNoRoom, or errStoreRefused if the bytes are to be dropped.
func (s *Spool) reserve(l *Log, n int, cost int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := s.share(l) - cost
	if room < int64(min(n, leastWrite)) {
		if s.refused {
			if s.dropped == 0 {
				s.cfg.OnDropping(0, false)
			}
			s.dropped += uint64(n)
			return 0, errStoreRefused
		}
		s.hurry()
		return 0, ErrNoRoom
	}
	n = int(min(int64(n), room))
	s.used += int64(n) + cost
	l.charged += int64(n) + cost
	if s.used > s.cfg.Bytes/2 && !s.refused {
		s.hurry()
	}
	return n, nil
}

// release gives room back and notifies waiters that have room now.
func (s *Spool) release(l *Log, n int64) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= n
	l.charged -= n
	s.notifyWaiters()
}

// notifyWaiters notifies the waiters that have room. mu is held.
func (s *Spool) notifyWaiters() {
	still := s.waiting[:0]
	for _, w := range s.waiting {
		if s.refused || s.share(w.log) >= leastWrite+chunkCost {
			w.ready()
		} else {
			still = append(still, w)
		}
	}
	clear(s.waiting[len(still):])
	s.waiting = still
}

// onStoreTook is called when the store took a batch, or refused it. While it refuses, nobody waits for room.
func (s *Spool) onStoreTook(refused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused == refused {
		return
	}
	if s.refused = refused; refused {
		s.notifyWaiters()
		return
	}
	if s.dropped > 0 {
		s.cfg.OnDropping(s.dropped, true)
		s.dropped = 0
	}
}

// notify calls ready once there may be room.
func (s *Spool) notify(l *Log, ready func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused || s.share(l) >= leastWrite+chunkCost {
		ready()
		return func() {}
	}
	s.hurry()
	entry := &waiter{l, ready}
	s.waiting = append(s.waiting, entry)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waiting = slices.DeleteFunc(s.waiting, func(w *waiter) bool { return w == entry })
	}
}

func (s *Spool) isRefused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// Used returns how much all logs hold.
func (s *Spool) Used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// hurry has the goroutine write without waiting. mu is held.
func (s *Spool) hurry() {
	if !s.urgent {
		s.urgent = true
		s.wake.Set()
	}
}
