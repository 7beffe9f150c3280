package schedule

import (
	"math/bits"

	"github.com/reactord/reactord/internal/heap"
)

// list is a doubly linked list of entries, linked through themselves.
type list[T, M any] struct {
	first, last *Entry[T, M]
	by          order
}

// order is by which of its links an entry is in a list.
type order int

const (
	byTurn order = iota // in a list of its line, where what was put back or delayed comes first
	byAge               // in the list of all that are pending, in the order in which they became that
	orders
)

// links are an entry's place in a list.
type links[T, M any] struct {
	in         *list[T, M] // nil: none
	prev, next *Entry[T, M]
}

func (l *list[T, M]) push(e *Entry[T, M]) {
	e.links[l.by] = links[T, M]{in: l, prev: l.last}
	if l.last == nil {
		l.first = e
	} else {
		l.last.links[l.by].next = e
	}
	l.last = e
}

func (l *list[T, M]) pushFront(e *Entry[T, M]) {
	e.links[l.by] = links[T, M]{in: l, next: l.first}
	if l.first == nil {
		l.last = e
	} else {
		l.first.links[l.by].prev = e
	}
	l.first = e
}

func (l *list[T, M]) remove(e *Entry[T, M]) {
	at := e.links[l.by]
	if at.prev == nil {
		l.first = at.next
	} else {
		at.prev.links[l.by].next = at.next
	}
	if at.next == nil {
		l.last = at.prev
	} else {
		at.next.links[l.by].prev = at.prev
	}
	e.links[l.by] = links[T, M]{}
}

// classes is the number of size classes of memory: two to each power of two.
const classes = 64

// classOf returns the class of a need for memory. A much larger need is in a higher class.
func classOf(bytes int64) int {
	const unit = 16 // 64 KiB
	n := uint64(max(bytes, 1)) >> (unit - 1)
	high := bits.Len64(n)
	if high < 2 {
		return 0
	}
	return min(2*(high-2)+1+int(n>>(high-2)&1), classes-1)
}

// line is what belongs to one tenant.
type line[T, M any] struct {
	tenant     string
	queue      list[T, M]
	ready      list[T, M]
	short      [classes]list[T, M] // first come, first served in each
	shortMask  uint64              // the classes that are not empty
	shorts     int
	loading    int                            // modules being loaded on the tenant's turn
	entries    int                            // entries that were added and are not gone
	yielding   heap.Heap[int64, *Entry[T, M]] // entries with reserved memory that may go back for others, the youngest first
	reserved   int64                          // what all entries have reserved
	next, prev *line[T, M]                    // the ring of lines with entries in queue, ready or short
}

// hasWork reports whether the tenant has an entry that may be started or whose module may be loaded.
func (l *line[T, M]) hasWork() bool {
	return l.queue.first != nil || l.ready.first != nil || l.shorts > 0
}

// addYielding adds an entry to those that may go back for others, unless it has gone back as often as it may.
func (l *line[T, M]) addYielding(e *Entry[T, M]) {
	if e.share.yielded < maxYields {
		l.yielding.Set(&e.share.place, -int64(e.share.age))
	}
}

// youngest returns the youngest of the tenant's entries that may go back for others; nil if there is none.
func (l *line[T, M]) youngest() *Entry[T, M] {
	if first, _ := l.yielding.First(); first != nil {
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

// queueUp puts an entry into a list of its line, last or first. A tenant that had no waiting entry is served last
// in the current round.
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

// takeOut removes an entry from the list in which it waits, if any.
func (s *Scheduler[T, M]) takeOut(e *Entry[T, M]) {
	if e.links[byTurn].in == nil {
		return
	}
	l, in := e.line, e.links[byTurn].in
	in.remove(e)
	if e.share != nil && e.share.short {
		s.endShortage(e)
	}
	if l.next == nil || l.hasWork() {
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
