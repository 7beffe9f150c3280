package logbuf

import (
	"errors"
	"sync"
	"time"

	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/store"
)

const (
	// maxWrite bounds what one write takes: a guest with more writes again.
	maxWrite = 64 << 10
	// chunkCost is what a chunk costs besides its bytes.
	chunkCost = 64
	// Writes to the same stream extend a chunk, up to maxChunk bytes and for maxChunkAge.
	maxChunk    = 32 << 10
	maxChunkAge = 100 * time.Millisecond
	// eagerBytes is how much a log holds before it is written without waiting.
	eagerBytes = 64 << 10
	// maxBatch is about how much of a log one write to the store has, the end of the log included: a log that
	// holds much must not delay other logs, nor the store's other writes.
	maxBatch = 256 << 10
	// leastWrite is the least room for which a guest does not wait.
	leastWrite = 1 << 10
)

// ErrNoRoom is returned by Append when the spool has no room now.
var ErrNoRoom = errors.New("logbuf: no room")

// errStoreRefused is returned instead of ErrNoRoom while the store accepts no output.
var errStoreRefused = errors.New("logbuf: the store takes no output")

// Origin is what earlier attempts of the workload left, where a log continues.
type Origin struct {
	Stored  int64  // bytes of the log in the store
	Written uint64 // bytes the guest wrote
	Dropped uint64 // those of them that were not kept
}

// Log is the output of one workload.
type Log struct {
	spool   *Spool
	id      string
	attempt uint32
	limit   int64

	mu       sync.Mutex
	written  uint64
	dropped  uint64
	base     int64 // the offset up to which the store has the log
	end      int64 // the offset after the last byte kept
	held     []store.LogChunk
	inFlight int   // how many of held are on their way to the store
	dirty    bool  // on the spool's list
	charged  int64 // what it takes of the spool's memory; guarded by the spool's mutex
	sealed   bool
	released bool // Release was called: nothing more will come
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

// Append takes as much of p as one write takes, and keeps of that what is within the limit. If there is no room in
// memory it returns ErrNoRoom; Notify reports when there may be room. While the store accepts no output, output that
// finds no room is dropped instead, since nobody knows how long that lasts.
func (l *Log) Append(stream store.Stream, p []byte, now time.Time) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	room := l.limit - l.end
	if l.sealed || room <= 0 { // sealed: the guest has ended and nobody will miss it
		l.drop(len(p))
		return len(p), nil
	}
	p = p[:min(len(p), maxWrite)]
	kept, err := l.hold(stream, p[:min(int64(len(p)), room)], now)
	switch {
	case errors.Is(err, errStoreRefused):
		l.drop(len(p))
		return len(p), nil
	case err != nil:
		return 0, err
	case int64(kept) == room: // the limit is reached
		l.drop(len(p) - kept)
	default:
		p = p[:kept]
	}
	l.written += uint64(kept)
	l.end += int64(kept)
	l.changed.Tell()
	if big := l.end-l.base >= eagerBytes; !l.dirty && l.inFlight == 0 {
		l.dirty = true
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

// write writes a batch of what the log holds to the store.
func (l *Log) write() {
	l.mu.Lock()
	l.dirty = false
	if l.sealed || l.inFlight > 0 || len(l.held) == 0 {
		l.mu.Unlock()
		return
	}
	l.send()
}

// send writes a batch to the store, and unlocks mu.
func (l *Log) send() {
	n := batchOf(l.held)
	l.inFlight = n
	batch := l.held[:n:n]
	l.mu.Unlock()
	l.spool.cfg.Store.AppendLog(store.LogAppend{ID: l.id, Attempt: l.attempt, Chunks: batch}, l.onStored)
}

// batchOf returns how many of the first chunks make a batch.
func batchOf(chunks []store.LogChunk) int {
	size := 0
	for i := range chunks {
		if size += len(chunks[i].Data) + chunkCost; size >= maxBatch {
			return i + 1
		}
	}
	return len(chunks)
}

// onStored is called when the batch in flight was stored, or refused with err. If the store had no space the
// batch stays with the log, to be written later.
func (l *Log) onStored(err error) {
	again := errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrUnavailable)
	if err != nil && !again {
		l.spool.cfg.OnFailed(l.id, err)
	}
	l.spool.onStoreTook(again)
	l.mu.Lock()
	if !again {
		l.forget(l.inFlight)
	}
	l.inFlight = 0
	l.changed.Tell()
	switch {
	case l.seal != nil:
		l.finishSeal(again)
		return
	case len(l.held) > 0 && !l.dirty:
		l.dirty = true
		l.spool.add(l, l.end-l.base >= eagerBytes && !again)
	}
	l.mu.Unlock()
}

// finishSeal continues a Seal, and unlocks mu. It writes batches until one is left, or drops the excess if the
// store accepts no more, and then passes the last batch to the function given to Seal.
func (l *Log) finishSeal(refused bool) {
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

// Flush has what the log holds written without delay.
func (l *Log) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.sealed && len(l.held) > l.inFlight {
		l.dirty = true
		l.spool.add(l, true)
	}
}

// Seal ends the log: it keeps no more output. It does not block. It calls then with the rest that is not in the store,
// about maxBatch at most: at once, or later on the store's goroutine, when everything before has been stored. The caller
// must store the rest, and then call Release.
func (l *Log) Seal(then func(rest []store.LogChunk)) {
	l.mu.Lock()
	l.sealed, l.seal = true, then
	if l.inFlight > 0 {
		l.mu.Unlock()
		return
	}
	l.finishSeal(false)
}

// Release forgets what Seal passed on, which the store has now. Readers learn that no more will come.
func (l *Log) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(len(l.held))
	l.released = true
	l.changed.Tell()
}

// Written returns how many bytes the guest wrote, and how many of them were not kept.
func (l *Log) Written() (written, dropped uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written, l.dropped
}

// Refused reports whether the store accepts no output now, so that the log keeps what it holds.
func (l *Log) Refused() bool { return l.spool.isRefused() }

// Extent returns the offset up to which the store has the log, and the offset of its end.
func (l *Log) Extent() (stored, end int64, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.base, l.end, l.released
}

// Read returns what the log holds of the streams from offset on, at least some of it if there is any, and the
// offset to continue from. ok is false if what is at offset is in the store.
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

// Changed returns a channel that is closed when the log changes: more was written or stored, or the log ended. Get
// the channel before looking.
func (l *Log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed.Next()
}
