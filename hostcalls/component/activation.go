package component

import (
	"time"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/async"
	"github.com/reactord/reactord/executor"
)

// activation is one call of a lifted function: a guest call, with its thread. A store uses them again.
type activation struct {
	async.Call
	store *Store
	lift  *lift
	name  string          // of the function, for messages
	from  client          // nil: the caller waits for it on the same fiber, and moves the values itself
	fiber *executor.Fiber // on which its frames wait
	since time.Duration   // the driver's uptime when it was made, about; 0: that is not known
	slots [2]uint32       // its context slots, while they are not in the instance
	mark  uint64          // of the call by the host that it is a part of
	next  *activation     // in calls
	made  bool            // by the host, and it is in calls

	nested, settling bool // see loop
}

// client is who has called, if it does not wait on the same fiber.
type client interface {
	// pass writes the arguments.
	pass(to *cabi.Writer, x *crossing) error
	// take reads the result.
	take(from *cabi.Reader, x *crossing) error
	// onExit is called when the call has ended, after it was resolved.
	onExit()
}

// activationBytes is what an activation takes, about.
const activationBytes = 512

// activate begins a call of l.
func (s *Store) activate(l *lift, name string, caller *async.Subtask, from client) (*activation, error) {
	var a *activation
	if last := len(s.idle) - 1; last >= 0 {
		a, s.idle = s.idle[last], s.idle[:last]
	} else {
		if ok, err := s.tryHold(activationBytes); err != nil {
			return nil, err
		} else if !ok {
			return nil, trapf("%s: the memory limit has no room for another call: %d are in progress", name, len(s.activations))
		}
		a = &activation{store: s}
		a.Number = uint32(len(s.activations))
		s.activations = append(s.activations, a)
	}
	number := a.Number
	a.Call = async.Call{Number: number}
	a.Init(async.Function{Instance: &s.instances[l.instance].Instance, Lift: l.mode, Async: l.plan.Func.Async}, caller)
	a.lift, a.name, a.from, a.slots = l, name, from, [2]uint32{}
	a.nested, a.settling, a.since = false, false, 0
	a.mark = s.mark
	if s.current != nil {
		a.mark = s.current.mark
	}
	if from != nil { // others end soon
		a.since = max(1, s.Fiber().QuantumStart())
		s.calls.Add(1)
	}
	return a, nil
}

// end ends the call.
func (a *activation) end() {
	from := a.from
	a.in().forgetContext(a)
	a.from, a.lift = nil, nil
	a.store.idle = append(a.store.idle, a)
	if from != nil {
		a.store.calls.Add(-1)
		from.onExit()
	}
}

// in returns the component instance that the call runs in.
func (a *activation) in() *instance { return &a.store.instances[a.lift.instance] }

// callCore calls a core function as part of the call.
func (a *activation) callCore(f *coreFunc, stack []uint64) error {
	s := a.store
	outer := s.current
	s.current = a
	a.in().giveContext(a)
	err := s.callCore(f, stack)
	if s.current = outer; outer != nil {
		outer.in().giveContext(outer)
	}
	return err
}

// enter begins a call by the host, as soon as its instance admits it, unless it was cancelled.
func (a *activation) enter() error {
	switch {
	case a.Resolved():
		a.end()
		return nil
	case a.Async() && !a.Enter():
		return nil
	}
	return a.begin()
}

// begin passes the arguments and calls the core function. The call is admitted.
//
// Its frame is below all that the call waits in, so the work before and after the core function is in others. (BenchmarkWaiting)
func (a *activation) begin() error {
	x, err := a.pass()
	if err != nil {
		return err
	}
	if err := a.callCore(&a.lift.core, x.stack[:]); err != nil {
		return err
	}
	return a.passed(x)
}

// pass passes the arguments.
//
//go:noinline
func (a *activation) pass() (*crossing, error) {
	x := a.store.enter(a.in(), &a.lift.options, a.name)
	x.called = a
	a.Start()
	x.call.Results = a.lift.plan.WriteParams(&x.Context, x.stack[:])
	if err := a.from.pass(&x.call.Results, x); err != nil {
		return nil, err
	}
	if err := x.call.Results.End(); err != nil {
		return nil, x.fault(err)
	}
	return x, nil
}

