package component

import (
	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/async"
	"github.com/reactord/reactord/component/types"
)

// subtask is a call of an asynchronous function, as the component instance sees it that has called.
type subtask struct {
	async.Subtask
	store     *Store
	in        *instance
	lowering  *lowering
	stack     []uint64 // of the call: its arguments, and its result if that is flat
	own       [5]uint64
	lent      []uint32   // handles
	operation *Operation // of the host, while it is at work
}

// lowering is how a function is lowered for an instance that calls it.
type lowering struct {
	instance int
	plan     *cabi.Plan
	options  options
	async    bool // the caller goes on meanwhile
	name     string
}

func (*subtask) kind() string { return "a subtask" }

// newSubtask makes a subtask of a call with the arguments on a stack.
func (s *Store) newSubtask(in *instance, l *lowering, stack []uint64) *subtask {
	var t *subtask
	if last := len(s.subtasks) - 1; last >= 0 {
		t, s.subtasks = s.subtasks[last], s.subtasks[:last]
	} else {
		t = &subtask{}
	}
	*t = subtask{store: s, in: in, lowering: l, stack: stack}
	if l.async { // the stack is another's when the host function has returned
		t.stack = append(t.own[:0], stack...)
	}
	t.Init(t)
	return t
}

// EndLends implements async.Lender.
func (t *subtask) EndLends() {
	t.store.endLends(t.in, t.lent)
	t.lent = nil
}

// enter begins the caller's side.
func (t *subtask) enter() *crossing {
	return t.store.enter(t.in, &t.lowering.options, t.lowering.name)
}

// keepLent makes what was lent when the arguments were read last as long as the call.
func (t *subtask) keepLent(x *crossing) {
	if len(x.lent) > 0 {
		t.lent, x.lent = x.lent, nil
	}
	t.store.leave(x)
}

// pass implements client.
func (t *subtask) pass(to *cabi.Writer, x *crossing) error {
	from := t.enter()
	args := t.lowering.plan.ReadParams(&from.Context, t.stack)
	if err := copyValues(to, &args, from, x); err != nil {
		return err
	}
	t.keepLent(from)
	return nil
}

// take implements client.
func (t *subtask) take(from *cabi.Reader, x *crossing) error {
	to := t.enter()
	result := t.lowering.plan.WriteResult(&to.Context, t.stack)
	if err := copyValues(&result, from, x, to); err != nil {
		return err
	}
	t.store.leave(to)
	return nil
}

// onExit implements client.
func (*subtask) onExit() {}

// lowerAsync lowers an asynchronous function that another component lifts.
func lowerAsync(l *lowering, to *lift) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(l.instance)
		if err != nil {
			return err
		}
		t := s.newSubtask(in, l, stack)
		a, err := s.activate(to, l.name, &t.Subtask, t)
		if err != nil {
			return err
		}
		if a.Enter() {
			if err := s.start(a); err != nil {
				return err
			}
		}
		return t.answer(stack)
	}
}

// answer tells the caller what has become of the call, when that has stopped.
func (t *subtask) answer(stack []uint64) error {
	s := t.store
	if t.lowering.async && !t.Resolved() {
		index, err := s.addHandle(t.in, handle{kind: objectHandle, object: t})
		if err != nil {
			return trapf("%s: %v", t.lowering.name, err)
		}
		stack[0] = uint64(t.Expose(index))
		return nil
	}
	if !t.Resolved() {
		if err := s.await(func(w *async.Thread) bool { return w.AwaitResult(&t.Subtask) }); err != nil {
			return err
		}
	}
	t.TellEnd()
	if t.lowering.async {
		stack[0] = uint64(t.State())
	}
	s.forgetSubtask(t)
	return nil
}

// keptSubtasks bounds the subtasks that a store keeps to use them again.
const keptSubtasks = 64

