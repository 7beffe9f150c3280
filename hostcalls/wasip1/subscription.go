package wasip1

import "time"

// subscription is the record of the same name, one entry of a poll. What it subscribes to decides
// which of the further fields mean something.
type subscription struct {
	userdata uint64
	kind     eventtype

	clock   clockid
	timeout uint64
	flags   uint16

	fd uint32
}

// decodeSubscription decodes a record of sizeSubscription bytes. The union's tag is at 8, its
// contents at 16.
func decodeSubscription(b []byte) subscription {
	s := subscription{userdata: le.Uint64(b), kind: eventtype(b[8])}
	if s.kind == eventClock {
		s.clock = clockid(le.Uint32(b[16:]))
		s.timeout = le.Uint64(b[24:])
		s.flags = le.Uint16(b[40:]) // after the precision, which a wait need not make use of
	} else {
		s.fd = le.Uint32(b[16:])
	}
	return s
}

// event is the record of the same name, the answer to a subscription.
type event struct {
	userdata uint64
	err      errno
	kind     eventtype
	nbytes   uint64
	hangup   bool
}

// put encodes e into b, sizeEvent bytes.
func (e event) put(b []byte) {
	clear(b[:sizeEvent])
	le.PutUint64(b, e.userdata)
	le.PutUint16(b[8:], uint16(e.err))
	b[10] = byte(e.kind)
	le.PutUint64(b[16:], e.nbytes)
	if e.hangup {
		le.PutUint16(b[24:], eventHangup)
	}
}

// pending is a decoded subscription and how it stands. Exactly one of these holds at first: it has
// an error; it is over already (ready); it waits for a time (due); it waits for a descriptor.
type pending struct {
	subscription
	err   errno
	ready bool // at any time
	due   time.Time
	watch *watch // what tells when the descriptor is ready
}

// plan decides what a subscription waits for, given a way to look at descriptors: ready tells
// whether a descriptor is ready at any time, and why not to wait for it.
func plan(s subscription, now, started time.Time, look func(fd uint32, t eventtype) (ready bool, e errno)) pending {
	p := pending{subscription: s}
	switch s.kind {
	case eventClock:
		p.due, p.err = s.deadline(now, started)
	case eventFdRead, eventFdWrite:
		p.ready, p.err = look(s.fd, s.kind)
	default:
		p.err = errnoInval
	}
	return p
}

// over tells whether p has an event to report at a time.
func (p *pending) over(now time.Time) bool {
	return p.err != errnoSuccess || p.ready || (p.watch != nil && p.watch.ready) ||
		(!p.due.IsZero() && !p.due.After(now))
}

// earliest returns the time until which nothing happens by itself: now if something is over, else
// the first deadline, zero if there is none.
func earliest(all []pending, now time.Time) time.Time {
	var first time.Time
	for i := range all {
		p := &all[i]
		if p.over(now) {
			return now
		}
		if !p.due.IsZero() && (first.IsZero() || p.due.Before(first)) {
			first = p.due
		}
	}
	return first
}
