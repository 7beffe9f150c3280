package schedule

import (
	"math/bits"

	"github.com/reactord/reactord/internal/heap"
)

// list is entries in a row, linked through themselves.
type list[T, M any] struct {
	first, last *Entry[T, M]
}

func (l *list[T, M]) push(e *Entry[T, M]) {
	e.in, e.prev, e.next = l, l.last, nil
	if l.last == nil {
		l.first = e
	} else {
		l.last.next = e
	}
	l.last = e
}

func (l *list[T, M]) pushFront(e *Entry[T, M]) {
	e.in, e.prev, e.next = l, nil, l.first
	if l.first == nil {
		l.last = e
	} else {
		l.first.prev = e
	}
	l.first = e
}

func (l *list[T, M]) remove(e *Entry[T, M]) {
	if e.prev == nil {
		l.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.last = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.in, e.prev, e.next = nil, nil, nil
}

// classes is how many sizes of memory there are: two to a power of two.
const classes = 64

// classOf is the class of a need for memory. What needs much more than another is in a higher one.
func classOf(bytes int64) int {
	const unit = 16 // 64 KiB
	n := uint64(max(bytes, 1)) >> (unit - 1)
	high := bits.Len64(n)
	if high < 2 {
		return 0
	}
	return min(2*(high-2)+1+int(n>>(high-2)&1), classes-1)
}

// line is what one tenant has.
type line[T, M any] struct {
	tenant     string
	queue      list[T, M]
	ready      list[T, M]
	short      [classes]list[T, M] // first come first served in each
	shortMask  uint64              // the classes that have any
	shorts     int
	loading    int                            // modules that are loaded on the tenant's turn
	entries    int                            // that have been added and are not gone
	running    heap.Heap[int64, *Entry[T, M]] // that have memory reserved, the youngest first
	reserved   int64                          // what they have
	next, prev *line[T, M]                    // the ring of those that have something in queue, ready or short
}

// waits reports whether the tenant has something that may be started or loaded.
func (l *line[T, M]) waits() bool {
	return l.queue.first != nil || l.ready.first != nil || l.shorts > 0
}

// runs puts an entry among those of the tenant that run.
func (l *line[T, M]) runs(e *Entry[T, M]) { l.running.Set(&e.share.place, -int64(e.share.age)) }

// youngest is the youngest of those of the tenant that run; nil if none does.
func (l *line[T, M]) youngest() *Entry[T, M] {
	if first, _ := l.running.First(); first != nil {
		return first.Value
	}
	return nil
}

// lineOf returns a tenant's line.
func (s *Scheduler[T, M]) lineOf(tenant string) *line[T, M] {
	l := s.lines[tenant]
	if l == nil {
		l = &line[T, M]{tenant: tenant}
		if s.lines == nil {
			s.lines = make(map[string]*line[T, M])
		}
		s.lines[tenant] = l
	}
	return l
}

// queueUp puts an entry into a list of its line, last or first. A tenant that had nothing waiting is served last
// in the round that is under way.
func (s *Scheduler[T, M]) queueUp(e *Entry[T, M], in *list[T, M], front bool) {
	l := e.line
	if front {
		in.pushFront(e)
	} else {
		in.push(e)
	}
	if l.next != nil {
		return
	}
	if s.turn == nil {
		l.next, l.prev = l, l
		s.turn = l
		return
	}
	l.next, l.prev = s.turn, s.turn.prev
	l.prev.next, l.next.prev = l, l
}

// takeOut takes an entry out of where it waits, if it waits anywhere.
func (s *Scheduler[T, M]) takeOut(e *Entry[T, M]) {
	if e.in == nil {
		return
	}
	l, in := e.line, e.in
	in.remove(e)
	if e.share != nil && e.share.short {
		s.noLongerShort(e)
	}
	if l.next == nil || l.waits() {
		return
	}
	if l.next == l {
		s.turn = nil
	} else {
		if s.turn == l {
			s.turn = l.next
		}
		l.prev.next, l.next.prev = l.next, l.prev
	}
	l.next, l.prev = nil, nil
}
