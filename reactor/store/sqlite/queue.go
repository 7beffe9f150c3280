package sqlite

import "sync"

// op is one write. The writer calls apply inside a transaction, again if that transaction fails,
// and finish once, after the commit or when it gives up.
type op interface {
	// apply makes the change. It returns errors that spoil the transaction; a refusal is kept in
	// the op and is no error.
	apply(tx *tx) error
	// finish hands the outcome to the caller. It must not block.
	finish(err error)
	// workload is the id whose later ops must wait for this one if it cannot be written now;
	// empty for an op that then fails instead.
	workload() string
	// bytes is about how much it writes.
	bytes() int64
}

// queue is what the writer has yet to do. It is unbounded: see Store.room.
type queue struct {
	ready chan struct{} // holds a token while there is something to see

	mu     sync.Mutex
	ops    []op
	closed bool
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

// push appends an op; it returns false if the queue is closed.
func (q *queue) push(o op) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.ops = append(q.ops, o)
	q.mu.Unlock()
	q.signal()
	return true
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take removes ops from the front, one at least if there is one, of about maxBytes together, into
// batch. It leaves a token in ready if there is more to see.
func (q *queue) take(batch []op, maxBytes int64) (_ []op, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for size := int64(0); n < len(q.ops) && size < maxBytes; n++ {
		size += q.ops[n].bytes()
	}
	batch = append(batch, q.ops[:n]...)
	if n == len(q.ops) {
		clear(q.ops)
		q.ops = q.ops[:0]
		return batch, q.closed
	}
	clear(q.ops[:n])
	q.ops = q.ops[n:]
	q.signal()
	return batch, false
}
