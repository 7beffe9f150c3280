package service

import "time"

// tendEvery is how often a service looks after its instances, while it has requests, or idle instances.
const tendEvery = 250 * time.Millisecond

// tendSoon has the instances looked after. mu is held.
func (s *supervisor) tendSoon() {
	switch {
	case s.stopping || s.tends:
		return
	case s.tending == nil:
		s.tending = time.AfterFunc(tendEvery, s.tend)
	default:
		s.tending.Reset(tendEvery)
	}
	s.tends = true
}

// tend ends instances that have been idle for long enough, gives up requests whose component goes on for too long, ends the
// instances of those that go on though they were asked to end, breaks off requests of slow clients while others wait for an instance, and
// moves requests that wait for an instance which computes. One timer does it all: most requests are over long before.
func (s *supervisor) tend() {
	now := time.Now()
	var overdue, stalled, slow []*request
	s.mu.Lock()
	s.tends = false
	idle, _ := s.pool.expire(now)
	for i := range s.instances {
		for r := range i.requests {
			switch {
			case !r.gone && r.sent && now.After(r.due):
				overdue = append(overdue, r)
			case r.gone && now.Sub(r.since) > cancelGrace && s.pool.delay(&r.ticket):
				i.kill()
			}
		}
		stalled = append(stalled, i.behind()...)
	}
	var moved []placed
	for _, r := range stalled {
		moved = append(moved, s.move(r)...)
	}
	slow = s.slowest(now)
	if len(s.instances) > 0 {
		s.tendSoon()
	}
	s.mu.Unlock()
	for _, m := range idle {
		m.instance.stop()
	}
	for _, r := range overdue {
		r.giveUp()
	}
	for _, r := range slow {
		r.out.breakOff()
	}
	s.dispatch(moved)
}

// behind returns the requests that the instance has not begun with since it was looked after last, while it has others: it computes.
// mu is held.
func (i *instance) behind() (all []*request) {
	if !i.started {
		return nil
	}
	begun := false
	for r := range i.requests {
		if r.handled {
			begun = true
			continue
		}
		if r.passed {
			all = append(all, r)
		}
		r.passed = true
	}
	if !begun {
		return nil
	}
	return all
}
