package component

import (
	"time"

	"github.com/reactord/reactord/component/async"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/hostcalls/activity"
)

// Calls returns how many calls are in progress, without those whose callers wait for them on the same fiber. It may be called
// from any goroutine.
func (s *Store) Calls() int { return int(s.calls.Load()) }

// Activity says what the component does. It may be called from any goroutine: it looks while the store waits, and never holds it up
// for longer than a look at some records takes.
func (s *Store) Activity() *activity.Activity {
	r := &reading{store: s, types: map[*types.Type]string{}}
	whole := s.looks.look(r.some)
	return r.Activity(!whole)
}

// reading reads what a store keeps, some records at a time: its calls, and then the handles of one instance after the other.
// Between two pieces the store may go on.
type reading struct {
	activity.Builder
	store    *Store
	call     int
	instance int
	handle   int
	types    map[*types.Type]string
}

// recordsAtOnce is how many records a look reads.
const recordsAtOnce = 128

// some reads some records, and reports whether there may be more. The store waits meanwhile.
func (r *reading) some() (more bool) {
	s := r.store
	for range recordsAtOnce {
		if r.call < len(s.activations) {
			r.ofCall(s.activations[r.call])
			r.call++
			continue
		}
		if r.instance == len(s.instances) {
			r.Fibers(s.loop.blocked)
			return false
		}
		in := &s.instances[r.instance]
		if r.handle == 0 {
			r.ofInstance(in)
		}
		if r.handle < len(in.handles.entries) {
			r.ofHandle(in, &in.handles.entries[r.handle])
			r.handle++
			continue
		}
		r.instance, r.handle = r.instance+1, 0
	}
	return true
}

// ofCall tells of a call, and what it waits for by itself; what is in its set the handles tell.
func (r *reading) ofCall(a *activation) {
	if a.lift == nil {
		return // it is over
	}
	var made time.Time
	if a.since != 0 {
		made = r.store.Driver().Time(a.since)
	}
	in := a.in()
	waits, on := a.Waiting()
	r.Call(in.Number, a.name, stateOf(a, waits), made)
	switch {
	case waits == async.ForInstance:
		r.Wait(in.Number, a.name, activity.Gate, "")
		r.afterExclusive(a, in, in.Backpressure() == 0)
	case waits == async.ForTurn || waits == async.ForSet && a.IsReady():
		r.Wait(in.Number, a.name, activity.Turn, "")
		r.afterExclusive(a, in, a.NeedsExclusive())
	case waits == async.ForSet && a.Set().Members() == 0:
		r.Wait(in.Number, a.name, activity.EmptySet, "")
		r.Loose(a.Number) // others may put something into it
	case waits == async.ForResult && on.Index == 0: // it has no handle
		r.ofSubtask(in, on.Subtask(), a)
	case waits == async.Nothing:
		r.Loose(a.Number)
	}
}

func stateOf(a *activation, waits async.Wait) activity.State {
	switch {
	case waits == async.ForInstance, waits == async.Nothing && !a.Started():
		return activity.Held
	case waits == async.Nothing:
		return activity.Running
	case a.HasFrames():
		return activity.Stack
	default:
		return activity.Callback
	}
}

// afterExclusive links a call with the one that has exclusive, if that is what it waits for.
func (r *reading) afterExclusive(a *activation, in *instance, waits bool) {
	if c := in.Exclusive(); c != nil && waits {
		r.Link(a.Number, in.Number, a.name, c.Number)
		return
	}
	r.Loose(a.Number)
}

func (r *reading) ofInstance(in *instance) {
	i := activity.Instance{Number: in.Number, Backpressure: in.Backpressure(), Held: uint64(in.Waiting())}
	if c := in.Exclusive(); c != nil {
		i.Exclusive = r.store.activations[c.Number].name
	}
	r.Instance(i)
}

func (r *reading) ofHandle(in *instance, h *handle) {
	if h.kind != objectHandle {
		return
	}
	switch o := h.object.(type) {
	case *subtask:
		r.ofSubtask(in, &o.Subtask, r.waiter(&o.Waitable))
	case endHandle:
		r.ofEnd(in, o.end)
	}
}

// waiter returns the call that waits for a waitable, or nil.
func (r *reading) waiter(w *async.Waitable) *activation {
	if t := w.Waiter(); t != nil {
		return r.store.activations[t.Call().Number]
	}
	return nil
}

// ofSubtask tells who waits for a call that an instance has made, unless that is over.
func (r *reading) ofSubtask(in *instance, of *async.Subtask, waiter *activation) {
	t, ok := of.Lender().(*subtask)
	if !ok || of.Resolved() {
		return
	}
	kind, callee := activity.HostCall, of.Callee()
	if callee != nil {
		kind = activity.Call
	}
	r.Wait(in.Number, nameOf(waiter), kind, t.lowering.name)
	switch {
	case waiter == nil:
	case callee == nil:
		r.Loose(waiter.Number)
	default:
		r.Link(waiter.Number, in.Number, waiter.name, callee.Number)
	}
}

func nameOf(a *activation) string {
	if a == nil {
		return ""
	}
	return a.name
}

// ofEnd tells who waits for the other end of a stream or future, and of the stream once: its readable end does, unless that is no
// instance's.
func (r *reading) ofEnd(in *instance, e *end) {
	waiter := r.waiter(&e.Waitable)
	if waiter != nil {
		r.Loose(waiter.Number) // whoever has the other end may use it
	}
	if waits(e) {
		r.Wait(in.Number, nameOf(waiter), kindOf(e), r.item(e))
	}
	other := e.Other()
	if e.Writable() && other != nil && other.Owner() != nil {
		return
	}
	s := activity.Stream{Future: e.Future(), Item: r.item(e), Items: e.MovedItems(), Bytes: e.MovedItems() * numberSize(e.Item())}
	s.Reader, s.Writer = r.party(e), r.party(other)
	if e.Writable() {
		s.Reader, s.Writer = s.Writer, s.Reader
	}
	r.Stream(s)
}

// waits reports whether an end waits for the other one.
func waits(e *end) bool { return e.Copying() && !e.HasEvent() }

func kindOf(e *end) activity.Kind {
	switch {
	case e.Future() && e.Writable():
		return activity.FutureWrite
	case e.Future():
		return activity.FutureRead
	case e.Writable():
		return activity.StreamWrite
	default:
		return activity.StreamRead
	}
}

func (r *reading) party(e *end) activity.Party {
	switch {
	case e == nil:
		return activity.Party{Whose: activity.Nobodys}
	case e.Owner() == nil:
		h := r.store.hostEnds[e]
		return activity.Party{Whose: activity.Hosts, Waits: h != nil && h.listed.op != nil}
	default:
		return activity.Party{Whose: activity.Instances, Instance: e.Owner().Number, Waits: waits(e), Export: nameOf(r.waiter(&e.Waitable))}
	}
}

// item names the type of the items of a stream or future.
func (r *reading) item(e *end) string {
	t := e.Item()
	if t == nil {
		return ""
	}
	name, ok := r.types[t]
	if !ok {
		name = t.String()
		r.types[t] = name
	}
	return name
}

// numberSize returns the bytes of a number; zero for values that are none.
func numberSize(t *types.Type) uint64 {
	if t == nil {
		return 0
	}
	switch t.Kind {
	case types.S8, types.U8:
		return 1
	case types.S16, types.U16:
		return 2
	case types.S32, types.U32, types.F32:
		return 4
	case types.S64, types.U64, types.F64:
		return 8
	default:
		return 0
	}
}
