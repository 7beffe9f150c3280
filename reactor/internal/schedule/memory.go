package schedule

import (
	"slices"
	"time"

	"github.com/reactord/reactord/internal/heap"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
)

// maxYields is how often a running entry goes back for others.
const maxYields = 3

// memory accounts for the node's memory.
type memory[T, M any] struct {
	reserved int64          // the sum of all reservations
	leaving  int64          // the part of it of entries that were told to go back
	age      uint64         // counts first starts
	order    uint64         // counts starts
	asking   []*Entry[T, M] // entries that asked for more than was free
	fresh    list[T, M]     // entries that run on an estimate, in the order of their starts
	shorts   int            // entries that wait for memory
	keep     heldMemory[T, M]
}

// share is an entry's part of the node's memory.
type share[T, M any] struct {
	limit    int64                          // the workload's own
	reserved int64                          // while it runs
	wants    int64                          // what it needs to be started again after it went back; zero: the estimate
	least    int64                          // what it asked for when it went back for itself
	age      uint64                         // number of its first start; zero: not started yet
	order    uint64                         // number of this start
	place    heap.Item[int64, *Entry[T, M]] // in its line's running
	since    time.Time                      // when it began to be short of memory, or fresh
	class    int                            // if it is short
	asked    uint8                          // how often it went back because it needed more itself; counts to 2
	eased    uint8                          // how often it was content with least
	yielded  uint8                          // how often it went back for others
	short    bool                           // it waits for memory to be started
	leaving  bool                           // it was told to go back
	asking   bool                           // it runs, and waits for memory
}

// need returns what an entry has to reserve to be started.
func (s *Scheduler[T, M]) need(e *Entry[T, M]) int64 {
	start := e.module.start + e.held
	want := start
	if estimate := s.estimates.of(e.key); estimate > 0 {
		want = max(want, estimate+e.held)
	}
	if sh := e.share; sh != nil {
		want = max(want, sh.wants)
		if sh.limit > 0 {
			want = min(want, sh.limit)
		}
	}
	return max(start, min(want, s.config.Memory))
}

// fits reports whether an entry can be started beside what is reserved and what is kept.
func (s *Scheduler[T, M]) fits(e *Entry[T, M], freeing int64) bool {
	need := s.need(e)
	return s.memory.reserved+freeing+need <= s.config.Memory && !s.blocked(e, need)
}

// Verdict is the answer to an entry that wants memory.
type Verdict uint8

// The verdicts.
const (
	Granted  Verdict = iota // the entry has what it needs
	Wait                    // the entry waits, and gets what it needs later
	GoBack                  // the entry must end, and is started again when there is what it needs
	TooLarge                // the entry needs more than the node has
	Stopped                 // nothing is started any more: the owner puts the entry back
	Over                    // the entry was cancelled meanwhile
)

// Begin starts an entry whose own limit on memory is known by now, zero for none. If the verdict is Granted the owner
// starts it, and calls OnFirstRun when its fiber runs. If it is Wait, Next has the entry started later.
func (s *Scheduler[T, M]) Begin(e *Entry[T, M], limit int64, now time.Time, freeing int64) Verdict {
	if e.machine.Stage() != lifecycle.Loading {
		return Over
	}
	if s.draining {
		return Stopped
	}
	if e.share == nil {
		e.share = &share[T, M]{}
		e.share.place.Value = e
	}
	sh := e.share
	sh.limit = limit
	need := s.need(e)
	if need > s.config.Memory {
		return TooLarge
	}
	if !s.fits(e, freeing) {
		s.fallShort(e, need, now)
		return Wait
	}
	e.machine.Start()
	s.onMoved(e, lifecycle.Loading)
	if e.delay != nil {
		s.delayed.Remove(&e.delay.alarm)
	}
	s.memory.order++
	sh.order = s.memory.order
	if sh.age == 0 {
		s.memory.age++
		sh.age = s.memory.age
	}
	sh.since = now
	s.memory.fresh.push(e)
	e.line.addYielding(e)
	s.reserve(e, need)
	return Granted
}

// reserve sets an entry's reservation. Every change of a reservation comes here.
func (s *Scheduler[T, M]) reserve(e *Entry[T, M], bytes int64) {
	more := bytes - e.share.reserved
	e.share.reserved = bytes
	e.line.reserved += more
	s.memory.reserved += more
	if e.share.leaving {
		s.memory.leaving += more
	}
	if k := &s.memory.keep; k.entry != nil && e.share.order <= k.before {
		k.elders += more
	}
}

// Reserved returns what a running entry may hold.
func (e *Entry[T, M]) Reserved() int64 { return e.share.reserved }

// Grow asks for a running entry to hold so many bytes in all. The entries it returns must go back: the owner cancels
// their tasks for the sake of memory. If the verdict is Wait, Next says when the entry may go on.
func (s *Scheduler[T, M]) Grow(e *Entry[T, M], bytes, freeing int64) (v Verdict, back []*Entry[T, M]) {
	sh, m := e.share, &s.memory
	switch {
	case sh.leaving:
		return GoBack, nil
	case bytes <= sh.reserved:
		return Granted, nil
	case bytes > s.config.Memory:
		return TooLarge, nil
	}
	s.estimates.atLeast(e.key, bytes-e.held)
	if more := s.need(e) - sh.reserved; m.reserved+freeing+more <= s.config.Memory { // what other instances of the module came to
		s.reserve(e, max(bytes, sh.reserved+more))
		return Granted, nil
	}
	if over := m.reserved - m.leaving + bytes - sh.reserved - s.config.Memory; over > 0 {
		if back = s.sendBackYounger(e, over); back == nil {
			s.sendBack(e, bytes)
			return GoBack, nil
		}
	}
	s.reserve(e, bytes)
	if m.reserved+freeing <= s.config.Memory {
		return Granted, back
	}
	sh.asking = true
	m.asking = append(m.asking, e)
	return Wait, back
}

