package wasip1

import (
	"iter"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
)

func pollFunctions() []function {
	return []function{
		{"poll_oneoff", "iiii", pollOneoff},
		// Of the WasmEdge socket extension. There it tells of a descriptor that has been ready only once more has come. A
		// program that bears that bears to be told again.
		{"epoll_oneoff", "iiii", pollOneoff},
	}
}

const (
	// pollPart is the number of subscriptions processed between checks of the quantum.
	pollPart = 256
	// pollCost is the cost of planning and reporting a subscription.
	pollCost = 160
	// recheckCost is the cost of checking a subscription again.
	recheckCost = 60
)

// pollOneoff: poll_oneoff(*subscriptions, *events, nsubscriptions, *nevents). It waits until at least one
// subscription is over, and reports all that are, in their order. A fault of one subscription is reported by its
// event.
//
// More subscriptions than Config.PendingOps are refused before any is decoded, as poll(2) refuses more than
// RLIMIT_NOFILE.
func pollOneoff(p *Process, m memory, a args) errno {
	in, out, n, result := a.u32(0), a.u32(1), a.u32(2), a.u32(3)
	if n == 0 {
		return errnoInval
	}
	if n > p.pendingOps {
		p.refuse(abi.Refusal{Kind: abi.RefusedOperations, Want: int64(n), Limit: int64(p.pendingOps)})
		return errnoInval
	}
	subs, e := m.array(in, n, sizeSubscription)
	if e != errnoSuccess {
		return e
	}
	if _, e := m.array(out, n, sizeEvent); e != errnoSuccess {
		return e
	}
	if e := m.writable(result, 4); e != errnoSuccess {
		return e
	}
	if n == 1 && eventtype(subs[8]) == eventClock {
		return p.pollClock(m, decodeSubscription(subs), out, result)
	}
	now := time.Now()
	all, e := p.planAll(m, in, n, now)
	if e != errnoSuccess {
		return e
	}
	events, e := p.pollAll(m, all, out, now)
	if e != errnoSuccess {
		return e
	}
	return m.putUint32(result, events)
}

// pollClock handles a poll of a single clock, with which most programs sleep. It allocates nothing.
func (p *Process) pollClock(m memory, s subscription, out, result uint32) errno {
	p.charge(pollCost)
	due, e := s.deadline(time.Now(), p.started)
	if e == errnoSuccess {
		p.sleep(due)
	}
	buf, fault := m.bytes(out, sizeEvent)
	if fault != errnoSuccess {
		return fault
	}
	event{userdata: s.userdata, kind: s.kind, err: e}.put(buf)
	return m.putUint32(result, 1)
}

// poll holds the subscriptions of one poll in parts of pollPart. Between parts the worker may be given up.
type poll [][]pending

// planAll decodes n subscriptions at in and decides what each waits for, from now on.
func (p *Process) planAll(m memory, in, n uint32, now time.Time) (poll, errno) {
	var all poll
	for done := uint32(0); done < n; {
		size := min(n-done, pollPart)
		p.charge(int64(size) * pollCost)
		subs, e := m.array(in+done*sizeSubscription, size, sizeSubscription)
		if e != errnoSuccess {
			return nil, e
		}
		part := make([]pending, 0, size)
		for ; len(subs) > 0; subs = subs[sizeSubscription:] {
			part = append(part, plan(decodeSubscription(subs), now, p.started, p.checkPollable))
		}
		all = append(all, part)
		done += size
	}
	return all, errnoSuccess
}

// parts yields the parts of all, charging for each before.
func (p *Process) parts(all poll) iter.Seq[[]pending] {
	return func(yield func([]pending) bool) {
		for _, part := range all {
			if len(all) > 1 {
				p.charge(int64(len(part)) * recheckCost)
			}
			if !yield(part) {
				return
			}
		}
	}
}

// checkPollable reports when a descriptor is ready for t, or why it can't be waited for.
func (p *Process) checkPollable(fd uint32, t eventtype) (readiness, errno) {
	d, e := p.fds.get(fd)
	if e != errnoSuccess {
		return 0, e
	}
	need := rightFdRead
	switch {
	case isListening(d):
		need = rightSockAccept
	case t == eventFdWrite:
		need = rightFdWrite
	}
	if _, e := p.descriptor(fd, need|rightPollFdReadwrite); e != errnoSuccess {
		return 0, e
	}
	source, ok := d.(poller)
	switch {
	case !ok:
		return alwaysReady, errnoSuccess
	case t == eventFdWrite && isListening(d):
		return neverReady, errnoSuccess // as in poll(2); Tokio waits for both events of every socket
	case source.notifier(t) == nil:
		return 0, errnoNotsup
	}
	return readyLater, errnoSuccess
}

