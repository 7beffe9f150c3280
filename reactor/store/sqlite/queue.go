package sqlite

import (
	"slices"
	"sync"
	"time"

	"github.com/reactord/reactord/internal/notify"
)

// op is one write. The writer calls apply inside a transaction, again if that transaction fails,
// and finish once, after the commit or when it gives up.
type op interface {
	// apply makes the change. It returns errors that spoil the transaction; a refusal is kept in
	// the op and is no error.
	apply(tx *tx) error
	// finish hands the outcome to the caller. It must not block.
	finish(err error)
	// workload is the id of the workload it is about, whose ops keep their order; empty if it is
	// about none.
	workload() string
	// bytes is about how much it writes.
	bytes() int64
}

// linger is how long a lazy op waits for others at most. Those that have waited for nearly as long
// go together.
const (
	linger = 10 * time.Millisecond
	nearly = linger - linger/4
)

// queue is what the writer has yet to do. It is unbounded: see Store.room.
//
// A lazy op does not wake the writer. There are two kinds:
//
//   - One that joins has its place among the ops, and goes with the next batch.
//   - One that is held is kept apart until a later op of the same workload comes, which it then
//     goes before: the row of that workload is written once for both.
//
// A timer that is set while there are such ops brings both to an end.
//
// Output is bulk: guests write as much of it as they like, and nobody waits for it in particular.
// So it is kept apart from the ops, and each batch takes a little of it, from one workload after
// the other. A later op of a workload takes the bulk before it along.
//
// Large ops are kept apart too: each batch takes one, so that an op behind them waits for one of them, not
// for all that others have sent. (TestLargeOpsGoOneByOne)
type queue struct {
	ready notify.Signal // set while there is something to see

	mu     sync.Mutex
	ops    []op
	bulk   bulk
	large  []op          // of no workload
	held   map[string]op // by workload
	aging  []aging       // what was held, oldest first; what is not held any more is passed over
	timer  *time.Timer
	set    bool // the timer is
	closed bool
}

type aging struct {
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

// pushLarge appends an op of no workload to the large ones.
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

// join appends an op that may linger.
func (q *queue) join(o op) bool {
	if !q.append(o) {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.arm(linger)
	return true
}

// hold keeps an op back.
func (q *queue) hold(o op) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.release(o.workload())
	q.held[o.workload()] = o
	q.aging = append(q.aging, aging{o, time.Now()})
	q.arm(linger)
	return true
}

// trickle appends an op to the bulk.
func (q *queue) trickle(o op) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.unholdOf(o.workload())
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

// release puts among the ops what a later op of the workload must not overtake.
func (q *queue) release(id string) {
	q.ops = append(q.ops, q.bulk.takeOf(id)...)
	q.unholdOf(id)
}

// unholdOf puts what is held of a workload among the ops.
func (q *queue) unholdOf(id string) {
	if o, ok := q.held[id]; ok {
		delete(q.held, id)
		q.ops = append(q.ops, o)
	}
}

// arm sets the timer unless it is: then it is for an older op.
func (q *queue) arm(after time.Duration) {
	if !q.set && !q.closed {
		q.set = true
		q.timer.Reset(after)
	}
}

// expire is the timer: what has lingered is written.
func (q *queue) expire() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.set = false
	q.unhold(nearly)
	if len(q.aging) > 0 {
		q.arm(linger - time.Since(q.aging[0].since))
	}
	if len(q.ops) > 0 {
		q.ready.Set()
	}
}

// unhold puts what has been held for that long among the ops.
func (q *queue) unhold(age time.Duration) {
	n := 0
	for ; n < len(q.aging); n++ {
		a := q.aging[n]
		if id := a.op.workload(); q.held[id] == a.op {
			if time.Since(a.since) < age {
				break
			}
			q.release(id)
		}
	}
	clear(q.aging[:n])
	if q.aging = q.aging[n:]; len(q.aging) == 0 {
		q.aging = nil
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

// take removes ops from the front, one at least if there is one, of about maxBytes together, into
// batch, and one large op and some bulk behind them. It leaves a token in ready if there is more to see.
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
