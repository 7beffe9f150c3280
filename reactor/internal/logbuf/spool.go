package logbuf

import (
	"container/heap"
	"errors"
	"math"
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

// How a log that is over its window is written: a guest that writes for ever must not keep the disk busy. What is not
// written stays in memory, as far as there is room, until newer output takes its place or the log ends.
const (
	pacedBatch = 64 << 10 // about what is written of one log at a time
	pacedLogs  = 64       // how many logs are written in Config.Age
)

// Spool bounds what all logs hold and writes it to the store.
type Spool struct {
	cfg  Config
	wake notify.Signal
	quit chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	used    int64
	over    int64  // what logs use of it that are over their windows
	refused bool   // the store accepts no output now
	dropped uint64 // bytes, while the store accepts none
	urgent  bool   // write without waiting for Age
	dirty   []*Log // logs with output that is not on its way
	paced   []*Log // those of them that are over their windows

	// Logs whose writers wait for room, by whether they are over their windows.
	waiting, waitingOver waiting
	turns                uint64 // how often one has begun to wait
}

// haste is how soon a log is written.
type haste int

const (
	lazily   haste = iota // after Config.Age
	urgently              // at once
	paced                 // when its turn comes, pacedLogs of them after Config.Age
)

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
	age, pace := stoppedTimer(), stoppedTimer()
	defer age.Stop()
	defer pace.Stop()
	aging, pacing := false, false
	for {
		select {
		case <-s.quit:
			s.write(s.take(), maxBatch)
			s.write(s.takePaced(math.MaxInt), maxBatch)
			return
		case <-s.wake:
		case <-age.C:
			aging = false
			s.write(s.take(), maxBatch)
		case <-pace.C:
			pacing = false
			s.write(s.takePaced(pacedLogs), pacedBatch)
		}
		urgent, some, slow := s.pending()
		if slow && !pacing {
			pacing = true
			pace.Reset(s.cfg.Age)
		}
		switch {
		case urgent:
			s.write(s.take(), maxBatch)
		case some && !aging:
			aging = true
			age.Reset(s.cfg.Age)
		}
	}
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

func (s *Spool) write(logs []*Log, most int) {
	for _, l := range logs {
		l.write(most)
	}
}

// pending reports whether logs have to be written at once, and whether some wait for Age, and for their turn.
func (s *Spool) pending() (urgent, some, slow bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.urgent, len(s.dirty) > 0, len(s.paced) > 0
}

func (s *Spool) take() []*Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	logs := s.dirty
	s.dirty, s.urgent = nil, false
	return logs
}

// takePaced takes the first of the logs that wait for their turn.
func (s *Spool) takePaced(most int) []*Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(most, len(s.paced))
	logs := s.paced[:n:n]
	if s.paced = s.paced[n:]; len(s.paced) == 0 {
		s.paced = nil
	}
	return logs
}

// add puts a log on a list.
func (s *Spool) add(l *Log, how haste) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := &s.dirty
	if how == paced {
		list = &s.paced
	}
	*list = append(*list, l)
	if how == urgently && !s.refused {
		s.hurry()
	} else if len(*list) == 1 {
		s.wake.Set()
	}
}

// setOver notes that a log is over its window.
func (s *Spool) setOver(l *Log) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(l.waiters) > 0 {
		heap.Remove(s.queueOf(l), l.place)
		defer func() { heap.Push(s.queueOf(l), l) }()
	}
	l.over = true
	s.over += l.charged
}

// charge changes what a log takes of the memory. mu is held.
func (s *Spool) charge(l *Log, n int64) {
	s.used += n
	l.charged += n
	if l.over {
		s.over += n
	}
	if len(l.waiters) > 0 {
		heap.Fix(s.queueOf(l), l.place)
	}
}

// share returns how much more a log may take, so that it then holds no more than is free. However many logs take their
// shares, something is left for those that hold less. Logs over their windows, which give back nothing until they end,
// share half of the memory. mu is held.
func (s *Spool) share(l *Log) int64 {
	free := s.cfg.Bytes - s.used
	if l.over {
		free = min(free, s.cfg.Bytes/2-s.over)
	}
	return (free - l.charged) / 2
}

// errDrop is returned by reserve if the log has to drop something.
var errDrop = errors.New("logbuf: no room, and the log may drop something")

// reserve takes room for n bytes, or fewer, and for their cost. If there is hardly any room it returns
// ErrNoRoom, errDrop if the log is over its window and may drop something, or errStoreRefused if the bytes are to be
// dropped.
func (s *Spool) reserve(l *Log, n int, cost int64, mayDrop bool) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := s.share(l) - cost
	if room < int64(min(n, leastWrite)) {
		switch {
		case l.over && mayDrop:
			return 0, errDrop
		case s.refused:
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
	s.charge(l, int64(n)+cost)
	if s.used-s.over > s.cfg.Bytes/2 && !s.refused {
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
	s.charge(l, -n)
	s.notifyWaiters()
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
func (s *Spool) notify(l *Log, ready func(), mayDrop bool) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused || l.over && mayDrop || s.hasRoom(l) {
		ready()
		return func() {}
	}
	s.hurry()
	w := &waiter{ready}
	s.enqueue(l, w)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dequeue(l, w)
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
