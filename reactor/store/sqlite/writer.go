package sqlite

import (
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

// batchBytes bounds what one transaction writes, except for a single op that is larger.
const batchBytes = 2 << 20

// The delays before postponed ops are tried again.
const (
	minRetry = 50 * time.Millisecond
	maxRetry = 5 * time.Second
)

// writer commits ops. Its goroutine owns all fields except queue and revision.
type writer struct {
	conn     *conn
	closed   bool // conn is
	queue    *queue
	observer store.Observer
	onCommit func(store.Commit) // may be nil
	revision atomic.Int64       // of the last commit

	outage  *outage
	reserve *reserve
	space   space

	tagBounds tagBounds

	marks     marks
	postponed []op // ops that could not be written yet
	batch     []op
	known     map[string]head // unfinished workloads as the last commit left them; not all of them

	uses map[store.Digest]int64 // when modules were submitted, as far as it is written; not all of them
}

// maxKnown bounds writer.known.
const maxKnown = 1 << 14

// marks are the counters that grow with every commit.
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
		if len(w.postponed) > 0 || w.outage.isOn() {
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
		closed := w.writeBatch()
		if len(w.postponed) == 0 && !w.outage.isOn() {
			delay = minRetry
		}
		if closed {
			break
		}
	}
	for _, o := range w.postponed {
		o.finish(store.ErrClosed)
	}
}

// writeBatch writes the postponed ops and the next batch, and reports whether the queue is closed and empty.
func (w *writer) writeBatch() (closed bool) {
	w.batch = append(w.batch[:0], w.postponed...)
	clear(w.postponed)
	w.postponed = w.postponed[:0]
	w.batch, closed = w.queue.take(w.batch, batchBytes)
	if len(w.batch) > 0 && w.commit(w.batch...) != nil {
		w.commitSingly(w.batch)
	}
	clear(w.batch)
	return closed
}

// maxFailures bounds how many ops are tried singly after their common transaction failed: when so many in a row
// have failed for a cause that can pass, the others would fail too.
const maxFailures = 16

// commitSingly writes each op in a transaction of its own. It postpones transitions that fail for a cause that can
// pass, and fails other ops for their callers. Ops that free space are always tried.
func (w *writer) commitSingly(batch []op) {
	blocked := make(map[string]bool)
	futile := 0
	var cause error // the last failure
	for _, o := range batch {
		id := o.workload()
		err := cause
		if tried := makesRoom(o) || futile < maxFailures && !blocked[id]; tried {
			err = w.commit(o)
			if temporary(err) && makesRoom(o) && w.reserve.spend() {
				err = w.commit(o)
			}
			if err == nil {
				futile = 0
				continue
			}
			if temporary(err) {
				futile++
				cause = err
				w.outage.onFailure(translate(err), time.Now())
			}
		}
		if _, ok := o.(*transitionOp); ok && temporary(err) {
			blocked[id] = true
			w.postponed = append(w.postponed, o)
			continue
		}
		o.finish(translate(err))
	}
}

// makesRoom reports whether an op frees space. It must not fail because of ops in its transaction that need space.
func makesRoom(o op) bool {
	switch o.(type) {
	case *pruneOp, *deleteModuleOp, *pruneModuleOp, *deleteWorkloadOp:
		return true
	}
	return false
}

// commit writes ops in one transaction and finishes them. If it fails it leaves no trace.
func (w *writer) commit(ops ...op) error {
	began := time.Now()
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
	size := w.onSuccess(ops)
	if w.onCommit != nil {
		w.onCommit(store.Commit{Took: time.Since(began), Bytes: size})
	}
	w.keepHeads(tx.heads)
	w.keepUses(tx.uses)
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

// onSuccess counts what was written, and reports that writing works. It returns the bytes.
func (w *writer) onSuccess(ops []op) (size int64) {
	freed := false
	for _, o := range ops {
		if s, ok := o.(*submitOp); ok && s.refused != nil {
			w.outage.onFailure(s.refused, time.Now())
			continue
		}
		size += o.bytes()
		freed = freed || makesRoom(o)
	}
	w.outage.onSuccess(time.Now())
	if w.reserve.spent && !w.outage.isOn() {
		w.reserve.fill()
	}
	// If the size cannot be measured, the next commit tries again.
	if freed {
		_ = w.space.measure(w.conn)
	} else {
		_ = w.space.onCommitted(w.conn, size)
	}
	return size
}

// probe checks whether an outage is over while there is nothing to write.
func (w *writer) probe() {
	if w.outage.isOn() && len(w.postponed) == 0 {
		_ = w.commit(&probeOp{}) // a failure is tried again
	}
}

// probeOp writes something, only to find out whether writing works.
type probeOp struct{ call }

func (o *probeOp) finish(error) {}

func (o *probeOp) apply(tx *tx) error {
	_, err := tx.exec(`INSERT INTO meta (key, value) VALUES (?, 1) ON CONFLICT DO UPDATE SET value = value + 1`, metaProbe)
	return err
}

// keepHeads takes over the heads that a transaction has committed. A finished workload does not change any
// more.
func (w *writer) keepHeads(heads map[string]*head) {
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
