package component

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
)

// Operation is what the host does for a call of an asynchronous function, which goes on when the host function has returned.
// Call.Later begins it.
type Operation struct {
	// Op describes it to those who look at what the store waits for.
	Op hostcalls.Op
	// Over, unless nil, reports whether the operation is over, on the store's fiber, when Done was called. If not, Done is to be
	// called again. It does not wait.
	Over func(c *Call) bool
	// Finish writes the result, on the store's fiber, when Done was called. It does not wait.
	Finish func(c *Call)
	// Cancel, unless nil, gives the operation up, on the store's fiber, since the caller has cancelled it, or the store ends. If
	// the caller has cancelled it and Cancel is nil, it goes on.
	Cancel func()

	store  *Store
	of     *subtask
	note   note
	listed listed
	held   int64 // bytes of the component's memory, for arguments that were read
	ended  bool
}

// Done says that the operation is over. It may be called from any goroutine, and more than once.
func (o *Operation) Done() { o.store.post(&o.note) }

// DoneDue is Done for a timer, with the time at which it was due: the store goes before those that only have work to do.
func (o *Operation) DoneDue(due time.Time) { o.store.postDue(&o.note, due) }

// operations are those of a store that are under way, and what ends of the host wait for.
type operations struct {
	mu      sync.Mutex // guards the lists, which the store's fiber alone changes
	slots   []*listed  // nil: it is free
	free    []uint32
	latest  hostcalls.OpKind // of the one that began last
	threads []*hostThread
}

// listed is an operation among those of its store that are under way, or what an end of the host waits for.
type listed struct {
	op   *hostcalls.Op
	of   *Operation // nil: it is of an end
	slot uint32
}

func (ops *operations) add(e *listed) {
	if e.op.Start.IsZero() {
		e.op.Start = time.Now()
	}
	ops.mu.Lock()
	defer ops.mu.Unlock()
	ops.latest = e.op.Kind
	if last := len(ops.free) - 1; last >= 0 {
		e.slot, ops.free = ops.free[last], ops.free[:last]
		ops.slots[e.slot] = e
		return
	}
	e.slot = uint32(len(ops.slots))
	ops.slots = append(ops.slots, e)
}

// keptSlots bounds the room for operations that a store keeps.
const keptSlots = 64

func (ops *operations) remove(e *listed) {
	ops.mu.Lock()
	defer ops.mu.Unlock()
	ops.slots[e.slot] = nil
	ops.free = append(ops.free, e.slot)
	*e = listed{}
	if len(ops.free) == len(ops.slots) {
		ops.slots, ops.free = ops.slots[:0], ops.free[:0]
		if cap(ops.slots) > keptSlots {
			ops.slots, ops.free = nil, nil
		}
	}
}

// none reports whether no operation is under way.
func (ops *operations) none() bool { return len(ops.slots) == len(ops.free) && len(ops.threads) == 0 }

// kind is the kind of one of them.
func (ops *operations) kind() hostcalls.OpKind {
	switch {
	case len(ops.slots) > len(ops.free):
		return ops.latest
	case len(ops.threads) > 0:
		_, kind := ops.threads[0].Waits()
		return kind
	default:
		return 0
	}
}

// opsAtOnce is how many operations are read before the store may go on that waits to change them.
const opsAtOnce = 256

// AppendOps implements abi.Process.
func (s *Store) AppendOps(ops []hostcalls.Op) []hostcalls.Op {
	return s.AppendFirstOps(ops, math.MaxInt)
}

// AppendFirstOps implements abi.Active.
func (s *Store) AppendFirstOps(ops []hostcalls.Op, enough int) []hostcalls.Op {
	enough += min(len(ops), math.MaxInt-enough)
	ops = s.Call.AppendOps(ops)
	for next, more := 0, true; more && len(ops) < enough; {
		ops, next, more = s.operations.appendSome(ops, next)
	}
	s.operations.mu.Lock()
	defer s.operations.mu.Unlock()
	for _, t := range s.operations.threads {
		ops = t.AppendOps(ops)
	}
	return ops
}

