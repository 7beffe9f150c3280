package async

import "testing"

// checkInvariants fails the test if the machine is in a state that it must never be in between two operations.
func checkInvariants(t testing.TB, w *world) {
	t.Helper()
	bad := failing(t, w)
	for _, in := range w.instances {
		checkQueues(bad, w, in)
		checkTable(bad, in)
	}
	checkRunnable(bad, w)
	for _, c := range w.calls {
		checkCall(bad, c)
	}
}

// failing returns a function that fails the test, and shows what has happened before.
func failing(t testing.TB, w *world) func(format string, args ...any) {
	return func(format string, args ...any) {
		t.Helper()
		for _, line := range w.trace {
			t.Log(line)
		}
		t.Fatalf(format, args...)
	}
}

// checkQueues says that the queues of an instance hold the threads that they are for.
func checkQueues(bad func(string, ...any), w *world, in *instance) {
	for _, q := range []*threadQueue{&in.gate, &in.freeGate, &in.callbacks, &in.stacks} {
		n, last := 0, (*Thread)(nil)
		for t := q.head; t != nil; t = t.next {
			if n++; n > len(w.calls) {
				bad("a queue of instance %s is a circle", in.name)
			}
			if t.queue != q || t.prev != last || t.call.instance != &in.Instance || last != nil && last.since >= t.since {
				bad("instance %s: a queue is broken", in.name)
			}
			var right *threadQueue
			switch t.waits {
			case toBegin:
				right = &in.freeGate
				if t.call.needsExclusive() {
					right = &in.gate
				}
			case callbackTurn, callbackEvent:
				right = &in.callbacks
			case turn, event, waitable, result:
				right = &in.stacks
			}
			if q != right {
				bad("instance %s: a thread that waits for %d is in the wrong queue", in.name, t.waits)
			}
			last = t
		}
		if q.tail != last || q.len != n {
			bad("instance %s: the end or the length of a queue is wrong", in.name)
		}
	}
	if holder := in.exclusive; holder != nil {
		if holder.instance != &in.Instance || !holder.needsExclusive() {
			bad("instance %s: a call that needs no exclusive has it", in.name)
		}
		if c := w.numbered(holder); c.ended || c.Waits() && !c.HasFrames() {
			bad("instance %s: call %d has exclusive and does not run", in.name, c.Number)
		}
	}
}

// checkRunnable says that no instance is lost of which a thread may run.
func checkRunnable(bad func(string, ...any), w *world) {
	n, last := 0, (*Instance)(nil)
	for i := w.store.runnable.head; i != nil; i = i.nextRunnable {
		if n++; n > len(w.instances) || !i.isRunnable {
			bad("the queue of instances is broken")
		}
		last = i
	}
	if last != nil && w.store.runnable.tail != last {
		bad("the end of the queue of instances is wrong")
	}
	for _, c := range w.calls {
		if mayRun(c) && !c.instance.isRunnable {
			bad("call %d is ready, and its instance is not runnable", c.Number)
		}
	}
}

// mayRun is whether a call's thread can be resumed, from the specification rather than from queues. Of the calls of a
// kind that wait to begin, only the first may.
func mayRun(c *call) bool {
	i := c.Call.instance
	switch c.waits {
	case running:
		return false
	case toBegin:
		return c.queue.head == &c.Thread && i.backpressure == 0 && (!c.needsExclusive() || i.exclusive == nil)
	case callbackTurn:
		return i.exclusive == nil
	case callbackEvent:
		return i.exclusive == nil && (hasEvent(c.set, c.instance) || c.state == cancelRequested)
	case event:
		return hasEvent(c.set, c.instance)
	case waitable:
		return c.on.pending
	case result:
		return c.on.subtask().Resolved()
	}
	return true
}

// hasEvent is whether anything in the table has an event and is in the set.
func hasEvent(s *Set, in *instance) bool {
	for _, object := range in.table {
		if w := waitableOf(object); w != nil && w.set == s && w.pending {
			return true
		}
	}
	return false
}

func waitableOf(object any) *Waitable {
	switch o := object.(type) {
	case *end:
		return &o.Waitable
	case *subtask:
		return &o.Waitable
	}
	return nil
}

func checkCall(bad func(string, ...any), c *call) {
	if c.ended && (c.Waits() || c.queue != nil || c.Call.instance.exclusive == &c.Call || !c.Resolved()) {
		bad("call %d has ended, and the machine has something of it", c.Number)
	}
	if !c.Waits() && (c.queue != nil || c.on != nil || c.set != nil) {
		bad("call %d runs, and waits for something", c.Number)
	}
	if c.on != nil && (c.on.waiter != &c.Thread || c.on.set != nil) {
		bad("call %d waits for what does not know it", c.Number)
	}
	first := c.set == nil || c.set.waitersOf(&c.Thread).head == &c.Thread
	if mayRun(c) && first && c.queue == nil {
		bad("call %d is ready, and in no queue", c.Number)
	}
}

// checkTable says that sets, ends and subtasks fit each other.
func checkTable(bad func(string, ...any), in *instance) {
	members, pending := map[*Set]int{}, map[*Set]int{}
	for index, object := range in.table {
		if w := waitableOf(object); w != nil {
			if w.set != nil {
				members[w.set]++
			}
			if w.set != nil && w.pending {
				pending[w.set]++
			}
			if int(w.Index) != index {
				bad("instance %s: handle %d has index %d", in.name, index, w.Index)
			}
		}
		if e, ok := object.(*end); ok {
			checkEnd(bad, in, e)
		}
	}
	for _, object := range in.table {
		s, ok := object.(*Set)
		if !ok {
			continue
		}
		n := 0
		for w := s.pending.head; w != nil; w = w.next {
			if n++; !w.pending || w.set != s || n > pending[s] {
				bad("instance %s: a set has a waitable without an event", in.name)
			}
		}
		if n != pending[s] || s.members != members[s] {
			bad("instance %s: a set of %d counts %d, and has %d events of %d", in.name, members[s], s.members, n, pending[s])
		}
	}
}

func checkEnd(bad func(string, ...any), in *instance, e *end) {
	other := e.other
	switch {
	case e.owner != &in.Instance:
		bad("instance %s: end %d is another's", in.name, e.Index)
	case other != nil && (other.other != e || other.Writable() == e.Writable() || other.code == e.code):
		bad("instance %s: end %d and its other one do not fit", in.name, e.Index)
	case e.held && (e.state == idle || e.state == done):
		bad("instance %s: end %d has items and copies nothing", in.name, e.Index)
	case e.held && other != nil && other.held:
		bad("instance %s: both ends of %d have items, and nothing moves", in.name, e.Index)
	case (e.state == copying || e.state == cancelling) && !e.held && !e.pending:
		bad("instance %s: end %d copies, and nothing will end that", in.name, e.Index)
	case e.state == idle && e.pending && other != nil, e.state == done && e.pending:
		bad("instance %s: end %d has an event of nothing", in.name, e.Index)
	case e.state != done && other == nil && !e.pending:
		bad("instance %s: end %d was not told that the other one is gone", in.name, e.Index)
	case e.progress > e.length:
		bad("instance %s: end %d has copied too much", in.name, e.Index)
	}
}
