package logbuf

import (
	"bytes"
	"errors"
	"sort"
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
	Written int64 // bytes that they wrote: the position where the log begins
	Dropped int64 // those of them that were not kept
}

// Log is the output of one attempt of a workload. Positions count what all its attempts wrote, kept or not.
type Log struct {
	spool   *Spool
	id      string
	attempt uint32
	start   int64 // where the attempt's output begins
	window  Window

	mu       sync.Mutex
	end      int64 // the position after the last byte written
	stored   int64 // what is kept below this position is in the store
	gaps     gaps
	sure     []store.LogChunk // to be stored in any case: the batch in flight, and the log's beginning
	inFlight int              // how many of sure are on their way to the store
	held     []store.LogChunk // behind sure; the oldest may be dropped once the log is over its window
	private  int64            // the buffers of chunks in held from this position on are not shared with readers
	flush    int64            // up to where what is held is written without delay
	dirty    bool             // on one of the spool's lists
	sealed   bool
	released bool // Release was called: nothing more will come
	seal     func([]store.LogChunk, store.Cut)
	changed  notify.Broadcast

	// Guarded by the spool's mutex.
	charged int64 // what it takes of the spool's memory
	over    bool  // the log is over its window; written with mu held, too
}

// NewLog makes the log of one attempt of a workload that keeps limit bytes in all.
func (s *Spool) NewLog(id string, attempt uint32, limit uint64, from Origin) *Log {
	l := &Log{
		spool: s, id: id, attempt: attempt, window: WindowOf(limit),
		start: from.Written, end: from.Written, stored: from.Written,
	}
	// Where the gaps are is not known: they count until the cut has passed all that was written before.
	l.gaps.add(from.Written-max(0, from.Dropped-l.cut().Size()), from.Written)
	return l
}

// Attempt returns the attempt whose log it is, and the position where its output begins.
func (l *Log) Attempt() (number uint32, start int64) { return l.attempt, l.start }

// Spare returns how much can be appended before output is cut out that lies behind a position.
func (l *Log) Spare(position int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.window.Spare(position, l.end)
}

// Append takes as much of p as one write takes, and returns its position. If there is no room in memory it returns
// ErrNoRoom; Notify reports when there may be room. While the store accepts no output, output that finds no room is
// dropped instead, since nobody knows how long that lasts. Once the log is over its window, mayDrop has it drop what it
// holds, the oldest first, rather than return ErrNoRoom.
func (l *Log) Append(stream store.Stream, p []byte, now time.Time, mayDrop bool) (at int64, n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at = l.end
	if len(p) == 0 {
		return at, 0, nil
	}
	if l.sealed { // the guest has ended and nobody will miss it
		l.lose(len(p))
		return at, len(p), nil
	}
	p = p[:min(len(p), maxWrite)]
	skip := 0
	if l.window.Exceeds(l.end + int64(len(p))) {
		p, skip = l.fit(p)
	}
	if skip < len(p) {
		n, err = l.hold(stream, p[skip:], now, mayDrop)
	}
	switch {
	case errors.Is(err, errStoreRefused):
		n = len(p) - skip
		l.lose(n)
	case err != nil && skip == 0:
		l.flushTo(l.end)
		return at, 0, err
	}
	if l.over {
		l.gaps.remove(l.cut())
		l.trim(l.cut())
	}
	l.changed.Tell()
	l.schedule()
	return at, skip + n, nil
}

// fit prepares for output that makes the log exceed its window. It returns how much of p is taken now, and how much of
// that is cut out at once.
func (l *Log) fit(p []byte) (taken []byte, skip int) {
	if l.end < l.window.head && int64(len(p)) > l.window.tail {
		return p[:min(l.window.head-l.end, int64(len(p)))], 0
	}
	l.setOver()
	skip = max(0, len(p)-int(min(l.window.tail, maxWrite)))
	l.gaps.add(l.end, l.end+int64(skip))
	l.end += int64(skip)
	return p, skip
}

// lose counts bytes that are not kept.
func (l *Log) lose(n int) {
	l.gaps.add(l.end, l.end+int64(n))
	l.end += int64(n)
	l.gaps.remove(l.cut())
	l.changed.Tell()
}

// cut is what is cut out of the log.
func (l *Log) cut() store.Cut { return l.window.Cut(l.end) }

// setOver is called when the log gets over its window. Its beginning is stored in any case.
func (l *Log) setOver() {
	if l.over {
		return
	}
	n := 0
	for n < len(l.held) && l.held[n].Offset < l.window.head {
		n++
	}
	l.sure = append(l.sure, l.held[:n]...)
	l.held = l.held[n:]
	l.private = l.end
	l.spool.setOver(l)
}