// pollAll waits until at least one of all is over, writes the events of those that are to out, and
// returns how many there are. began is when the guest called.
func (p *Process) pollAll(m memory, all poll, out uint32, began time.Time) (uint32, errno) {
	waits, watches := p.watch(all, began)
	for {
		// If a subscription is over already, Await does not park, but descriptors that are ready still
		// notify. They are reported too; otherwise one that is always ready would starve them.
		p.awaitAny(p.earliest(all), waits...)
		for _, w := range watches {
			if w.Fired() && !w.ready {
				p.charge(recheckCost)
				w.look()
			}
		}
		if n, e := p.putEvents(m, all, out); n > 0 || e != errnoSuccess {
			return n, e
		}
	}
}

// earliest returns the earliest deadline of all parts; see the function earliest.
func (p *Process) earliest(all poll) time.Time {
	var first time.Time
	now := time.Now()
	for part := range p.parts(all) {
		if due := earliest(part, now); first.IsZero() || (!due.IsZero() && due.Before(first)) {
			first = due
		}
	}
	return first
}

// watch returns the waits for descriptors, of which those that did not go on already begin now. Subscriptions for the same
// descriptor and event share a wait.
func (p *Process) watch(all poll, now time.Time) ([]hostcalls.Wait, []*watch) {
	var waits []hostcalls.Wait
	var watches []*watch
	type key struct {
		fd   uint32
		kind eventtype
	}
	shared := map[key]*watch{}
	for part := range p.parts(all) {
		for i := range part {
			s := &part[i]
			if s.kind == eventClock || s.err != errnoSuccess || s.readiness != readyLater {
				continue
			}
			w := shared[key{s.fd, s.kind}]
			if w == nil {
				w = newWatch(p.fds.entries[s.fd].(poller), s.kind) // checked by checkPollable
				shared[key{s.fd, s.kind}] = w
				op := w.source.op(p, w.kind)
				op.Start = w.source.waitStart(w.kind).Poll(now)
				waits = append(waits, hostcalls.Wait{Op: op, On: w})
				watches = append(watches, w)
			}
			s.watch = w
		}
	}
	return waits, watches
}

// watch is a hostcalls.Watch that remembers the descriptor's level when it fired, so that a poll knows which of its
// subscriptions are over.
type watch struct {
	hostcalls.Watch
	source poller
	kind   eventtype

	ready  bool
	nbytes uint64
	hangup bool
}

func newWatch(source poller, kind eventtype) *watch {
	return &watch{Watch: hostcalls.Watch{Notifier: source.notifier(kind)}, source: source, kind: kind}
}

// look gets the descriptor's level, once for all its subscriptions. It may turn out that the descriptor is not ready.
func (w *watch) look() {
	w.Forget()
	w.nbytes, w.hangup = w.source.level(w.kind)
	if w.ready = w.nbytes > 0 || w.hangup; w.ready {
		w.source.waitStart(w.kind).End()
	}
}

// putEvents writes the events of all subscriptions that are over now, and returns their number.
func (p *Process) putEvents(m memory, all poll, out uint32) (n uint32, _ errno) {
	now := time.Now()
	for part := range p.parts(all) {
		for i := range part {
			s := &part[i]
			if !s.over(now) {
				continue
			}
			ev := event{userdata: s.userdata, kind: s.kind, err: s.err}
			if s.kind != eventClock && s.err == errnoSuccess {
				if _, ev.err = p.fds.get(s.fd); ev.err == errnoSuccess { // it is there, but may have been revoked
					ev.nbytes, ev.hangup = p.level(s)
				}
			}
			buf, e := m.bytes(out+n*sizeEvent, sizeEvent)
			if e != errnoSuccess {
				return n, e
			}
			ev.put(buf)
			n++
		}
	}
	return n, errnoSuccess
}

// level returns the level of a ready descriptor, for its event.
func (p *Process) level(s *pending) (nbytes uint64, hangup bool) {
	if s.watch != nil {
		return s.watch.nbytes, s.watch.hangup
	}
	if d, ok := p.fds.entries[s.fd].(sizer); ok && s.kind == eventFdRead {
		return d.readable(p), false
	}
	return 1, false
}
