package wasip1

import (
	"iter"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/hostcalls"
)

func pollFunctions() []function {
	return []function{{"poll_oneoff", "iiii", pollOneoff}}
}

const (
	// pollPart is how many subscriptions are gone through before the quantum is looked at.
	pollPart = 256
	// pollCost is what deciding what a subscription waits for costs, in units of fuel, and reporting it.
	pollCost = 160
	// passCost is what looking at it again costs.
	passCost = 60
)

// pollOneoff: poll_oneoff(*subscriptions, *events, nsubscriptions, *nevents). It waits until at
// least one subscription is over and reports all that are then, in their order. What is wrong with
// one subscription is told by its event.
//
// More subscriptions than the process may have ops are refused as poll(2) refuses more than
// RLIMIT_NOFILE, before any of them is looked at.
func pollOneoff(p *Process, m memory, a args) errno {
	in, out, n, result := a.u32(0), a.u32(1), a.u32(2), a.u32(3)
	if n == 0 || uint64(n) > uint64(p.pendingOps) {
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
	all, e := p.planAll(m, in, n)
	if e != errnoSuccess {
		return e
	}
	events, e := p.pollAll(m, all, out)
	if e != errnoSuccess {
		return e
	}
	return m.putUint32(result, events)
}

// pollClock is the poll that most programs sleep with, one clock and nothing else. It allocates
// nothing.
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

// poll is the subscriptions of one poll, in parts of pollPart. Going through all of them gives the
// worker up between parts.
type poll [][]pending

// planAll decodes n subscriptions at in and decides what each waits for.
func (p *Process) planAll(m memory, in, n uint32) (poll, errno) {
	now := time.Now()
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
			part = append(part, plan(decodeSubscription(subs), now, p.started, p.look))
		}
		all = append(all, part)
		done += size
	}
	return all, errnoSuccess
}

// parts yields the parts of all, each after it has been charged for.
func (p *Process) parts(all poll) iter.Seq[[]pending] {
	return func(yield func([]pending) bool) {
		for _, part := range all {
			if len(all) > 1 {
				p.charge(int64(len(part)) * passCost)
			}
			if !yield(part) {
				return
			}
		}
	}
}

// look tells whether a descriptor is ready for t at any time, or why it can't be waited for.
func (p *Process) look(fd uint32, t eventtype) (ready bool, e errno) {
	d, e := p.fds.get(fd)
	if e != errnoSuccess {
		return false, e
	}
	need := rightFdRead
	if t == eventFdWrite {
		need = rightFdWrite
	} else if _, ok := d.(*listener); ok {
		need = rightSockAccept
	}
	if _, e := p.descriptor(fd, need|rightPollFdReadwrite); e != errnoSuccess {
		return false, e
	}
	source, ok := d.(poller)
	if ok && source.notifier(t) == nil {
		return false, errnoNotsup
	}
	return !ok, errnoSuccess
}

// pollAll waits until at least one of all is over, writes the events of those that are to out, and
// returns how many there are.
func (p *Process) pollAll(m memory, all poll, out uint32) (uint32, errno) {
	waits, watches := p.watch(all)
	for {
		// If something is over already, Await does not park, but descriptors that are ready
		// say so: they are reported too, or one that is always ready would starve them.
		p.await(p.earliest(all), waits...)
		for _, w := range watches {
			if w.fired.Load() && !w.ready {
				p.charge(passCost)
				w.markReady()
			}
		}
		if n, e := p.putEvents(m, all, out); n > 0 || e != errnoSuccess {
			return n, e
		}
	}
}

// earliest returns the time until which nothing happens by itself.
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

// watch returns the waits of those subscriptions that wait for a descriptor. Those for the same of one
// descriptor share a wait: each wait for a socket costs the daemon a descriptor and a goroutine.
func (p *Process) watch(all poll) ([]hostcalls.Wait, []*watch) {
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
			if s.kind == eventClock || s.err != errnoSuccess || s.ready {
				continue
			}
			w := shared[key{s.fd, s.kind}]
			if w == nil {
				w = newWatch(p.fds.entries[s.fd].(poller), s.kind) // plan has looked
				shared[key{s.fd, s.kind}] = w
				waits = append(waits, hostcalls.Wait{Op: w.op(), On: w})
				watches = append(watches, w)
			}
			s.watch = w
		}
	}
	return waits, watches
}

// watch is a Notifier that remembers that it has fired, so that a poll knows which of its
// subscriptions are over, and what its descriptor had to tell then.
type watch struct {
	hostcalls.Notifier
	source poller
	kind   eventtype
	fired  atomic.Bool

	ready  bool
	nbytes uint64
	hangup bool
}

func newWatch(source poller, kind eventtype) *watch {
	return &watch{Notifier: source.notifier(kind), source: source, kind: kind}
}

func (w *watch) op() hostcalls.Op {
	kind := opRead
	if w.kind == eventFdWrite {
		kind = opWrite
	}
	return hostcalls.Op{Kind: kind, Target: w.source.target()}
}

// markReady asks the descriptor once for all its subscriptions.
func (w *watch) markReady() {
	w.ready = true
	w.nbytes, w.hangup = w.source.level(w.kind)
}

func (w *watch) Notify(ready func()) (stop func()) {
	return w.Notifier.Notify(func() {
		w.fired.Store(true)
		ready()
	})
}

// putEvents writes the events of all that are over now, and returns how many.
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
				ev.nbytes, ev.hangup = p.level(s)
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

// level is what an event tells of a descriptor that is ready.
func (p *Process) level(s *pending) (nbytes uint64, hangup bool) {
	if s.watch != nil {
		return s.watch.nbytes, s.watch.hangup
	}
	if d, ok := p.fds.entries[s.fd].(sizer); ok && s.kind == eventFdRead {
		return d.readable(p), false
	}
	return 1, false
}
