package sqlite

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

// batchBytes bounds what one transaction writes, but for a single op that is larger.
const batchBytes = 8 << 20

// The delays after which ops that could not be written are tried again.
const (
	minRetry = 50 * time.Millisecond
	maxRetry = 5 * time.Second
)

// writer commits ops. All but queue and revision belong to its goroutine.
type writer struct {
	conn     *conn
	queue    *queue
	observer store.Observer
	revision atomic.Int64 // of the last commit

	marks marks
	stay  []op // could not be written yet
	batch []op
	known map[string]head // of unfinished workloads, as the last commit left them; not of all
}

// maxKnown bounds the heads that are kept.
const maxKnown = 1 << 14

// marks are the counters that go up with every commit.
type marks struct {
	sequence int64 // of the last workload created
	revision int64 // of the last change
}

// run is the writer's goroutine. It ends when the queue is closed and empty.
func (w *writer) run() {
	retry := time.NewTimer(maxRetry)
	defer retry.Stop()
	delay := minRetry
	for {
		var again <-chan time.Time
		if len(w.stay) > 0 {
			retry.Reset(delay)
			again = retry.C
		}
		select {
		case <-w.queue.ready:
		case <-again:
			delay = min(2*delay, maxRetry)
		}
		closed := w.round()
		if len(w.stay) == 0 {
			delay = minRetry
		}
		if closed {
			break
		}
	}
	for _, o := range w.stay {
		o.finish(store.ErrClosed)
	}
}

// round writes what stayed and the next batch, and reports whether that was all there will be.
func (w *writer) round() (closed bool) {
	w.batch = append(w.batch[:0], w.stay...)
	clear(w.stay)
	w.stay = w.stay[:0]
	w.batch, closed = w.queue.take(w.batch, batchBytes)
	if len(w.batch) > 0 && w.commit(w.batch...) != nil {
		w.single(w.batch)
	}
	clear(w.batch)
	return closed
}

// single writes each op in a transaction of its own, and sees to those that fail.
func (w *writer) single(batch []op) {
	blocked := make(map[string]bool)
	full := false
	for _, o := range batch {
		id := o.workload()
		if blocked[id] {
			w.stay = append(w.stay, o)
			continue
		}
		if _, ok := o.(*submitOp); ok && full {
			o.finish(store.ErrFull)
			continue
		}
		err := w.commit(o)
		switch {
		case err == nil:
		case id != "" && passing(err):
			blocked[id] = true
			w.stay = append(w.stay, o)
		default:
			err = translate(err)
			full = full || errors.Is(err, store.ErrFull)
			o.finish(err)
		}
	}
}

// commit writes ops in one transaction and finishes them, or fails and leaves no trace.
func (w *writer) commit(ops ...op) error {
	tx, err := w.begin()
	if err != nil {
		return err
	}
	for _, o := range ops {
		if err := o.apply(tx); err != nil {
			return tx.rollback(err)
		}
	}
	if err := tx.flush(); err != nil {
		return tx.rollback(err)
	}
	if err := tx.commit(); err != nil {
		return tx.rollback(err)
	}
	w.keep(tx.heads)
	w.marks = tx.marks
	w.revision.Store(w.marks.revision)
	if w.observer != nil && len(tx.changes) > 0 {
		w.observer(tx.changes)
	}
	for _, o := range ops {
		o.finish(nil)
	}
	return nil
}

// keep takes the heads over that a transaction has committed. What has finished does not change any
// more.
func (w *writer) keep(heads map[string]*head) {
	for id, h := range heads {
		if h == nil || store.State(h.state).Finished() {
			delete(w.known, id)
			continue
		}
		if _, ok := w.known[id]; ok || len(w.known) < maxKnown {
			h.log = nil
			w.known[id] = *h
		}
	}
}
