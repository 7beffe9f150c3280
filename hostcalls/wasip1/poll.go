package wasip1

import (
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/hostcalls"
)

func pollFunctions() []function {
	return []function{{"poll_oneoff", "iiii", pollOneoff}}
}

// pollCost is what a subscription costs, in units of fuel: a descriptor's is a system call or two.
const pollCost = 500

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
	p.charge(int64(n) * pollCost)
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
	all := p.planAll(subs)
	events := p.pollAll(all)
	for i, ev := range events {
		buf, e := m.bytes(out+uint32(i)*sizeEvent, sizeEvent)
		if e != errnoSuccess {
			return e
		}
		ev.put(buf)
	}
	return m.putUint32(result, uint32(len(events)))
}

// pollClock is the poll that most programs sleep with, one clock and nothing else. It allocates
// nothing.
func (p *Process) pollClock(m memory, s subscription, out, result uint32) errno {
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

// planAll decodes the subscriptions and decides what each waits for.
func (p *Process) planAll(subs []byte) []pending {
	now := time.Now()
	all := make([]pending, 0, len(subs)/sizeSubscription)
	for ; len(subs) > 0; subs = subs[sizeSubscription:] {
		all = append(all, plan(decodeSubscription(subs), now, p.started, p.look))
	}
	return all
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

// pollAll waits until at least one of all is over and returns the events of those that are.
func (p *Process) pollAll(all []pending) []event {
	waits, watches := p.watch(all)
	for {
		// If something is over already, Await does not park, but descriptors that are ready
		// say so: they are reported too, or one that is always ready would starve them.
		p.await(earliest(all, time.Now()), waits...)
		for _, w := range watches {
			if w.fired.Load() {
				w.markReady()
			}
		}
		if events := p.events(all); len(events) > 0 {
			return events
		}
	}
}

// watch returns the waits of those subscriptions that wait for a descriptor. Those for the same of one
// descriptor share a wait: each wait for a socket costs the daemon a descriptor and a goroutine.
func (p *Process) watch(all []pending) ([]hostcalls.Wait, []*watch) {
	var waits []hostcalls.Wait
	var watches []*watch
	type key struct {
		fd   uint32
		kind eventtype
	}
	shared := map[key]*watch{}
	for i := range all {
		s := &all[i]
		if s.kind == eventClock || s.err != errnoSuccess || s.ready {
			continue
		}
		if w := shared[key{s.fd, s.kind}]; w != nil {
			w.pending = append(w.pending, s)
			continue
		}
		source := p.fds.entries[s.fd].(poller) // plan has looked
		w := &watch{Notifier: source.notifier(s.kind), pending: []*pending{s}}
		shared[key{s.fd, s.kind}] = w
		op := hostcalls.Op{Kind: opRead, Target: source.target()}
		if s.kind == eventFdWrite {
			op.Kind = opWrite
		}
		waits = append(waits, hostcalls.Wait{Op: op, On: w})
		watches = append(watches, w)
	}
	return waits, watches
}

// watch is a Notifier that remembers that it has fired, so that a poll knows which of its
// subscriptions are over.
type watch struct {
	hostcalls.Notifier
	pending []*pending
	fired   atomic.Bool
}

func (w *watch) markReady() {
	for _, s := range w.pending {
		s.ready = true
	}
}

func (w *watch) Notify(ready func()) (stop func()) {
	return w.Notifier.Notify(func() {
		w.fired.Store(true)
		ready()
	})
}

// events returns the events of all that are over now.
func (p *Process) events(all []pending) []event {
	now := time.Now()
	var events []event
	for i := range all {
		s := &all[i]
		if !s.over(now) {
			continue
		}
		ev := event{userdata: s.userdata, kind: s.kind, err: s.err}
		if s.kind != eventClock && s.err == errnoSuccess {
			ev.nbytes, ev.hangup = p.level(s.fd, s.kind)
		}
		events = append(events, ev)
	}
	return events
}

// level is what an event tells of a descriptor that is ready.
func (p *Process) level(fd uint32, t eventtype) (nbytes uint64, hangup bool) {
	switch d := p.fds.entries[fd].(type) {
	case poller:
		return d.level(t)
	case sizer:
		if t == eventFdRead {
			return d.readable(p), false
		}
	}
	return 1, false
}
