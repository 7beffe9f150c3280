package component

import (
	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
)

// rootCall is a call by the host.
type rootCall struct {
	args    []value.Value
	held    int64 // bytes of the component's memory, for args
	results []value.Value
	ended   func()
}

func (r *rootCall) pass(w *cabi.Writer, x *crossing) error {
	for _, arg := range r.args {
		w.Value(arg)
	}
	x.store.Free(r.held)
	r.args = nil
	return nil // End tells
}

func (r *rootCall) take(from *cabi.Reader, x *crossing) error {
	r.results = from.Values()
	if err := x.Err(); err != nil {
		return x.fault(err)
	}
	return nil
}

func (r *rootCall) onExit() { r.ended() }

// CallExport calls a function that the component exports, by its full name: "f", or "ns:pkg/iface@1.0.0#f", and waits for its
// result on the fiber that it is called on. If the function is asynchronous, that is one of a task whose Turn is the store's. The
// arguments have to be well-formed for its parameters, and the results are for its result: one value, or none. After an error
// only Close may be called. Errors are those of Start.
func (s *Store) CallExport(name string, args []value.Value) ([]value.Value, error) {
	number, ok := s.program.exports[name]
	if !ok {
		return nil, &abi.EntryError{Export: name, Msg: "the component exports no such function"}
	}
	if s.loop.over {
		return nil, errEnded
	}
	ended := false
	r := &rootCall{args: args, ended: func() { ended = true }}
	a := s.activate(&s.program.lifts[number], name, nil, r)
	var err error
	switch {
	case !a.Async():
		err = a.begin()
	case a.Enter():
		err = s.start(a.begin)
	}
	for err == nil && !ended {
		r.ended = func() { s.loop.returned = true; ended = true }
		s.loop.main = s.Fiber()
		if err = s.takeFiber(); err == nil {
			err = s.suspend(s.loop.main, nil)
		}
	}
	s.fail(err)
	return r.results, err
}

// Main returns the Turn of a task that runs body on its first fiber, and then ends and closes the store. body calls Start first,
// and then CallExport as often as it likes.
func (s *Store) Main(body func(*executor.Fiber)) func(*executor.Fiber) executor.Next {
	entered := false
	return func(f *executor.Fiber) executor.Next {
		turn := s.Turn
		if !entered {
			entered = true
			body(f)
			s.loop.over = true
			turn = s.turn
		}
		next, done := turn(f)
		if done {
			s.Close()
		}
		return next
	}
}
