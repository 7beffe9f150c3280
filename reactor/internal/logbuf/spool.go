package logbuf

import (
	"sync"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

// Appender is the part of a store that a spool writes to.
type Appender interface {
	AppendLog(a store.LogAppend, done func(err error))
}

// Config configures a Spool.
type Config struct {
	Store Appender
	Bytes int64         // bound of what all logs hold
	Age   time.Duration // how long output waits before it is written
	// Failed is told of output that could not be stored. It must not block.
	Failed func(id string, err error)
}

// Spool bounds what all logs hold and writes it to the store.
type Spool struct {
	cfg  Config
	wake chan struct{} // holds one token
	quit chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	used    int64
	urgent  bool   // write without waiting for Age
	dirty   []*Log // have output that is not on its way
	waiting []*func()
}

// NewSpool starts a spool. It must be closed before its store.
func NewSpool(cfg Config) *Spool {
	s := &Spool{cfg: cfg, wake: make(chan struct{}, 1), quit: make(chan struct{})}
	s.done.Go(s.run)
	return s
}

// Close writes what the logs hold, and waits for the spool's goroutine, though not for the store.
func (s *Spool) Close() {
	close(s.quit)
	s.done.Wait()
}

// run waits for output, lets it wait for company, and writes it.
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
	if urgent {
		s.hurry()
	} else if first {
		s.signal()
	}
}

// reserve takes room for n bytes, and tells whether there was any.
func (s *Spool) reserve(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used+n > s.cfg.Bytes {
		s.hurry()
		return false
	}
	s.used += n
	if s.used > s.cfg.Bytes/2 {
		s.hurry()
	}
	return true
}

// release gives room back and tells those who wait for it.
func (s *Spool) release(n int64) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= n
	for _, ready := range s.waiting {
		(*ready)()
	}
	clear(s.waiting)
	s.waiting = s.waiting[:0]
}

// notify calls ready once there may be room.
func (s *Spool) notify(ready func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used+maxWrite+chunkCost <= s.cfg.Bytes {
		ready()
		return func() {}
	}
	s.hurry()
	entry := &ready
	s.waiting = append(s.waiting, entry)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, e := range s.waiting {
			if e == entry {
				last := len(s.waiting) - 1
				s.waiting[i], s.waiting[last] = s.waiting[last], nil
				s.waiting = s.waiting[:last]
				return
			}
		}
	}
}

// Used is how much all logs hold.
func (s *Spool) Used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// hurry and signal are called with mu held.
func (s *Spool) hurry() {
	if !s.urgent {
		s.urgent = true
		s.signal()
	}
}

func (s *Spool) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
