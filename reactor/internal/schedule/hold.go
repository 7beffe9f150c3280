package schedule

import (
	"math/bits"
	"time"
)

// heldMemory says for whom freed memory is kept.
type heldMemory[T, M any] struct {
	entry  *Entry[T, M] // nil: nobody
	before uint64       // the last start before memory was kept for it
	elders int64        // what the workloads started by then have reserved
	until  time.Time    // when others start again; zero: they start now
	round  int
}

// maxRounds bounds how often the time doubles for which others do not start.
const maxRounds = 8

// fallShort puts an entry among those that wait for memory.
func (s *Scheduler[T, M]) fallShort(e *Entry[T, M], need int64, now time.Time) {
	l, sh := e.line, e.share
	again := !sh.since.IsZero()
	if !again {
		sh.since = now
	}
	sh.short, sh.class = true, classOf(need)
	l.shorts++
	s.memory.shorts++
	l.shortMask |= 1 << sh.class
	s.queueUp(e, &l.short[sh.class], again)
	if sh.mayEase() && e.delay != nil {
		s.setAlarm(e, now)
	}
}

// mayEase reports whether an entry waits for all that it may use, and could do with less.
func (sh *share[T, M]) mayEase() bool { return sh.short && sh.asked > 1 && sh.least < sh.wants }

// easeAt returns when it will be content with less: others may run for so long that all is never free.
func (s *Scheduler[T, M]) easeAt(sh *share[T, M]) time.Time {
	return sh.since.Add(s.config.Patience << min(2+sh.eased, maxRounds))
}

// ease lets an entry be started with what it asked for, if it has waited for all that it may use for long enough.
func (s *Scheduler[T, M]) ease(e *Entry[T, M], now time.Time) {
	sh := e.share
	if sh == nil || !sh.mayEase() || now.Before(s.easeAt(sh)) {
		return
	}
	sh.wants = sh.least
	sh.eased = min(sh.eased+1, maxRounds)
	s.takeOut(e)
	s.fallShort(e, s.need(e), now)
}

// Expect sets when an entry that waits for memory is to end. It does nothing if the entry does not wait for memory, or
// has met a trouble before, which has set that. first is that of Postpone.
func (s *Scheduler[T, M]) Expect(e *Entry[T, M], why Why, now time.Time) (first bool) {
	if e.share == nil || !e.share.short || e.delay != nil {
		return false
	}
	return s.wait(e, why, now)
}

// endShortage is called when an entry no longer waits for memory.
func (s *Scheduler[T, M]) endShortage(e *Entry[T, M]) {
	l, sh := e.line, e.share
	if sh.mayEase() && e.delay != nil && e.delay.why.Deadline.IsZero() {
		s.delayed.Remove(&e.delay.alarm)
	}
	sh.short = false
	l.shorts--
	s.memory.shorts--
	if l.short[sh.class].first == nil {
		l.shortMask &^= 1 << sh.class
	}
	if s.memory.keep.entry == e {
		s.memory.keep = heldMemory[T, M]{}
	}
}

// Short returns what an entry needs that waits for memory to be started, and what is free. short is false if it does not.
func (s *Scheduler[T, M]) Short(e *Entry[T, M]) (need, free int64, since time.Time, short bool) {
	if e.share == nil || !e.share.short {
		return 0, 0, time.Time{}, false
	}
	return s.need(e), s.config.Memory - s.memory.reserved, e.share.since, true
}

// fitting returns the entry that has waited longest of a tenant's entries that wait for memory and would fit now; nil
// if there is none. Within a class entries are served in order, so only the first of each is examined.
func (s *Scheduler[T, M]) fitting(l *line[T, M], freeing int64) (found *Entry[T, M]) {
	for mask := l.shortMask; mask != 0; mask &= mask - 1 {
		e := l.short[bits.TrailingZeros64(mask)].first
		if (found == nil || e.share.since.Before(found.share.since)) && s.fits(e, freeing) {
			found = e
		}
	}
	return found
}

// hold decides for whom memory is kept, if for anyone.
func (s *Scheduler[T, M]) hold(now time.Time) {
	k := &s.memory.keep
	if k.entry == nil {
		e := s.oldestShort()
		if e == nil || now.Before(e.share.since.Add(s.config.Patience)) {
			return
		}
		*k = heldMemory[T, M]{entry: e, before: s.memory.order, elders: s.memory.reserved}
	}
	if s.config.Memory-k.elders < s.need(k.entry) { // they alone are in the way
		k.until = time.Time{}
		return
	}
	switch {
	case k.until.IsZero():
		k.until = now.Add(s.config.Patience << k.round)
	case !now.Before(k.until):
		k.round = min(k.round+1, maxRounds)
		k.before, k.elders, k.until = s.memory.order, s.memory.reserved, time.Time{}
	}
}

// blocked reports whether an entry does not start because memory is kept for another.
func (s *Scheduler[T, M]) blocked(e *Entry[T, M], need int64) bool {
	k := &s.memory.keep
	if k.entry == nil || k.entry == e || k.until.IsZero() {
		return false
	}
	return e.line == k.entry.line || e.line.reserved+need > s.config.Memory/int64(len(s.lines))
}

// oldestShort returns the entry that has waited longest for memory; nil if there is none.
func (s *Scheduler[T, M]) oldestShort() (found *Entry[T, M]) {
	for _, l := range s.lines {
		for mask := l.shortMask; mask != 0; mask &= mask - 1 {
			if e := l.short[bits.TrailingZeros64(mask)].first; found == nil || e.share.since.Before(found.share.since) {
				found = e
			}
		}
	}
	return found
}

// nextHold returns when hold will have something to change; zero if never, or if nothing may be started.
func (s *Scheduler[T, M]) nextHold() time.Time {
	if !s.mayStart() {
		return time.Time{}
	}
	if k := &s.memory.keep; k.entry != nil {
		return k.until
	}
	if e := s.oldestShort(); e != nil {
		return e.share.since.Add(s.config.Patience)
	}
	return time.Time{}
}