// StartBytes returns the least that an entry has in memory when it starts. Its module must be loaded.
func (e *Entry[T, M]) StartBytes() int64 { return e.module.start + e.held }

// Wants returns what an entry that went back needs to be started again; zero if it did not go back.
func (s *Scheduler[T, M]) Wants(e *Entry[T, M]) int64 {
	sh := e.share
	if sh == nil || sh.wants == 0 {
		return 0
	}
	if sh.limit > 0 {
		return min(sh.wants, sh.limit)
	}
	return min(sh.wants, s.config.Memory)
}

// sendBack sends back an entry that asked for more than there is.
func (s *Scheduler[T, M]) sendBack(e *Entry[T, M], bytes int64) {
	sh := e.share
	sh.asked = min(sh.asked+1, 2)
	sh.wants, sh.least = bytes, bytes
	if sh.asked > 1 {
		sh.wants = s.config.Memory // or its own limit, if that is less
	}
	s.leave(e)
}

func (s *Scheduler[T, M]) leave(e *Entry[T, M]) {
	e.share.leaving = true
	s.memory.leaving += e.share.reserved
	e.line.yielding.Remove(&e.share.place)
}

// sendBackYounger sends back entries that are younger than e and together have so many bytes, the youngest first, those
// of the same tenant before others'. If there are not enough it sends back none and returns nil.
func (s *Scheduler[T, M]) sendBackYounger(e *Entry[T, M], bytes int64) (back []*Entry[T, M]) {
	take := func(from *line[T, M]) (taken bool) {
		if from == nil {
			return false
		}
		y := from.youngest()
		if y == nil || y.share.age <= e.share.age {
			return false
		}
		from.yielding.Remove(&y.share.place)
		back = append(back, y)
		bytes -= y.share.reserved
		return true
	}
	for bytes > 0 && (take(e.line) || take(s.youngestLine(e.line))) {
	}
	if bytes > 0 {
		for _, y := range back {
			y.line.addYielding(y)
		}
		return nil
	}
	for _, y := range back {
		y.share.wants = max(y.share.wants, y.share.reserved)
		if y.machine.Stage() == lifecycle.Running {
			y.share.yielded++
		}
		s.leave(y)
	}
	return back
}

// youngestLine returns the line with the youngest entry that may go back, except for one tenant's; nil if there is none.
func (s *Scheduler[T, M]) youngestLine(but *line[T, M]) (found *line[T, M]) {
	for _, l := range s.lines {
		if y := l.youngest(); l != but && y != nil && (found == nil || y.share.age > found.youngest().share.age) {
			found = l
		}
	}
	return found
}

// nextSatisfied removes and returns the first entry that asked for memory and can have it.
func (s *Scheduler[T, M]) nextSatisfied(freeing int64) *Entry[T, M] {
	m := &s.memory
	if len(m.asking) == 0 || m.reserved+freeing > s.config.Memory {
		return nil
	}
	e := m.asking[0]
	m.asking[0], m.asking = nil, m.asking[1:]
	e.share.asking = false
	return e
}

// stopAsking is called when an entry that asked for memory ends.
func (s *Scheduler[T, M]) stopAsking(e *Entry[T, M]) {
	m := &s.memory
	e.share.asking = false
	if i := slices.Index(m.asking, e); i >= 0 {
		m.asking = slices.Delete(m.asking, i, i+1)
	}
}

// Asking reports whether an entry that was told to wait still has to wait.
func (e *Entry[T, M]) Asking() bool { return e.share.asking }

// Free gives back an entry's reservation when its instance is gone. peak is the most that the instance held, zero if
// there was none.
func (s *Scheduler[T, M]) Free(e *Entry[T, M], peak int64) {
	sh := e.share
	if sh == nil || sh.reserved == 0 {
		return
	}
	if sh.asking {
		s.stopAsking(e)
	}
	if peak > 0 && !sh.leaving {
		s.estimates.ended(e.key, peak-e.held)
	}
	s.reserve(e, 0)
	sh.leaving, sh.since = false, time.Time{}
	if e.links[byTurn].in == &s.memory.fresh {
		s.memory.fresh.remove(e)
	}
	e.line.yielding.Remove(&sh.place)
}

// nextUnsettled returns an entry that has run for long enough to show what it needs. It is called when another is short.
func (s *Scheduler[T, M]) nextUnsettled(now time.Time) *Entry[T, M] {
	e := s.memory.fresh.first
	if s.memory.shorts == 0 || e == nil || now.Before(e.share.since.Add(s.config.Patience)) {
		return nil
	}
	s.memory.fresh.remove(e)
	return e
}

// OnSettled lowers an entry's reservation to what it holds, which becomes the most it may hold. If it has no instance yet
// it is settled later.
func (s *Scheduler[T, M]) OnSettled(e *Entry[T, M], held int64, now time.Time) {
	sh := e.share
	switch {
	case sh.reserved == 0 || sh.leaving || sh.asking: // it ends, or has asked for more
	case held <= 0:
		sh.since = now
		s.memory.fresh.push(e)
	case held < sh.reserved:
		s.estimates.ended(e.key, held-e.held)
		s.reserve(e, held)
	}
}
