package service

import (
	"container/list"
	"iter"
)

// queue has the requests that wait for an instance, in lines: one of each caller. The lines have their turns, a request each, so that
// many requests of one caller do not hold up others. It is a plain value, a part of the pool.
type queue struct {
	lines  map[string]*line // by their callers; none is empty
	turns  list.List        // of *line, the next one first
	length int
}

// line has the requests of a caller that wait, first come, first served.
type line struct {
	caller  string
	tickets list.List     // of *ticket
	turn    *list.Element // in queue.turns
}

// of returns the line of a caller, which is the last one if it is new.
func (q *queue) of(caller string) *line {
	l := q.lines[caller]
	if l == nil {
		l = &line{caller: caller}
		l.turn = q.turns.PushBack(l)
		if q.lines == nil {
			q.lines = map[string]*line{}
		}
		q.lines[caller] = l
	}
	return l
}

// push has a request wait.
func (q *queue) push(t *ticket) {
	t.place = q.of(t.caller).tickets.PushBack(t)
	q.length++
}

// pushFront has a request wait that is to be the next one.
func (q *queue) pushFront(t *ticket) {
	l := q.of(t.caller)
	t.place = l.tickets.PushFront(t)
	q.turns.MoveToFront(l.turn)
	q.length++
}

// front returns the request that is the next one, nil if none waits.
func (q *queue) front() *ticket {
	if q.length == 0 {
		return nil
	}
	return q.turns.Front().Value.(*line).tickets.Front().Value.(*ticket)
}

// pop takes the next request out. It is the next caller's turn then.
func (q *queue) pop() {
	t := q.front()
	q.turns.MoveToBack(q.lines[t.caller].turn)
	q.remove(t)
}

// remove takes a request out.
func (q *queue) remove(t *ticket) {
	l := q.lines[t.caller]
	l.tickets.Remove(t.place)
	t.place = nil
	q.length--
	if l.tickets.Len() == 0 {
		q.turns.Remove(l.turn)
		delete(q.lines, l.caller)
	}
}

// displaced takes out the last request of the longest line, to make room for one of a caller whose line is shorter, also after that. It
// returns nil if there is no such line.
func (q *queue) displaced(caller string) *ticket {
	var longest *line
	for e := q.turns.Front(); e != nil; e = e.Next() {
		if l := e.Value.(*line); longest == nil || l.tickets.Len() > longest.tickets.Len() {
			longest = l
		}
	}
	own := 0
	if l := q.lines[caller]; l != nil {
		own = l.tickets.Len()
	}
	if longest == nil || longest.tickets.Len() < own+2 {
		return nil
	}
	t := longest.tickets.Back().Value.(*ticket)
	q.remove(t)
	return t
}

// all are the requests that wait, line by line.
func (q *queue) all() iter.Seq[*ticket] {
	return func(yield func(*ticket) bool) {
		for e := q.turns.Front(); e != nil; e = e.Next() {
			for t := e.Value.(*line).tickets.Front(); t != nil; t = t.Next() {
				if !yield(t.Value.(*ticket)) {
					return
				}
			}
		}
	}
}
