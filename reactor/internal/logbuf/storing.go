package logbuf

import (
	"errors"

	"github.com/reactord/reactord/reactor/store"
)

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

// Refused reports whether the store accepts no output now, so that the log keeps what it holds.
func (l *Log) Refused() bool { return l.spool.isRefused() }
