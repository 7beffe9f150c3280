package schedule

import (
	"time"

	"github.com/reactord/reactord/internal/heap"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/retry"
)

// Why says what keeps an entry from being started for now.
type Why struct {
	Trouble  retry.Trouble
	Message  string
	Until    time.Time // when it is tried again; zero if the scheduler itself decides
	Deadline time.Time // when trying again becomes pointless; zero: never
}

// never is longer than anybody waits.
const never = 1000 * time.Hour

// delay is why an entry waits, and its failures.
type delay[T, M any] struct {
	alarm    heap.Item[time.Duration, *Entry[T, M]]
	why      Why
	failures uint32 // in a row
}

// Failures returns how often in a row the host failed the entry.
func (e *Entry[T, M]) Failures() uint32 {
	if e.delay == nil {
		return 0
	}
	return e.delay.failures
}

// Delay returns why the entry waits, or why its guest has not started; nil if nothing is in its way.
func (e *Entry[T, M]) Delay() *Why {
	if e.delay == nil {
		return nil
	}
	return &e.delay.why
}

// Postpone delays an entry that was to be started. first reports whether the trouble is new. ok is false if the
// entry was cancelled meanwhile.
func (s *Scheduler[T, M]) Postpone(e *Entry[T, M], why Why, now time.Time) (value M, unused, first, ok bool) {
	if !e.machine.Delay() {
		return value, false, false, false
	}
	s.onMoved(e, lifecycle.Loading)
	value, unused = s.releaseModule(e)
	return value, unused, s.wait(e, why, now), true
}

// wait records why an entry waits, and sets its alarm.
func (s *Scheduler[T, M]) wait(e *Entry[T, M], why Why, now time.Time) (first bool) {
	d := e.delay
	switch {
	case d == nil:
		d = &delay[T, M]{}
		d.alarm.Value = e
		e.delay = d
		first = s.troubles.Meet(why.Trouble, now)
	case d.why.Trouble != why.Trouble:
		s.troubles.Leave(d.why.Trouble, now)
		first = s.troubles.Meet(why.Trouble, now)
	default:
		s.troubles.Again(why.Trouble, now)
	}
	d.why = why
	d.failures++
	s.setAlarm(e, now)
	return first
}

// setAlarm sets the alarm of an entry that waits: at its deadline, or earlier if it is tried again earlier. A deadline
// may have no monotonic clock reading, so the time left until then is measured now: if the machine's clock is set back
// afterwards the alarm is early, and is set again.
func (s *Scheduler[T, M]) setAlarm(e *Entry[T, M], now time.Time) {
	d := e.delay
	due := d.why.Deadline
	if e.machine.Stage() == lifecycle.Delayed {
		until := d.why.Until
		if d.why.Trouble == retry.Crash {
			until = now.Add(never) // Try is before that
		}
		if due.IsZero() || until.Before(due) {
			due = until
		}
	}
	if sh := e.share; sh != nil && sh.mayEase() {
		if at := s.easeAt(sh); due.IsZero() || at.Before(due) {
			due = at
		}
	}
	if due.IsZero() {
		s.delayed.Remove(&d.alarm)
		return
	}
	if s.epoch.IsZero() {
		s.epoch = now
	}
	s.delayed.Set(&d.alarm, now.Sub(s.epoch)+min(due.Sub(now), never))
}

// Relieve ends the wait of an entry that got what it waited for.
func (s *Scheduler[T, M]) Relieve(e *Entry[T, M], now time.Time) {
	d := e.delay
	if d == nil {
		return
	}
	e.delay = nil
	s.delayed.Remove(&d.alarm)
	s.troubles.Leave(d.why.Trouble, now)
}

// Hurry has an entry tried again at once if the given trouble delays it.
func (s *Scheduler[T, M]) Hurry(e *Entry[T, M], t retry.Trouble, now time.Time) {
	if e.delay != nil && e.delay.why.Trouble == t && e.machine.Stage() == lifecycle.Delayed {
		e.delay.why.Until = now
		s.setAlarm(e, now)
	}
}

// Waiting returns how many entries wait for a trouble to end.
func (s *Scheduler[T, M]) Waiting(t retry.Trouble) int { return s.troubles.Waiting(t) }

// Delayed returns how many entries are delayed.
func (s *Scheduler[T, M]) Delayed() int { return s.stages[lifecycle.Delayed] }

// Due puts entries whose time has come back into the queue, at most so many. It returns the entries whose deadline
// has passed, which the owner cancels, and the troubles that are over.
func (s *Scheduler[T, M]) Due(now time.Time, most int) (overdue []*Entry[T, M], over []retry.Ended) {
	for range most {
		alarm, due := s.delayed.First()
		if alarm == nil || due > now.Sub(s.epoch) {
			break
		}
		s.delayed.Remove(alarm)
		e := alarm.Value
		if end := e.delay.why.Deadline; !end.IsZero() && !end.After(now) {
			overdue = append(overdue, e)
		} else if e.machine.Requeue() {
			s.requeue(e, now)
		} else {
			s.ease(e, now)
			s.setAlarm(e, now)
		}
	}
	return overdue, s.troubles.Over(now)
}

// requeue puts a delayed entry, which has become Queued, into the queue.
func (s *Scheduler[T, M]) requeue(e *Entry[T, M], now time.Time) {
	s.onMoved(e, lifecycle.Delayed)
	s.queueUp(e, &e.line.queue, true)
	s.setAlarm(e, now)
}

// Wakeup returns when Due or Next will have something to do if nothing happens before; ok is false if they won't.
func (s *Scheduler[T, M]) Wakeup() (at time.Time, ok bool) {
	earlier := func(t time.Time) {
		if !t.IsZero() && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	if alarm, due := s.delayed.First(); alarm != nil {
		earlier(s.epoch.Add(due))
	}
	if t, open := s.troubles.Next(); open {
		earlier(t)
	}
	earlier(s.nextHold())
	if e := s.memory.fresh.first; e != nil && s.memory.shorts > 0 {
		earlier(e.share.since.Add(s.config.Patience))
	}
	return at, ok
}