// forgetSubtask is called when nobody asks for a subtask any more: its call has returned, though it may go on.
func (s *Store) forgetSubtask(t *subtask) {
	if len(s.subtasks) < keptSubtasks {
		s.subtasks = append(s.subtasks, t)
	}
}

// await makes the thread that runs wait, unless wait says that there is nothing to wait for.
func (s *Store) await(wait func(*async.Thread) bool) error {
	if s.current == nil {
		return trapf("a component can't wait while it is instantiated")
	}
	if !wait(&s.current.Thread) {
		return nil
	}
	return s.block()
}

// subtaskCancel is the built-in subtask.cancel.
func subtaskCancel(instance int, returns bool) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(instance)
		if err != nil {
			return err
		}
		t, err := objectAt[*subtask](&in.handles, uint32(stack[0]), "a subtask")
		if err == nil {
			err = t.BeginCancel()
		}
		if err != nil {
			return builtinFault("subtask.cancel", err)
		}
		if !t.Resolved() {
			if err := t.cancel(); err != nil {
				return err
			}
		}
		if !returns && !t.Resolved() {
			if err := s.await(func(w *async.Thread) bool { return w.AwaitResult(&t.Subtask) }); err != nil {
				return err
			}
		}
		stack[0] = uint64(t.EndCancel())
		return nil
	}
}

// cancel asks whoever carries the call out to end it.
func (t *subtask) cancel() error {
	if t.operation != nil {
		t.operation.cancel()
		return nil
	}
	c := t.Callee()
	if c == nil || !c.RequestCancel() { // a host function that waits on a fiber of its own goes on
		return nil
	}
	return t.store.start(cancelled{t.store.activations[c.Number]})
}

// cancelled is a call that is to be told that its caller has cancelled it.
type cancelled struct{ *activation }

func (c cancelled) begin() error { return c.run(c.Resume()) }

// subtaskDrop is the built-in subtask.drop.
func subtaskDrop(instance int) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(instance)
		if err != nil {
			return err
		}
		index := uint32(stack[0])
		t, err := objectAt[*subtask](&in.handles, index, "a subtask")
		if err == nil {
			err = t.CanDrop()
		}
		if err != nil {
			return builtinFault("subtask.drop", err)
		}
		t.Drop()
		s.removeObject(in, index)
		s.forgetSubtask(t)
		return nil
	}
}

// running returns the call that runs, for a built-in of asynchronous calls.
func (s *Store) running(builtin string) (*activation, error) {
	a := s.current
	switch {
	case a == nil:
		return nil, trapf("%s: no call runs", builtin)
	case a.lift.mode == async.Synchronous:
		return nil, trapf("%s: the function %s is lifted synchronously", builtin, a.lift.name)
	}
	return a, nil
}

// taskReturn is the built-in task.return.
func taskReturn(instance int, p *cabi.Plan, o *options, result *types.Type) canonFunc {
	return func(s *Store, stack []uint64) error {
		const name = "task.return"
		in, err := s.leaving(instance)
		if err != nil {
			return err
		}
		a, err := s.running(name)
		if err != nil {
			return err
		}
		of := a.lift
		if result != of.plan.Func.Result || o.encoding != of.options.encoding || o.memory >= 0 && o.memory != of.options.memory {
			return trapf("%s: its type and options are not those of the function %s, which runs", name, of.name)
		}
		if err := a.CanReturn(); err != nil {
			return builtinFault(name, err)
		}
		x := s.enter(in, o, a.name)
		x.call.Args = p.ReadParams(&x.Context, stack)
		if err := a.from.take(&x.call.Args, x); err != nil {
			return err
		}
		a.Return()
		s.leave(x)
		return nil
	}
}

// taskCancel is the built-in task.cancel.
func taskCancel(instance int) canonFunc {
	return func(s *Store, _ []uint64) error {
		if _, err := s.leaving(instance); err != nil {
			return err
		}
		a, err := s.running("task.cancel")
		if err != nil {
			return err
		}
		return builtinFault("task.cancel", a.Cancel())
	}
}
