package logbuf

import (
	"errors"
	"sync"
	"time"

	"github.com/reactord/reactord/internal/notify"
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
	// maxBatch is about how much of a log is handed to the store at a time, its end included: a log
	// that has much must not hold up the others, nor what else the store has to write.
	maxBatch = 256 << 10
	// leastWrite is what there must be room for, or the guest waits.
	leastWrite = 1 << 10
)

// ErrNoRoom is reported by Append when the spool has no room now.
var ErrNoRoom = errors.New("logbuf: no room")

// errRefused is ErrNoRoom while the store takes no output.
var errRefused = errors.New("logbuf: the store takes no output")

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
	inFlight int   // the chunks of held that are on their way to the store
	queued   bool  // on the spool's list
	charged  int64 // what it takes of the spool's memory; guarded by the spool
	sealed   bool
	over     bool // released: nothing more will come
	seal     func([]store.LogChunk)
	changed  notify.Broadcast
}

// NewLog makes the log of one attempt of a workload that keeps limit bytes in all.
func (s *Spool) NewLog(id string, attempt uint32, limit uint64, from Origin) *Log {
	return &Log{
		spool: s, id: id, attempt: attempt, limit: int64(min(limit, 1<<62)),
		base: from.Stored, end: from.Stored, written: from.Written, dropped: from.Dropped,
	}
}

// Append takes as much of p as one write takes, and keeps of it what is within the limit. It is
// ErrNoRoom if there is no room in memory; Notify tells when there may be. While the store takes no
// output, what finds no room is dropped instead: nobody knows how long that lasts.
func (l *Log) Append(stream store.Stream, p []byte, now time.Time) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	room := l.limit - l.end
	if l.sealed || room <= 0 { // sealed: the guest has ended, nobody will miss it
		l.drop(len(p))
		return len(p), nil
	}
	p = p[:min(len(p), maxWrite)]
	kept, err := l.hold(stream, p[:min(int64(len(p)), room)], now)
	switch {
	case errors.Is(err, errRefused):
		l.drop(len(p))
		return len(p), nil
	case err != nil:
		return 0, err
	case int64(kept) == room: // it is full
		l.drop(len(p) - kept)
	default:
		p = p[:kept]
	}
	l.written += uint64(kept)
	l.end += int64(kept)
	l.changed.Tell()
	if big := l.end-l.base >= eager; !l.queued && l.inFlight == 0 {
		l.queued = true
		l.spool.add(l, big)
	}
	return len(p), nil
}

// drop counts bytes that are not kept.
func (l *Log) drop(n int) {
	l.written += uint64(n)
	l.dropped += uint64(n)
}

// hold appends as much of p as there is room for, to the last chunk or as a new one.
func (l *Log) hold(stream store.Stream, p []byte, now time.Time) (int, error) {
	if n := len(l.held); n > l.inFlight {
		last := &l.held[n-1]
		if last.Stream == stream && len(last.Data)+len(p) <= maxChunk && now.Sub(last.Time) < maxChunkAge {
			n, err := l.spool.reserve(l, len(p), 0)
			last.Data = append(last.Data, p[:n]...)
			return n, err
		}
	}
	n, err := l.spool.reserve(l, len(p), chunkCost)
	if err == nil {
		l.held = append(l.held, store.LogChunk{Stream: stream, Time: now, Data: append([]byte(nil), p[:n]...)})
	}
	return n, err
}

// Notify calls ready once Append may take something.
func (l *Log) Notify(ready func()) (stop func()) { return l.spool.notify(l, ready) }

// write hands some of what the log holds to the store.
func (l *Log) write() {
	l.mu.Lock()
	l.queued = false
	if l.sealed || l.inFlight > 0 || len(l.held) == 0 {
		l.mu.Unlock()
		return
	}
	l.send()
}

// send hands a batch to the store, and unlocks mu.
func (l *Log) send() {
	n := batchOf(l.held)
	l.inFlight = n
	batch := l.held[:n:n]
	l.mu.Unlock()
	l.spool.cfg.Store.AppendLog(store.LogAppend{ID: l.id, Attempt: l.attempt, Chunks: batch}, l.stored)
}

// batchOf is how many of the chunks make a batch.
func batchOf(chunks []store.LogChunk) int {
	size := 0
	for i := range chunks {
		if size += len(chunks[i].Data) + chunkCost; size >= maxBatch {
			return i + 1
		}
	}
	return len(chunks)
}

// stored is the batch under way having been stored, or refused. What the store has no room for stays
// with the log, to be written later.
func (l *Log) stored(err error) {
	again := errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrUnavailable)
	if err != nil && !again {
		l.spool.cfg.OnFailed(l.id, err)
	}
	l.spool.taken(again)
	l.mu.Lock()
	if !again {
		l.forget(l.inFlight)
	}
	l.inFlight = 0
	l.changed.Tell()
	switch {
	case l.seal != nil:
		l.finish(again)
		return
	case len(l.held) > 0 && !l.queued:
		l.queued = true
		l.spool.add(l, l.end-l.base >= eager && !again)
	}
	l.mu.Unlock()
}

// finish goes on with what Seal has begun, and unlocks mu: it writes what is more than a batch, or
// drops it if the store takes no more, and gives the rest out.
func (l *Log) finish(refused bool) {
	n := batchOf(l.held)
	if n < len(l.held) && !refused {
		l.send()
		return
	}
	for _, chunk := range l.held[n:] {
		l.end -= int64(len(chunk.Data))
		l.dropped += uint64(len(chunk.Data))
		l.spool.release(l, int64(len(chunk.Data))+chunkCost)
	}
	l.held = l.held[:n:n]
	then, rest := l.seal, l.held
	l.seal = nil
	l.mu.Unlock()
	then(rest)
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
	l.spool.release(l, freed)
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

// Seal ends the log: no more is kept. Then is called with what is not in the store, about maxBatch at
// the most, which the caller stores: at once, or on the store's goroutine when what was before
// that has been stored. Release is to be called afterwards.
func (l *Log) Seal(then func(rest []store.LogChunk)) {
	l.mu.Lock()
	l.sealed, l.seal = true, then
	if l.inFlight > 0 {
		l.mu.Unlock()
		return
	}
	l.finish(false)
}

// Release forgets what Seal gave out: the store has it. Readers learn that no more will come.
func (l *Log) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(len(l.held))
	l.over = true
	l.changed.Tell()
}

// Written is how many bytes the guest wrote, and how many of them were not kept.
func (l *Log) Written() (written, dropped uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written, l.dropped
}

// Refused reports whether the store takes no output now, so that what the log holds stays with it.
func (l *Log) Refused() bool { return l.spool.isRefused() }

// Extent is what the store has of the log, and where the log ends.
func (l *Log) Extent() (stored, end int64, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.base, l.end, l.over
}

// Read returns what the log holds of the streams from offset on, some of it at least if there is
// any, and the offset to go on from. ok is false if the store has what is at offset.
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
	return l.changed.Next()
}