// passed goes on when the core function has returned.
//
//go:noinline
func (a *activation) passed(x *crossing) error {
	switch a.lift.mode {
	case async.Synchronous:
		return a.returnSync(x)
	case async.Stackful:
		a.store.leave(x)
		return a.exit()
	default:
		packed := uint32(x.stack[0])
		a.store.leave(x)
		return a.returned(packed)
	}
}

// returnSync takes the result of a core function that is lifted synchronously.
func (a *activation) returnSync(x *crossing) error {
	x.call.Args = a.lift.plan.ReadResult(&x.Context, x.stack[:])
	if err := a.from.take(&x.call.Args, x); err != nil {
		return err
	}
	return a.finish(x)
}

// finish ends a call that is lifted synchronously, whose result was read: the guest may free it first.
func (a *activation) finish(x *crossing) error {
	if err := a.CanReturn(); err != nil {
		return x.fault(faultf("%v", err))
	}
	a.Return()
	if a.lift.options.postReturn != nil {
		x.instance.confined = true
		err := a.callCore(a.lift.options.postReturn, x.stack[:])
		x.instance.confined = false
		if err != nil {
			return err
		}
	}
	a.store.leave(x)
	if err := a.Exit(); err != nil {
		return a.fault(err)
	}
	return a.settle()
}

// settle ends a call that is lifted synchronously. If it is of a synchronous function, and has waited, its caller goes on when the
// calls have ended that wait, too, and began to later.
func (a *activation) settle() error {
	if a.nested {
		if err := a.store.settle(a); err != nil {
			return err
		}
	}
	a.end()
	return nil
}

// calls is a queue of calls.
type calls struct{ first, last *activation }

func (q *calls) push(a *activation) {
	a.made = true
	if q.first == nil {
		q.first = a
	} else {
		q.last.next = a
	}
	q.last = a
}

// pop takes the first call, or returns nil.
func (q *calls) pop() *activation {
	a := q.first
	if a != nil {
		q.first, a.next, a.made = a.next, nil, false
	}
	return a
}

// What the core function of a function with a callback returns, and the callback does.
const (
	callbackExit = iota
	callbackYield
	callbackWait

	callbackCodeBits = 4
)

// returned goes on with a call whose core function, or callback, has returned.
func (a *activation) returned(packed uint32) error {
	for {
		code, index := packed&(1<<callbackCodeBits-1), packed>>callbackCodeBits
		switch {
		case code == callbackExit:
			return a.exit()
		case code > callbackWait:
			return trapf("%s: a callback has returned %#x, whose code is unknown", a.name, packed)
		}
		if e, ok := a.TakeCancel(); ok {
			var err error
			if packed, err = a.callback(e); err != nil {
				return err
			}
			continue
		}
		if code == callbackYield {
			a.YieldCallback()
			return nil
		}
		set, err := objectAt[*waitableSet](&a.in().handles, index, "a waitable set")
		if err != nil {
			return a.fault(err)
		}
		a.AwaitCallback(&set.Set)
		return nil
	}
}

// callback calls the callback with an event.
func (a *activation) callback(e async.Event) (packed uint32, err error) {
	x := a.store.enter(a.in(), &a.lift.options, a.name)
	x.stack[0], x.stack[1], x.stack[2] = uint64(e.Code), uint64(e.Index), uint64(e.Payload)
	if err := a.callCore(a.lift.options.callback, x.stack[:]); err != nil {
		return 0, err
	}
	packed = uint32(x.stack[0])
	a.store.leave(x)
	return packed, nil
}

// exit ends a call that is lifted asynchronously.
func (a *activation) exit() error {
	if err := a.Exit(); err != nil {
		return a.fault(err)
	}
	a.end()
	return nil
}

// run goes on with the call, as its thread is told, on the fiber of the store's loop.
func (a *activation) run(then async.Then, e async.Event) error {
	switch then {
	case async.Begin:
		return a.begin()
	case async.Abandon:
		if !a.made { // else it ends when it would begin
			a.end()
		}
		return nil
	default:
		packed, err := a.callback(e)
		if err != nil {
			return err
		}
		return a.returned(packed)
	}
}

// fault returns the trap of the call, if there is an error.
func (a *activation) fault(err error) error {
	if err == nil {
		return nil
	}
	return trapf("%s: %v", a.name, err)
}
