package component

import (
	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor/engine"
)

// lift is a core function that a component instance makes a component function.
type lift struct {
	instance int
	plan     *cabi.Plan
	core     coreFunc
	options  options
	name     string // of the core function, for messages
}

// callCore calls a core function.
func (s *Store) callCore(f *coreFunc, stack []uint64) error {
	if f.canonical {
		return s.callCanonical(f.number, stack)
	}
	function := s.functions[f.number]
	if function == nil {
		function = s.function(f.number)
	}
	return function.Call(stack)
}

// function looks up a core function that is called for the first time.
//
//go:noinline
func (s *Store) function(number int) *engine.Function {
	export := s.program.functions[number]
	s.functions[number] = s.cores[export.core].Function(export.name)
	return s.functions[number]
}

// callCanonical calls a canonical function that is lifted, or is an option of another one. Nobody's tools make such components,
// in which thousands of such calls can be in each other without any guest code.
//
//go:noinline
func (s *Store) callCanonical(number int, stack []uint64) error {
	return s.group.Load().Nest(func() error { return s.program.canons[number].call(s, stack) })
}

// begin begins the callee's side of a call of l.
func (s *Store) begin(l *lift, function string) *crossing {
	x := s.enter(&s.instances[l.instance], &l.options, function)
	x.interrupted = x.instance.beginContext()
	return x
}

// finish ends the callee's side of a call, whose results have been read: the guest may free them then.
func (s *Store) finish(l *lift, x *crossing) error {
	if err := x.endBorrows(); err != nil {
		return x.fault(err)
	}
	if l.options.postReturn != nil {
		x.instance.confined = true
		err := s.callCore(l.options.postReturn, x.stack[:])
		x.instance.confined = false
		if err != nil {
			return err
		}
	}
	x.instance.endContext(x.interrupted)
	s.leave(x)
	return nil
}

// invoke calls a lifted function from the host, and sets s.results. The arguments are held, as so many bytes, until they are
// passed. After an error the store is lost.
func (s *Store) invoke(l *lift, function string, args []value.Value, held int64) error {
	x, err := s.pass(l, function, args)
	if err == nil {
		s.Free(held)
		if err = s.callCore(&l.core, x.stack[:]); err == nil {
			err = s.returned(l, x)
		}
	}
	s.ended = err != nil
	return err
}

// pass begins a call from the host, and passes the arguments.
//
//go:noinline
func (s *Store) pass(l *lift, function string, args []value.Value) (*crossing, error) {
	if s.ended {
		return nil, errEnded
	}
	x := s.begin(l, function)
	w := l.plan.WriteParams(&x.Context, x.stack[:])
	for _, arg := range args {
		w.Value(arg)
	}
	if err := w.End(); err != nil {
		return nil, x.fault(err)
	}
	return x, nil
}

// returned reads what a call from the host has returned, and ends it.
//
//go:noinline
func (s *Store) returned(l *lift, x *crossing) error {
	r := l.plan.ReadResult(&x.Context, x.stack[:])
	s.results = r.Values()
	if err := x.Err(); err != nil {
		return x.fault(err)
	}
	return s.finish(l, x)
}
