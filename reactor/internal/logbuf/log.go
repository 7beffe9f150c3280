package logbuf

import (
	"errors"
	"sync"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

const (
	// maxWrite bounds what one write takes: a guest that writes more writes again.
	maxWrite = 64 << 10
	// chunkCost is what a chunk takes up beside its bytes.
	chunkCost = 64
	// A chunk grows by writes to the same stream, up to maxChunk bytes and for maxChunkAge.
	maxChunk    = 32 << 10
	maxChunkAge = 100 * time.Millisecond
	// eager is how much a log holds before it is written without waiting.
	eager = 64 << 10
)

// ErrNoRoom is reported by Append when the spool has no room now.
var ErrNoRoom = errors.New("logbuf: no room")

// Origin is where a log goes on from: what earlier attempts of the workload left.
type Origin struct {
	Stored  int64  // the bytes of it that the store has
	Written uint64 // the bytes the guest wrote
	Dropped uint64 // those that were not kept
}

// Log is what one workload writes.
type Log struct {
	spool   *Spool
	id      string
	attempt uint32
	limit   int64

	mu       sync.Mutex
	written  uint64
	dropped  uint64
	base     int64 // the offset up to which the store has it
	end      int64 // the offset after the last byte kept
	held     []store.LogChunk
	inFlight int  // the chunks of held that are on their way to the store
	queued   bool // on the spool's list
	sealed   bool
	over     bool // released: nothing more will come
	seal     func([]store.LogChunk)
	changed  chan struct{} // closed by the next change; nil if nobody waits
}

// NewLog makes the log of one attempt of a workload that keeps limit bytes in all.
func (s *Spool) NewLog(id string, attempt uint32, limit uint64, from Origin) *Log {
	return &Log{
		spool: s, id: id, attempt: attempt, limit: int64(min(limit, 1<<62)),
		base: from.Stored, end: from.Stored, written: from.Written, dropped: from.Dropped,
	}
}

// Append takes as much of p as one write takes, and keeps of it what is within the limit. It is
// ErrNoRoom if there is no room in memory; Notify tells when there may be.
func (l *Log) Append(stream store.Stream, p []byte, now time.Time) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	room := l.limit - l.end
	if l.sealed || room <= 0 { // sealed: the guest has ended, nobody will miss it
		l.written += uint64(len(p))
		l.dropped += uint64(len(p))
		return len(p), nil
	}
	p = p[:min(len(p), maxWrite)]
	keep := p[:min(int64(len(p)), room)]
	if err := l.hold(stream, keep, now); err != nil {
		return 0, err
	}
	l.written += uint64(len(p))
	l.dropped += uint64(len(p) - len(keep))
	l.end += int64(len(keep))
	l.tell()
	if big := l.end-l.base >= eager; !l.queued && l.inFlight == 0 {
		l.queued = true
		l.spool.add(l, big)
	}
	return len(p), nil
}

// hold appends bytes to the last chunk or as a new one.
func (l *Log) hold(stream store.Stream, p []byte, now time.Time) error {
	if n := len(l.held); n > l.inFlight {
		last := &l.held[n-1]
		if last.Stream == stream && len(last.Data)+len(p) <= maxChunk && now.Sub(last.Time) < maxChunkAge {
			if !l.spool.reserve(int64(len(p))) {
				return ErrNoRoom
			}
			last.Data = append(last.Data, p...)
			return nil
		}
	}
	if !l.spool.reserve(int64(len(p)) + chunkCost) {
		return ErrNoRoom
	}
	l.held = append(l.held, store.LogChunk{Stream: stream, Time: now, Data: append([]byte(nil), p...)})
	return nil
}

// Notify calls ready once Append may take something.
func (l *Log) Notify(ready func()) (stop func()) { return l.spool.notify(ready) }

// write hands what the log holds to the store.
func (l *Log) write() {
	l.mu.Lock()
	l.queued = false
	n := len(l.held)
	if l.sealed || l.inFlight > 0 || n == 0 {
		l.mu.Unlock()
		return
	}
	l.inFlight = n
	batch := l.held[:n:n]
	l.mu.Unlock()
	l.spool.cfg.Store.AppendLog(store.LogAppend{ID: l.id, Attempt: l.attempt, Chunks: batch}, l.stored)
}

// stored is the batch under way having been stored, or refused.
func (l *Log) stored(err error) {
	if err != nil {
		l.spool.cfg.Failed(l.id, err)
	}
	l.mu.Lock()
	l.forget(l.inFlight)
	l.inFlight = 0
	l.tell()
	seal := l.seal
	var rest []store.LogChunk
	if seal != nil {
		l.seal, rest = nil, l.held
	} else if len(l.held) > 0 && !l.queued {
		l.queued = true
		l.spool.add(l, l.end-l.base >= eager)
	}
	l.mu.Unlock()
	if seal != nil {
		seal(rest)
	}
}

// forget drops the first n chunks, which are in the store.
func (l *Log) forget(n int) {
	var freed int64
	for i := range l.held[:n] {
		size := int64(len(l.held[i].Data))
		l.base += size
		freed += size + chunkCost
	}
	if l.held = l.held[n:]; len(l.held) == 0 {
		l.held = nil
	}
	l.spool.release(freed)
}

// Flush sees to it that what the log holds is written without delay.
func (l *Log) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.sealed && len(l.held) > l.inFlight {
		l.queued = true
		l.spool.add(l, true)
	}
}

// Seal ends the log: no more is kept. Then is called with what is not in the store, which the
// caller stores: at once, or on the store's goroutine when what is under way has been stored.
// Release is to be called afterwards.
func (l *Log) Seal(then func(rest []store.LogChunk)) {
	l.mu.Lock()
	l.sealed = true
	if l.inFlight > 0 {
		l.seal = then
		l.mu.Unlock()
		return
	}
	rest := l.held
	l.mu.Unlock()
	then(rest)
}

// Release forgets what Seal gave out: the store has it. Readers learn that no more will come.
func (l *Log) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(len(l.held))
	l.over = true
	l.tell()
}

// Written is how many bytes the guest wrote, and how many of them were not kept.
func (l *Log) Written() (written, dropped uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written, l.dropped
}

// Extent is what the store has of the log, and where the log ends.
func (l *Log) Extent() (stored, end int64, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.base, l.end, l.over
}

// Read returns what the log holds of the streams from offset on, some of it at least if there is
// any, and the offset to go on from. It is not ok if the store has what is at offset.
func (l *Log) Read(offset int64, streams store.Streams, limit int) (chunks []store.LogChunk, next int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if offset < l.base {
		return nil, offset, false
	}
	next = l.base
	for _, c := range l.held {
		start := next
		next += int64(len(c.Data))
		if next <= offset {
			continue
		}
		if offset > start {
			c.Data = c.Data[offset-start:]
		}
		if streams.Has(c.Stream) {
			chunks = append(chunks, c)
			if limit -= len(c.Data); limit <= 0 {
				break
			}
		}
	}
	return chunks, max(next, offset), true
}

// Changed returns a channel that is closed when the log changes: more was written, or stored, or
// it ended. Ask for it before looking.
func (l *Log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed
}

func (l *Log) tell() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}
