package service

import (
	"container/list"
	"time"
)

// Policy says how many instances a service has, and what they are used for.
type Policy struct {
	Instances  int           // at a time
	Concurrent int           // requests that one has at a time
	Requests   int           // requests that one gets in all
	Idle       time.Duration // how long one is kept that has no request
	Queue      int           // requests that wait while all instances are busy
}

// pool decides which instance a request gets. It is a plain value: whoever has it carries out what it says, and guards it.
//
//  1. A request gets the instance with the fewest others. If all have some, another instance is made, as long as there may be
//     one, since an instance runs on one processor at a time. (TestSpread)
//  2. If all instances are full, it waits. Callers have their turns; those of one are served as they come. If too many wait, it is
//     refused, or the last one of the caller that has the most waiting. (TestQueue, TestTurns)
//  3. An instance that has had all its requests takes no others, and ends when it has none left. While it ends it does not
//     count, so that the next one need not wait for that. (TestRetire)
//  4. A request that does not end, though it was told to, is late. Its instance takes no others, does not count, and ends when it
//     has none left but late ones: they are broken off. (TestLate)
//  5. An instance that has trapped is lost, with its requests. (TestLost)
//  6. An instance that computes, or whose component lets no other call begin, does not begin with other requests that it has got. They
//     go to one that does, if there is one or may be. Until it begins with one it gets others only if all instances are so. (TestMove)
type pool struct {
	policy  Policy
	members []*member // those that have not ended, the oldest first
	waiting queue
	active  int // requests that have an instance
}

// member is an instance as the pool sees it.
type member struct {
	instance     *instance // whose it is
	active, late int       // requests that it has; those of them that are late
	given        int       // requests that it has got
	idle         time.Time // since when it has none
	stalled      bool      // it does not begin with what it has got
	retired      bool      // it takes no others
	ending       bool      // it was told to end
}

// ticket is a request as the pool sees it.
type ticket struct {
	request *request // whose it is

	caller string        // who asks: the callers have their turns
	member *member       // nil while it waits
	place  *list.Element // in its line of pool.waiting, or nil
	late   bool
}

// verdict is what becomes of a request.
type verdict uint8

const (
	given   verdict = iota // it has an instance
	made                   // it has an instance, which is to be made
	queued                 // it waits
	refused                // there is no room for it
)

// warm adds an instance without a request.
func (p *pool) warm(now time.Time) *member {
	m := &member{idle: now}
	p.members = append(p.members, m)
	return m
}

// admit takes a request. Another one, unless that is nil, is refused instead, which has waited.
func (p *pool) admit(t *ticket) (v verdict, instead *ticket) {
	if p.waiting.length == 0 {
		if v := p.place(t); v != queued {
			return v, nil
		}
	}
	if p.waiting.length >= p.policy.Queue {
		if instead = p.waiting.displaced(t.caller); instead == nil {
			return refused, nil
		}
	}
	p.waiting.push(t)
	return queued, instead
}

// again takes a request again, which its instance had not begun with: it is the first that waits.
func (p *pool) again(t *ticket) {
	p.waiting.pushFront(t)
}

// place gives a request an instance, if there is one for it, or may be.
func (p *pool) place(t *ticket) verdict {
	best := p.best()
	v := given
	if (best == nil || best.active > 0) && p.mayMake() {
		best, v = &member{}, made
		p.members = append(p.members, best)
	}
	if best == nil {
		return queued
	}
	t.member = best
	best.active++
	best.given++
	best.retired = best.given >= p.policy.Requests
	p.active++
	return v
}

// best returns the instance that is to get the next request, if no other one is made; nil if all are full.
func (p *pool) best() (best *member) {
	for _, m := range p.members {
		switch {
		case m.retired || m.active >= p.policy.Concurrent:
		case m.active == 0:
			return m
		case best == nil || best.stalled && !m.stalled || best.stalled == m.stalled && m.active < best.active:
			best = m
		}
	}
	return best
}

// mayMake reports whether there may be another instance. As many as there may be can be ending or have late requests besides.
func (p *pool) mayMake() bool {
	if len(p.members) >= 2*p.policy.Instances {
		return false
	}
	count := 0
	for _, m := range p.members {
		if !m.ending && m.late == 0 {
			count++
		}
	}
	return count < p.policy.Instances
}

// moves is called when an instance does not begin with a request. It reports whether there is a better place for that, which giveBack then
// makes room for.
func (p *pool) moves(t *ticket) bool {
	from := t.member
	from.stalled = true
	best := p.best()
	return best != nil && !best.stalled || p.mayMake() || from.late > 0
}

// giveBack makes a request, with which its instance has not begun, the first that waits. If end is true, the instance is to end.
func (p *pool) giveBack(t *ticket, now time.Time) (end bool) {
	end = p.done(t, now)
	p.again(t)
	return end
}

// next takes the first request that waits, if there is an instance for it, or one is to be made.
func (p *pool) next() (t *ticket, v verdict) {
	if t = p.waiting.front(); t == nil {
		return nil, queued
	}
	if v = p.place(t); v == queued {
		return nil, queued
	}
	p.waiting.pop()
	return t, v
}

// withdraw takes back a request that waits. It reports false for one that does not.
func (p *pool) withdraw(t *ticket) bool {
	if t.place == nil {
		return false
	}
	p.waiting.remove(t)
	return true
}

// done is called when a request that had an instance is over. If end is true, the instance is to end.
func (p *pool) done(t *ticket, now time.Time) (end bool) {
	m := t.member
	t.member = nil
	p.active--
	m.active--
	if t.late {
		m.late--
	}
	if m.active == 0 {
		m.idle = now
	}
	return p.finish(m)
}

// delay is called when a request does not end that was told to. If end is true, its instance is to end.
func (p *pool) delay(t *ticket) (end bool) {
	m := t.member
	if m == nil || t.late {
		return false
	}
	t.late = true
	m.late++
	m.retired = true
	return p.finish(m)
}

// finish tells an instance to end that is no longer of use.
func (p *pool) finish(m *member) (end bool) {
	if !m.retired || m.active > m.late || m.ending {
		return false
	}
	m.ending = true
	return true
}

// lost is called when an instance has ended, for whatever reason. Requests that it had are over, too, without done.
func (p *pool) lost(m *member) {
	for i, other := range p.members {
		if other != m {
			continue
		}
		p.members = append(p.members[:i], p.members[i+1:]...)
		p.active -= m.active
		m.retired, m.active, m.late = true, 0, 0
		return
	}
}

// expire returns the instances that have had no request for long enough, which are to end, and when it is to be asked again; zero
// if no instance is idle.
func (p *pool) expire(now time.Time) (end []*member, next time.Time) {
	for _, m := range p.members {
		if m.active > 0 || m.ending {
			continue
		}
		due := m.idle.Add(p.policy.Idle)
		if due.After(now) {
			if next.IsZero() || due.Before(next) {
				next = due
			}
			continue
		}
		m.retired = true
		if p.finish(m) {
			end = append(end, m)
		}
	}
	return end, next
}
