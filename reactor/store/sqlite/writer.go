package sqlite

import (
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

// batchBytes bounds what one transaction writes, but for a single op that is larger.
const batchBytes = 2 << 20

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

	outage  *outage
	reserve *reserve
	space   space

	tagBounds tagBounds

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
	shrink := time.NewTicker(shrinkInterval)
	defer shrink.Stop()
	delay := minRetry
	for {
		var again <-chan time.Time
		if len(w.stay) > 0 || w.outage.isOn() {
			retry.Reset(delay)
			again = retry.C
		}
		select {
		case <-w.queue.ready:
		case <-again:
			delay = min(2*delay, maxRetry)
			w.probe()
		case <-shrink.C:
			w.conn.shrink()
			continue
		}
		closed := w.round()
		if len(w.stay) == 0 && !w.outage.isOn() {
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

// maxFutile bounds how many ops are tried by themselves that could not be written together: when so
// many in a row have failed for a cause that can pass, the others would too.
const maxFutile = 16

// single writes each op in a transaction of its own, and sees to those that fail. Transitions that
// fail for a cause that can pass stay. What makes room is always tried.
func (w *writer) single(batch []op) {
	blocked := make(map[string]bool)
	futile := 0
	var cause error // of the last failure
	for _, o := range batch {
		id := o.workload()
		err := cause
		if tried := makesRoom(o) || futile < maxFutile && !blocked[id]; tried {
			err = w.commit(o)
			if passing(err) && makesRoom(o) && w.reserve.spend() {
				err = w.commit(o)
			}
			if err == nil {
				futile = 0
				continue
			}
			if passing(err) {
				futile++
				cause = err
				w.outage.fail(translate(err), o.bytes(), time.Now())
			}
		}
		if _, ok := o.(*transitionOp); ok && passing(err) {
			blocked[id] = true
			w.stay = append(w.stay, o)
			continue
		}
		o.finish(translate(err))
	}
}

// makesRoom reports whether an op frees space. Spoiled by ops that need some, it would never be there.
func makesRoom(o op) bool {
	switch o.(type) {
	case *pruneOp, *deleteModuleOp:
		return true
	}
	return false
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
	w.noteSuccess(ops)
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

// noteSuccess counts what was written, and tells who waits for it that writing works.
func (w *writer) noteSuccess(ops []op) {
	size, largest, freed := int64(0), int64(0), false
	for _, o := range ops {
		if s, ok := o.(*submitOp); ok && s.refused != nil {
			w.outage.fail(s.refused, o.bytes(), time.Now())
			continue
		}
		size += o.bytes()
		largest = max(largest, o.bytes())
		freed = freed || makesRoom(o)
	}
	w.outage.succeed(largest, time.Now())
	if w.reserve.spent && !w.outage.isOn() {
		w.reserve.fill()
	}
	// What can't be looked at is looked at again with the next commit.
	if freed {
		_ = w.space.look(w.conn)
	} else {
		_ = w.space.wrote(w.conn, size)
	}
}

// probe finds out whether an outage is over while nothing is to be written.
func (w *writer) probe() {
	if w.outage.isOn() && len(w.stay) == 0 {
		_ = w.commit(&probeOp{}) // what fails is tried again
	}
}

// probeOp writes something, for the sake of writing.
type probeOp struct{ call }

func (o *probeOp) finish(error) {}

func (o *probeOp) apply(tx *tx) error {
	_, err := tx.exec(`INSERT INTO meta (key, value) VALUES (?, 1) ON CONFLICT DO UPDATE SET value = value + 1`, metaProbe)
	return err
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
