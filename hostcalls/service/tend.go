package service

import (
	"fmt"
	"time"
)

// tendEvery is how often a service looks after its instances, while it has requests, or idle instances.
const tendEvery = 250 * time.Millisecond

// tendBy has the instances looked after at a time, if that is not done before. mu is held.
func (s *supervisor) tendBy(at time.Time) {
	switch {
	case s.stopping || !s.tendAt.IsZero() && !at.Before(s.tendAt):
		return
	case s.tending == nil:
		s.tending = time.AfterFunc(time.Until(at), s.tend)
	default:
		s.tending.Reset(time.Until(at))
	}
	s.tendAt = at
}

// tend ends instances that have been idle for long enough, gives up requests whose component does not answer in time or goes on for
// too long after that, ends the instances of those that go on though they were asked to end, breaks off requests of slow clients while
// others wait for an instance, and moves requests that their instances do not begin with. One timer does it all: most requests are
// over long before.
func (s *supervisor) tend() {
	now := time.Now()
	next := now.Add(tendEvery)
	var overdue, stalled, slow []*request
	var unseen []*instance
	s.mu.Lock()
	s.tendAt = time.Time{}
	look := now.Sub(s.looked) >= tendEvery
	if look {
		s.looked = now
	}
	expire := func(r *request) {
		if r.called != nil {
			return // who calls waits as long as it likes
		}
		if !now.Before(r.due) {
			r.tell(answer{err: errLate})
		} else if r.due.Before(next) {
			next = r.due
		}
	}
	idle, _ := s.pool.expire(now)
	for i := range s.instances {
		for r := range i.requests {
			switch {
			case !r.gone && r.sent && now.After(r.due):
				if r.called == nil || r.called.idle() {
					overdue = append(overdue, r)
				} else {
					r.due = now.Add(s.timeout)
				}
			case r.gone && now.Sub(r.since) > cancelGrace:
				if s.pool.delay(&r.ticket) || s.stuck(r, now) || i.spins(r, now) {
					i.kill()
				}
			case !r.gone && !r.told:
				expire(r)
			}
		}
		if i.member.late > 0 && i.started && i.looked.IsZero() {
			i.look(now)
			unseen = append(unseen, i)
		}
		if look {
			stalled = append(stalled, i.behind()...)
		}
	}
	for t := range s.pool.waiting.all() {
		expire(t.request)
	}
	var moved []placed
	for _, r := range stalled {
		moved = append(moved, s.move(r)...)
	}
	slow = s.slowest(now)
	if len(s.instances) > 0 || s.pool.waiting.length > 0 {
		s.tendBy(next)
	}
	s.mu.Unlock()
	for _, i := range unseen {
		i.store.Do(i.seen)
	}
	for _, m := range idle {
		m.instance.stop()
	}
	for _, r := range overdue {
		r.giveUp()
	}
	for _, r := range slow {
		r.breakOff()
	}
	s.dispatch(moved)
}

// stuck reports whether the instance of a request that does not end is to end with all others that it has: these may be calls of other
// workloads, which have no deadline. mu is held.
func (s *supervisor) stuck(r *request, now time.Time) bool {
	return s.offered != nil && now.Sub(r.since) > s.timeout
}

// spins reports whether the instance does nothing but compute for a request that nobody waits for any more. Those that it has besides
// can't go on, and are lost with it, which is told. mu is held.
func (i *instance) spins(r *request, now time.Time) bool {
	if i.looked.IsZero() || now.Sub(i.looked) <= cancelGrace || i.task == nil || !i.task.ParkedSince().IsZero() || i.store.LastRun() != r.number {
		return false
	}
	if i.lost == nil {
		i.lost = fmt.Errorf("it went on computing for %s, which was given up", r)
	}
	return true
}

// behind returns the requests that the instance has not begun with since it was looked after last, while it has others: it computes, or
// its component lets no other call begin. mu is held.
func (i *instance) behind() (all []*request) {
	if !i.started {
		return nil
	}
	begun := false
	for r := range i.requests {
		switch {
		case r.begun():
			begun = true
			if i.gate > 0 && r.number > i.gate {
				i.gate, i.member.stalled = 0, false
			}
		case r.passed:
			all = append(all, r)
		default:
			r.passed = true
		}
	}
	if !begun {
		return nil
	}
	return all
}