// appendSome appends some of the operations, from a slot on. It returns from where to go on, if there may be more.
func (ops *operations) appendSome(to []hostcalls.Op, from int) (_ []hostcalls.Op, next int, more bool) {
	ops.mu.Lock()
	defer ops.mu.Unlock()
	next = min(from+opsAtOnce, len(ops.slots))
	for ; from < next; from++ {
		if e := ops.slots[from]; e != nil {
			to = append(to, *e.op)
		}
	}
	return to, next, next < len(ops.slots)
}

// Later makes the function go on when it has returned: the caller gets the result when o.Finish has written it. Done may be
// called from then on.
func (c *Call) Later(o *Operation) {
	o.store, o.of, c.operation = c.store, c.subtask, o
	o.note.of = o
}

// lowerHostAsync lowers an asynchronous function of the host.
func lowerHostAsync(l *lowering, f *Function) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(l.instance)
		if err != nil {
			return err
		}
		s.Begin(&l.name)
		if err := s.Charge(callCost); err != nil {
			return err
		}
		t := s.newSubtask(in, l, stack)
		x := t.enter()
		x.beginHostCall(l.plan, t.stack)
		x.call.subtask = t
		t.HostStart()
		if f.Later {
			f.Call(&x.call)
			err = x.endAsync()
		} else {
			err = s.start(&hostThread{store: s, x: x, function: f})
		}
		if err != nil {
			return err
		}
		return t.answer(stack)
	}
}

// endAsync ends the caller's side of a call of an asynchronous function of the host, which has returned.
func (x *crossing) endAsync() error {
	t, o := x.call.subtask, x.call.operation
	x.call.subtask, x.call.operation = nil, nil
	if o != nil {
		if err := x.Err(); err != nil {
			return x.fault(err)
		}
		t.operation, o.held = o, x.held
		o.listed = listed{op: &o.Op, of: o}
		x.store.operations.add(&o.listed)
		t.keepLent(x)
		return nil
	}
	if err := x.endValues(); err != nil {
		return err
	}
	t.keepLent(x)
	t.HostReturn()
	return nil
}

// act writes the result, if the operation is over.
func (o *Operation) act() error {
	if o.ended {
		return nil
	}
	t := o.of
	x := t.enter()
	if over, err := o.isOver(x); err != nil || !over {
		t.store.leave(x)
		return err
	}
	o.ended = true
	t.operation = nil
	o.store.operations.remove(&o.listed)
	err := engine.Protect(func() error {
		x.OnError = x.abort
		x.call.Results = t.lowering.plan.WriteResult(&x.Context, t.stack)
		o.Finish(&x.call)
		return x.endHostCall()
	})
	o.free()
	if err == nil {
		t.HostReturn()
	}
	return err
}

func (o *Operation) isOver(x *crossing) (over bool, err error) {
	if o.Over == nil {
		return true, nil
	}
	err = engine.Protect(func() error {
		over = o.Over(&x.call)
		return nil
	})
	return over, err
}

// cancel gives the operation up, if that is possible.
func (o *Operation) cancel() {
	if o.Cancel == nil {
		return
	}
	o.abandon()
	o.of.operation = nil
	o.of.HostCancel()
}

func (o *Operation) abandon() {
	o.ended = true
	o.store.operations.remove(&o.listed)
	o.free()
	if o.Cancel != nil {
		o.Cancel()
	}
}

// free stops counting the arguments, which nobody has any more.
func (o *Operation) free() {
	if o.held > 0 {
		o.store.Free(o.held)
		o.held = 0
	}
}

// abandonOperations gives all operations up, when no end of the host is left.
func (s *Store) abandonOperations() {
	for _, e := range slices.Clone(s.operations.slots) {
		if e != nil && e.of != nil {
			e.of.abandon()
			s.closedOne()
		}
	}
}
