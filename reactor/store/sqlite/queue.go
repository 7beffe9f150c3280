package sqlite

import (
	"slices"
	"sync"
	"time"

	"github.com/reactord/reactord/internal/notify"
)

// op is one write. The writer calls apply inside a transaction, again if that transaction fails, and finish
// once, after the commit or when it gives up.
type op interface {
	// apply makes the change. It returns only errors that spoil the transaction; a refusal is kept in
	// the op.
	apply(tx *tx) error
	// finish reports the outcome to the caller. It must not block.
	finish(err error)
	// workload returns the id of the op's workload, whose ops keep their order; empty if the op is not about a
	// workload.
	workload() string
	// bytes returns about how much the op writes.
	bytes() int64
}

// linger is the longest that a lazy op waits for others. Ops that have waited for nearly as long go with the
// same batch.
const (
	linger = 10 * time.Millisecond
	nearly = linger - linger/4
)

// queue holds the ops that the writer has not taken. It is unbounded: see Store.room.
//
// A lazy op does not wake the writer. There are two kinds:
//
//   - An op that is pushed lazily has its place among the ops, and goes with the next batch.
//   - An op that is held is kept apart until a later op of the same workload comes, and then goes before
//     that one: the workload's row is written once for both.
//
// A timer is set while there are such ops, and has both kinds written.
//
// Output is bulk: guests write as much of it as they like, and nobody waits for a particular piece.
// So it is kept apart from the ops, and each batch takes a little of it, from one workload after
// the other. A later op of a workload takes along the bulk before it.
//
// Large ops are kept apart too: each batch takes one, so that an op behind them waits for one of them, not
// for all that others have sent. (TestLargeOpsGoOneByOne)
type queue struct {
	ready notify.Signal // set while there is something to take

	mu          sync.Mutex
	ops         []op
	bulk        bulk
	large       []op          // of no workload
	held        map[string]op // by workload
	heldInOrder []heldOp      // held ops, oldest first; those no longer held are skipped
	timer       *time.Timer
	timerSet    bool
	closed      bool
}

type heldOp struct {
	op    op
	since time.Time
}

func newQueue() *queue {
	q := &queue{ready: notify.NewSignal(), held: make(map[string]op), bulk: newBulk()}
	q.timer = time.AfterFunc(linger, q.expire)
	q.timer.Stop()
	return q
}

// push appends an op; it returns false if the queue is closed.
func (q *queue) push(o op) bool {
	if !q.append(o) {
		return false
	}
	q.ready.Set()
	return true
}

// pushLarge appends an op to the large ones. It belongs to no workload.
func (q *queue) pushLarge(o op) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.large = append(q.large, o)
	q.ready.Set()
	return true
}

// pushLazy appends an op without waking the writer.
func (q *queue) pushLazy(o op) bool {
	if !q.append(o) {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.arm(linger)
	return true
}

// hold keeps an op apart.
func (q *queue) hold(o op) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.release(o.workload())
	q.held[o.workload()] = o
	q.heldInOrder = append(q.heldInOrder, heldOp{o, time.Now()})
	q.arm(linger)
	return true
}

// pushBulk appends an op to the bulk.
func (q *queue) pushBulk(o op) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.unholdWorkload(o.workload())
	q.bulk.add(o)
	q.ready.Set()
	return true
}

func (q *queue) append(o op) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.release(o.workload())
	q.ops = append(q.ops, o)
	return true
}

// release moves to the ops what a later op of the workload must not overtake.
func (q *queue) release(id string) {
	q.ops = append(q.ops, q.bulk.takeOf(id)...)
	q.unholdWorkload(id)
}

// unholdWorkload moves the held op of a workload to the ops.
func (q *queue) unholdWorkload(id string) {
	if o, ok := q.held[id]; ok {
		delete(q.held, id)
		q.ops = append(q.ops, o)
	}
}

// arm sets the timer, unless it is set already for an older op.
func (q *queue) arm(after time.Duration) {
	if !q.timerSet && !q.closed {
		q.timerSet = true
		q.timer.Reset(after)
	}
}

// expire is called by the timer: it has the writer take what has lingered.
func (q *queue) expire() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.timerSet = false
	q.unhold(nearly)
	if len(q.heldInOrder) > 0 {
		q.arm(linger - time.Since(q.heldInOrder[0].since))
	}
	if len(q.ops) > 0 {
		q.ready.Set()
	}
}

// unhold moves ops that have been held for the given age to the ops.
func (q *queue) unhold(age time.Duration) {
	n := 0
	for ; n < len(q.heldInOrder); n++ {
		a := q.heldInOrder[n]
		if id := a.op.workload(); q.held[id] == a.op {
			if time.Since(a.since) < age {
				break
			}
			q.release(id)
		}
	}
	clear(q.heldInOrder[:n])
	if q.heldInOrder = q.heldInOrder[n:]; len(q.heldInOrder) == 0 {
		q.heldInOrder = nil
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.timer.Stop()
	q.unhold(0)
	q.ready.Set()
}

// take removes ops from the front and appends them to batch: at least one if there is one, about maxBytes in all,
// and behind them one large op and some bulk. It leaves ready set if more is left.
func (q *queue) take(batch []op, maxBytes int64) (_ []op, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for size := int64(0); n < len(q.ops) && size < maxBytes; n++ {
		size += q.ops[n].bytes()
	}
	batch = append(batch, q.ops[:n]...)
	clear(q.ops[:n])
	if n == len(q.ops) {
		q.ops = q.ops[:0]
	} else {
		q.ops = q.ops[n:]
	}
	batch = append(batch, q.bulk.take(bulkBytes, func(id string) bool {
		return slices.ContainsFunc(q.ops, func(o op) bool { return o.workload() == id })
	})...)
	if len(q.large) > 0 {
		batch = append(batch, q.large[0])
		q.large[0] = nil
		q.large = q.large[1:]
	}
	if len(q.ops) > 0 || len(q.large) > 0 || q.bulk.len() > 0 {
		q.ready.Set()
		return batch, false
	}
	return batch, q.closed
}
