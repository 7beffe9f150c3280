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
		return engine.Protect(func() error { return s.program.canons[f.number].call(s, stack) })
	}
	function := s.functions[f.number]
	if function == nil {
		export := s.program.functions[f.number]
		function = s.cores[export.core].Function(export.name)
		s.functions[f.number] = function
	}
	return function.Call(stack)
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

// invoke calls a lifted function from the host.
func (s *Store) invoke(l *lift, function string, args []value.Value) (results []value.Value, err error) {
	x := s.begin(l, function)
	w := l.plan.WriteParams(&x.Context, x.stack[:])
	for _, arg := range args {
		w.Value(arg)
	}
	if err := w.End(); err != nil {
		return nil, x.fault(err)
	}
	if err := s.callCore(&l.core, x.stack[:]); err != nil {
		return nil, err
	}
	r := l.plan.ReadResult(&x.Context, x.stack[:])
	results = r.Values()
	if err := x.Err(); err != nil {
		return nil, x.fault(err)
	}
	return results, s.finish(l, x)
}
