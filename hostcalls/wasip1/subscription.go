package wasip1

import "time"

// subscription is the record of the same name, one entry of a poll. kind decides which of the fields after it
// are used.
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
		s.flags = le.Uint16(b[40:]) // after the precision, which is ignored
	} else {
		s.fd = le.Uint32(b[16:])
	}
	return s
}

// event is the record of the same name, the result of a subscription.
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

// readiness is when a descriptor is ready for an event.
type readiness uint8

const (
	readyLater readiness = iota // when its watch says so
	alwaysReady
	neverReady
)

// pending is a decoded subscription and its state. At first exactly one of these holds: it has an error; it is
// always ready; it waits for a time (due); it waits for a descriptor, if only for one that is never ready.
type pending struct {
	subscription
	err       errno
	readiness readiness // of the descriptor
	due       time.Time
	watch     *watch // notifies when the descriptor is ready
}

// plan decides what a subscription waits for. look reports when a descriptor is ready, or why it can't be waited for.
func plan(s subscription, now, started time.Time, look func(fd uint32, t eventtype) (readiness, errno)) pending {
	p := pending{subscription: s}
	switch s.kind {
	case eventClock:
		p.due, p.err = s.deadline(now, started)
	case eventFdRead, eventFdWrite:
		p.readiness, p.err = look(s.fd, s.kind)
	default:
		p.err = errnoInval
	}
	return p
}

// over reports whether p has an event at the time now.
func (p *pending) over(now time.Time) bool {
	return p.err != errnoSuccess || p.readiness == alwaysReady || (p.watch != nil && p.watch.ready) ||
		(!p.due.IsZero() && !p.due.After(now))
}

// earliest returns now if a subscription is over, otherwise the earliest deadline, or zero if there is none.
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