// trim drops what is held and lies in a cut. It returns the largest of the buffers that nobody else has.
func (l *Log) trim(cut store.Cut) (spare []byte) {
	n, size := 0, int64(0)
	for n < len(l.held) && l.held[n].End() <= cut.To && l.held[n].Offset >= cut.From {
		c := &l.held[n]
		size += int64(len(c.Data)) + chunkCost
		if c.Offset >= l.private && cap(c.Data) > cap(spare) {
			spare = c.Data[:0]
		}
		c.Data = nil
		n++
	}
	l.held = l.held[n:]
	l.spool.release(l, size)
	return spare
}

// dropOldest drops the oldest chunk that is held, or half of it if it is the only one; nothing if there is none.
func (l *Log) dropOldest() bool {
	if len(l.held) == 0 {
		return false
	}
	c := &l.held[0]
	n := len(c.Data)
	if len(l.held) == 1 && n > leastWrite {
		n /= 2
	}
	l.gaps.add(c.Offset, c.Offset+int64(n))
	size := int64(n)
	if n < len(c.Data) {
		c.Offset, c.Data = c.Offset+int64(n), append([]byte(nil), c.Data[n:]...)
	} else {
		c.Data = nil
		l.held = l.held[1:]
		size += chunkCost
	}
	l.spool.release(l, size)
	return true
}

// hold appends as much of p as there is room for, to the last chunk or as a new one.
func (l *Log) hold(stream store.Stream, p []byte, now time.Time, mayDrop bool) (int, error) {
	for {
		last := l.extensible(stream, len(p), now)
		cost := int64(chunkCost)
		if last != nil {
			cost = 0
		}
		n, err := l.spool.reserve(l, len(p), cost, mayDrop)
		switch {
		case err == nil && last != nil:
			last.Data = append(last.Data, p[:n]...)
		case err == nil:
			l.extend(stream, p[:n], now)
		case !errors.Is(err, errDrop):
			return 0, err
		case l.dropOldest():
			continue
		default:
			l.lose(len(p))
			return len(p), nil
		}
		l.end += int64(n)
		return n, nil
	}
}

// extend adds a chunk. A log that is over its window takes the buffer of a chunk that this one pushes out: a guest that
// writes for ever must not keep the garbage collector busy.
func (l *Log) extend(stream store.Stream, p []byte, now time.Time) {
	var buffer []byte
	if l.over {
		buffer = l.trim(l.window.Cut(l.end + int64(len(p))))
	}
	l.held = append(l.held, store.LogChunk{Offset: l.end, Stream: stream, Time: now, Data: append(buffer, p...)})
}

// extensible returns the last chunk if n bytes more can be added to it.
func (l *Log) extensible(stream store.Stream, n int, now time.Time) *store.LogChunk {
	if len(l.held) == 0 {
		return nil
	}
	last := &l.held[len(l.held)-1]
	if last.Stream != stream || last.End() != l.end || len(last.Data)+n > l.maxChunk() || now.Sub(last.Time) >= maxChunkAge {
		return nil
	}
	return last
}

// maxChunk bounds a chunk: of a small window it is a small part, so that not much more is held than is kept.
func (l *Log) maxChunk() int {
	if !l.over {
		return maxChunk
	}
	return int(min(maxChunk, max(leastWrite, l.window.tail/4)))
}

// Notify calls ready once Append, with the same mayDrop, may take something.
func (l *Log) Notify(ready func(), mayDrop bool) (stop func()) {
	return l.spool.notify(l, ready, mayDrop)
}

// schedule puts the log on one of the spool's lists if it holds something that is not on its way.
func (l *Log) schedule() {
	if l.dirty || l.inFlight > 0 || len(l.sure)+len(l.held) == 0 || l.sealed {
		return
	}
	l.dirty = true
	switch {
	case l.flush > l.stored:
		l.spool.add(l, urgently)
	case l.over && len(l.sure) == 0:
		l.spool.add(l, paced)
	case l.end-l.stored >= eagerBytes:
		l.spool.add(l, urgently)
	default:
		l.spool.add(l, lazily)
	}
}

// write writes a batch of what the log holds to the store, of about most bytes.
func (l *Log) write(most int) {
	l.mu.Lock()
	l.dirty = false
	if l.sealed || l.inFlight > 0 || len(l.sure)+len(l.held) == 0 {
		l.mu.Unlock()
		return
	}
	l.send(most)
}

// send writes a batch to the store, and unlocks mu.
func (l *Log) send(most int) {
	if len(l.sure) == 0 {
		n := batchOf(l.held, most)
		l.sure, l.held = l.held[:n:n], l.held[n:]
	}
	n := batchOf(l.sure, most)
	l.inFlight = n
	a := store.LogAppend{ID: l.id, Attempt: l.attempt, Chunks: l.sure[:n:n], Cut: l.cut()}
	l.mu.Unlock()
	l.spool.cfg.Store.AppendLog(a, l.onStored)
}

