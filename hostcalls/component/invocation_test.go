package component

import (
	"errors"
	"testing"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
)

// invoker is an Invoker of functions.
type invoker struct {
	pass   func(to *cabi.Writer)
	take   func(from *cabi.Reader)
	exited func(err error)
}

func (i *invoker) Pass(c *Call)     { i.pass(&c.Results) }
func (i *invoker) Take(c *Call)     { i.take(&c.Args) }
func (i *invoker) Exited(err error) { i.exited(err) }

// sleeping is a call of sleep, which tells whom it has returned to and how it has exited.
func sleeping(milliseconds uint32, took func(uint32), exited func(error)) *invoker {
	return &invoker{
		pass:   func(to *cabi.Writer) { to.U32(milliseconds) },
		take:   func(from *cabi.Reader) { took(from.U32()) },
		exited: exited,
	}
}

// An invocation writes its arguments and reads its result itself, and is told its end.
func TestInvocation(t *testing.T) {
	n := newNode(t, Config{})
	a, err := New(clocks(n.executor.Driver()))
	if err != nil {
		t.Fatal(err)
	}
	n.abi = a
	p := n.load("worker")
	took, exited := make(chan uint32, 1), make(chan error, 1)
	n.inService(p, func(s *Store) {
		s.Do(func() error {
			return s.StartCall(tasks+"sleep", &Invocation{}, sleeping(1, func(v uint32) { took <- v }, func(err error) { exited <- err }))
		})
		<-took
		if err := <-exited; err != nil {
			t.Errorf("it has exited with %v", err)
		}
		s.Do(func() error {
			return s.StartCall(tasks+"sleep", &Invocation{}, sleeping(3_600_000, func(uint32) { t.Error("it has returned") }, func(err error) { exited <- err }))
		})
	})
	if err := <-exited; err != nil {
		t.Errorf("what waited when the store was stopped has exited with %v", err)
	}
	if len(exited) > 0 {
		t.Error("it has exited twice")
	}
}

// A call of what is not there ends the store, and is told so.
func TestInvocationOfNothing(t *testing.T) {
	n := newNode(t, Config{})
	a, err := New(clocks(n.executor.Driver()))
	if err != nil {
		t.Fatal(err)
	}
	n.abi = a
	v := n.serve(n.load("worker"), abi.Config{}, executor.TaskSpec{})
	exited := make(chan error, 1)
	v.Do(func() error {
		return v.StartCall("nothing", &Invocation{}, sleeping(1, func(uint32) {}, func(err error) { exited <- err }))
	})
	<-v.ended
	for _, err := range []error{<-exited, v.err} {
		if _, ok := errors.AsType[*abi.EntryError](err); !ok {
			t.Errorf("it ends with %v", err)
		}
	}
}

// A call that is cancelled before it begins, in each way, calls nothing.
func TestCancelledInvocation(t *testing.T) {
	_, v := puppets(t, abi.Config{}, executor.TaskSpec{})
	exited := make(chan error, 2)
	i, by := &Invocation{}, &invoker{
		pass:   func(*cabi.Writer) { t.Error("it has begun") },
		take:   func(*cabi.Reader) { t.Error("it has returned") },
		exited: func(err error) { exited <- err },
	}
	v.Do(func() error { return errors.Join(v.StartCall("run-sync", i, by), i.Cancel(), i.Cancel()) })
	if err := <-exited; err != nil {
		t.Error(err)
	}
	// Another call has exclusive, so this one waits at the gate.
	waits := make(chan error, 1)
	go func() {
		_, err := v.call("run-sync", script(op{opWaitSync, 1, 3}, op{opEnd}))
		waits <- err
	}()
	for n := uint32(0); n == 0; {
		v.do(func() { n = uint32(v.loop.blocked) })
	}
	v.Do(func() error { return v.StartCall("run-sync", i, by) })
	v.Do(func() error { return i.Cancel() })
	if err := <-exited; err != nil {
		t.Error(err)
	}
	v.wantIdle("1 calls", "1 fibers that wait", "1 operations")
	if err := v.stop(); err != nil {
		t.Error(err)
	}
	<-waits
}

// A call that is withdrawn before it begins, in each way, calls nothing, and neither does one that has not begun when the store ends.
func TestWithdrawnInvocation(t *testing.T) {
	_, v := puppets(t, abi.Config{}, executor.TaskSpec{})
	i, by := &Invocation{}, &invoker{
		pass:   func(*cabi.Writer) { t.Error("it has begun") },
		take:   func(*cabi.Reader) { t.Error("it has returned") },
		exited: func(err error) { t.Errorf("it has exited: %v", err) },
	}
	withdraw := func() error {
		if i.Begun() || !i.Withdraw() || i.Withdraw() {
			t.Error("it is not withdrawn once")
		}
		return nil
	}
	v.Do(func() error { return errors.Join(v.StartCall("run-sync", i, by), withdraw()) })
	// Another call has exclusive, so this one waits at the gate.
	waits := make(chan error, 1)
	go func() {
		_, err := v.call("run-sync", script(op{opWaitSync, 1, 3}, op{opEnd}))
		waits <- err
	}()
	for n := uint32(0); n == 0; {
		v.do(func() { n = uint32(v.loop.blocked) })
	}
	i = &Invocation{}
	v.Do(func() error { return v.StartCall("run-sync", i, by) })
	v.Do(withdraw)
	v.wantIdle("1 calls", "1 fibers that wait", "1 operations")
	i = &Invocation{}
	v.Do(func() error { return v.StartCall("run-sync", i, by) })
	v.do(func() {})
	if err := v.stop(); err != nil {
		t.Error(err)
	}
	<-waits
}
