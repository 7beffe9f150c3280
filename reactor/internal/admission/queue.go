// Package admission orders what waits to be started: fairly between tenants, first come first
// served within one.
//
// A [Queue] is a plain value without locks; its owner guards it. Every operation takes constant
// time, so that a million items may wait and any of them be taken back.
package admission

// Item is a place in a queue. It is embedded in what it queues, so that queueing costs no
// allocation, and is in one queue at most.
type Item[T any] struct {
	Value      T
	next, prev *Item[T]
	line       *line[T]
}

// Queued tells whether the item is in a queue.
func (it *Item[T]) Queued() bool { return it.line != nil }

// line is what one tenant has waiting: a ring through head.
type line[T any] struct {
	tenant     string
	head       Item[T] // sentinel: head.next is the first, head.prev the last
	next, prev *line[T]
}

// Queue serves tenants in turn: one item each, tenants in the order in which they began to wait.
type Queue[T any] struct {
	lines map[string]*line[T]
	turn  *line[T] // whose turn it is; nil when empty
	n     int
}

// Len is the number of items.
func (q *Queue[T]) Len() int { return q.n }

// Push puts an item behind the others of its tenant.
func (q *Queue[T]) Push(tenant string, it *Item[T]) {
	l := q.lineOf(tenant)
	it.insert(l, l.head.prev)
	q.n++
}

// PushFront puts an item before the others of its tenant: one that was taken and could not be
// started keeps its place.
func (q *Queue[T]) PushFront(tenant string, it *Item[T]) {
	l := q.lineOf(tenant)
	it.insert(l, &l.head)
	q.n++
}

// Pop takes the first item of the tenant whose turn it is, and passes the turn on; nil if the
// queue is empty.
func (q *Queue[T]) Pop() *Item[T] {
	if q.turn == nil {
		return nil
	}
	l := q.turn
	q.turn = l.next
	it := l.head.next
	q.Remove(it)
	return it
}

// Remove takes an item out, and tells whether it was in.
func (q *Queue[T]) Remove(it *Item[T]) bool {
	l := it.line
	if l == nil {
		return false
	}
	it.prev.next, it.next.prev = it.next, it.prev
	it.next, it.prev, it.line = nil, nil, nil
	q.n--
	if l.head.next == &l.head {
		q.drop(l)
	}
	return true
}

func (it *Item[T]) insert(l *line[T], after *Item[T]) {
	it.line, it.prev, it.next = l, after, after.next
	after.next.prev = it
	after.next = it
}

// lineOf returns the tenant's line; a new one is served last in the round that is under way.
func (q *Queue[T]) lineOf(tenant string) *line[T] {
	if l := q.lines[tenant]; l != nil {
		return l
	}
	l := &line[T]{tenant: tenant}
	l.head.next, l.head.prev = &l.head, &l.head
	if q.lines == nil {
		q.lines = make(map[string]*line[T])
	}
	q.lines[tenant] = l
	if q.turn == nil {
		l.next, l.prev = l, l
		q.turn = l
		return l
	}
	l.next, l.prev = q.turn, q.turn.prev
	l.prev.next, l.next.prev = l, l
	return l
}

func (q *Queue[T]) drop(l *line[T]) {
	delete(q.lines, l.tenant)
	if l.next == l {
		q.turn = nil
		return
	}
	if q.turn == l {
		q.turn = l.next
	}
	l.prev.next, l.next.prev = l.next, l.prev
}
