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
	ended   func()      // when it has exited
	client  *clientCall // nil: the caller takes no streams and futures
	onEnd   func([]value.Value)
}

func (r *rootCall) pass(w *cabi.Writer, x *crossing) error {
	for i := range r.args {
		if r.client != nil {
			if err := r.client.incoming(w.Type(), &r.args[i]); err != nil {
				return err
			}
		}
		if err := x.store.connect(x.function, w.Type(), &r.args[i]); err != nil {
			return err
		}
		w.Value(r.args[i])
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
	if r.client != nil {
		return r.client.returned(r.results)
	}
	if r.onEnd != nil {
		r.onEnd(r.results)
	}
	return nil
}

func (r *rootCall) onExit() {
	if r.ended != nil {
		r.ended()
	}
}

// Do runs a job on the store's fiber, when nothing of the component runs. It may be called from any goroutine. The job does not
// wait; an error ends the store. It is not run if the store ends before.
func (s *Store) Do(job func() error) { s.post(&note{of: jobOf(job), enters: true}) }

// Invoke makes a call, as CallExport does, and does not wait: the call begins when nothing else runs and its instance admits it, and
// onReturn is called on the store's fiber with what the function has returned. It is for the store's fiber.
func (s *Store) Invoke(name string, args []value.Value, onReturn func([]value.Value)) error {
	_, err := s.invoke(name, &rootCall{args: args, onEnd: onReturn})
	return err
}

// invoke makes a call by the host.
func (s *Store) invoke(name string, from client) (*activation, error) {
	number, ok := s.program.exports[name]
	if !ok {
		return nil, &abi.EntryError{Export: name, Msg: "the component exports no such function"}
	}
	a, err := s.activate(&s.program.lifts[number], name, nil, from)
	if err == nil {
		s.loop.calls.push(a)
	}
	return a, err
}

// Serve is the Turn of a task for a store that is started first, and then does the jobs of Do until Stop is called. onStart is
// called when it has started, or could not. When it has ended it is closed, and onEnd is called.
func (s *Store) Serve(onStart func(error), onEnd func(error)) func(*executor.Fiber) executor.Next {
	started := false
	return func(f *executor.Fiber) (next executor.Next) {
		done, returned := false, false
		defer func() {
			if s.turned(done, returned) {
				onEnd(s.loop.failure)
			}
		}()
		if started {
			next, done = s.Turn(f)
		} else {
			started, s.loop.serves = true, true
			err := s.Start(f)
			s.fail(err)
			onStart(err)
			next, done = s.turn(f)
		}
		returned = true
		return next
	}
}

// Ended reports whether the component runs no more, whether or not the store is closed yet. It is called on the fiber.
func (s *Store) Ended() bool { return s.loop.over }

// Stop ends the store, whatever runs. It may be called from any goroutine when the store has started.
func (s *Store) Stop() {
	s.post(&note{of: jobOf(func() error {
		s.loop.over = true
		return nil
	})})
}

// turned is called when a turn has returned, with what it says, or has panicked. If that was the store's last fiber, it closes the
// store and returns true.
func (s *Store) turned(done, returned bool) bool {
	if !returned {
		s.fail(errPanicked)
		done = s.loop.blocked == 0
	}
	if done {
		s.Close()
	}
	return done
}

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
	a, err := s.activate(&s.program.lifts[number], name, nil, r)
	switch {
	case err != nil:
	case !a.Async():
		err = a.begin()
	case a.Enter():
		err = s.start(a)
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
	return func(f *executor.Fiber) (next executor.Next) {
		done, returned := false, false
		defer func() { s.turned(done, returned) }()
		if entered {
			next, done = s.Turn(f)
		} else {
			entered = true
			body(f)
			s.loop.over = true
			next, done = s.turn(f)
		}
		returned = true
		return next
	}
}