// batchOf returns how many of the first chunks make a batch of about so many bytes.
func batchOf(chunks []store.LogChunk, most int) int {
	size := 0
	for i := range chunks {
		if size += len(chunks[i].Data) + chunkCost; size >= most {
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
		l.forget(err == nil)
	}
	l.inFlight = 0
	l.changed.Tell()
	if l.seal != nil {
		l.finishSeal(again)
		return
	}
	if again {
		l.flush = 0 // nobody waits for a store that takes nothing
	}
	l.schedule()
	l.mu.Unlock()
}

// forget drops the chunks in flight, which are in the store, or lost.
func (l *Log) forget(stored bool) {
	var freed int64
	for i := range l.sure[:l.inFlight] {
		c := &l.sure[i]
		if !stored {
			l.gaps.add(c.Offset, c.End())
		}
		l.stored = c.End()
		freed += int64(len(c.Data)) + chunkCost
	}
	if l.sure = l.sure[l.inFlight:]; len(l.sure) == 0 {
		l.sure = nil
	}
	if len(l.held) == 0 {
		l.held = nil
	}
	l.gaps.remove(l.cut())
	l.spool.release(l, freed)
}

// Flush has what the log holds written without delay.
func (l *Log) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushTo(l.end)
}

func (l *Log) flushTo(position int64) {
	l.flush = position
	l.dirty = false // it may be on a slower list
	l.schedule()
}

// Seal ends the log: it keeps no more output. It does not block. It calls then with the rest that is not in the store,
// about maxBatch at most, and what is cut out of the log: at once, or later on the store's goroutine, when everything
// before has been stored. The caller must store the rest, and then call Release.
func (l *Log) Seal(then func(rest []store.LogChunk, cut store.Cut)) {
	l.mu.Lock()
	l.sealed, l.seal = true, then
	if l.inFlight > 0 {
		l.mu.Unlock()
		return
	}
	l.finishSeal(false)
}

// finishSeal continues a Seal, and unlocks mu. It writes batches until one is left, or drops the excess if the
// store accepts no more, and then passes the last batch to the function given to Seal.
func (l *Log) finishSeal(refused bool) {
	left := append(l.sure[:len(l.sure):len(l.sure)], l.held...)
	n := batchOf(left, maxBatch)
	if n < len(left) && !refused {
		l.send(maxBatch)
		return
	}
	for i := range left[n:] {
		c := &left[n+i]
		l.gaps.add(c.Offset, c.End())
		l.spool.release(l, int64(len(c.Data))+chunkCost)
	}
	l.sure, l.held, l.inFlight = left[:n:n], nil, n
	l.gaps.remove(l.cut())
	then, rest, cut := l.seal, l.sure, l.cut()
	l.seal = nil
	l.mu.Unlock()
	then(rest, cut)
}

// Release forgets what Seal passed on, which the store has now. Readers learn that no more will come.
func (l *Log) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(true)
	l.inFlight, l.released = 0, true
	l.changed.Tell()
}

// Written returns how many bytes the guest wrote, and how many of them were not kept.
func (l *Log) Written() (written, dropped uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(l.end), uint64(l.cut().Size() + l.gaps.bytes)
}

// Refused reports whether the store accepts no output now, so that the log keeps what it holds.
func (l *Log) Refused() bool { return l.spool.isRefused() }

// Extent is how far a log reaches.
type Extent struct {
	Stored   int64 // what is kept below this position is in the store
	End      int64
	Cut      store.Cut
	Released bool // nothing more will come
}

// Extent returns how far the log reaches.
func (l *Log) Extent() Extent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Extent{l.stored, l.end, l.cut(), l.released}
}

// Read returns what the log holds from a position on, at least some of it if there is any, and the position to continue
// from. ok is false if what is at the position is in the store.
func (l *Log) Read(position int64, limit int) (entries []store.LogEntry, next int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if position < l.stored {
		return nil, position, false
	}
	cut, next := l.cut(), position
	for _, list := range [][]store.LogChunk{l.sure, l.held} {
		i := sort.Search(len(list), func(i int) bool { return list[i].End() > position })
		for ; i < len(list) && limit > 0; i++ {
			next = list[i].End()
			for _, c := range visible(list[i], position, cut) {
				if l.over && c.Offset >= l.private {
					c.Data = bytes.Clone(c.Data)
				}
				entries = append(entries, store.LogEntry{Attempt: l.attempt, LogChunk: c})
				limit -= len(c.Data)
			}
		}
	}
	if limit > 0 {
		next = max(position, l.end)
	}
	return entries, next, true
}

// visible returns what a reader gets of a chunk: what lies behind a position and not in the cut.
func visible(c store.LogChunk, position int64, cut store.Cut) []store.LogChunk {
	part := func(from, to int64) []store.LogChunk {
		from, to = max(from, c.Offset, position), min(to, c.End())
		if from >= to {
			return nil
		}
		p := c
		p.Data, p.Offset = c.Data[from-c.Offset:to-c.Offset], from
		return []store.LogChunk{p}
	}
	if cut.Size() == 0 {
		return part(c.Offset, c.End())
	}
	return append(part(c.Offset, cut.From), part(cut.To, c.End())...)
}

// Changed returns a channel that is closed when the log changes: more was written or stored, or the log ended. Get
// the channel before looking.
func (l *Log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed.Next()
}
