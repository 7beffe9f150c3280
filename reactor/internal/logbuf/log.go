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
	charged int64     // what it takes of the spool's memory
	over    bool      // the log is over its window; written with mu held, too
	waiters []*waiter // that wait for room
	turn    uint64    // when the first of them began to wait, among all logs
	place   int       // in the spool's queue, while there are waiters
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
