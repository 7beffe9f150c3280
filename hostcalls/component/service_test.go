package component

import (
	"fmt"
	"slices"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
)

// service is a store that serves calls, and its end.
type service struct {
	*node
	*Store
	task  *executor.Task
	ended chan struct{}
	err   error // when it has ended
}

// serve serves a component until the test ends, or it does.
func (n *node) serve(p *Program, config abi.Config, spec executor.TaskSpec) *service {
	n.Helper()
	config.Driver = n.executor.Driver()
	s, err := p.NewStore(&config)
	if err != nil {
		n.Fatal(err)
	}
	v := &service{node: n, Store: s, ended: make(chan struct{})}
	started := make(chan error, 1)
	spec.Turn = s.Serve(func(err error) { started <- err }, func(err error) {
		v.err = err
		close(v.ended)
	})
	if v.task, err = n.executor.Spawn(spec); err != nil {
		n.Fatal(err)
	}
	if err := <-started; err != nil {
		n.Fatal(err)
	}
	return v
}

// call calls an export and waits. An error is that with which the store has ended.
func (v *service) call(export string, args ...value.Value) (result value.Value, err error) {
	returned := make(chan value.Value, 1)
	v.Do(func() error {
		return v.Invoke(export, args, func(results []value.Value) { returned <- append(results, value.Value{})[0] })
	})
	select {
	case result = <-returned:
		return result, nil
	case <-v.ended:
		return result, v.err
	}
}

// do runs a job on the store's fiber and waits for it.
func (v *service) do(job func()) {
	done := make(chan struct{})
	v.Do(func() error {
		job()
		close(done)
		return nil
	})
	select {
	case <-done:
	case <-v.ended:
	}
}

// stop ends the store after the jobs before, unless it has ended, and returns how it has.
func (v *service) stop() error {
	v.Helper()
	v.do(v.Stop)
	<-v.ended
	v.wantNothing(v.Store)
	return v.err
}

// wantIdle says that a store has nothing under way, but for what keep names.
func (v *service) wantIdle(keep ...string) {
	v.Helper()
	var left []string
	v.do(func() { left = underWay(v.Store) })
	left = slices.DeleteFunc(left, func(one string) bool { return slices.Contains(keep, one) })
	if len(left) > 0 {
		v.Errorf("it has under way: %q", left)
	}
}

// underWay lists what a store has under way: all that is there only for a time.
func underWay(s *Store) (list []string) {
	add := func(n int, what string) {
		if n != 0 {
			list = append(list, fmt.Sprintf("%d %s", n, what))
		}
	}
	inTransit := len(s.transit.ends) - len(s.transit.free)
	operations := len(s.operations.slots) - len(s.operations.free)
	add(len(s.hostEnds), "ends of the host")
	add(operations, "operations")
	add(len(s.operations.threads), "threads of the host")
	add(len(s.activations)-len(s.idle), "calls")
	add(s.lends, "lent handles")
	add(inTransit, "ends in transit")
	add(s.loop.blocked, "fibers that wait")
	add(len(s.loop.nests), "nests")
	for i := range s.instances {
		add(s.instances[i].handles.live, fmt.Sprintf("handles of instance %d", i))
		add(s.instances[i].Waiting(), fmt.Sprintf("calls at the gate of instance %d", i))
	}
	return list
}

// wantNothing says that a store that was closed has left nothing behind.
func (n *node) wantNothing(s *Store) {
	n.Helper()
	switch {
	case !s.closed:
		n.Error("the store is not closed")
	case len(s.hostEnds) > 0 || !s.operations.none() || s.loop.blocked > 0:
		n.Errorf("the store has left %d ends of the host, %d fibers, operations: %t", len(s.hostEnds), s.loop.blocked, !s.operations.none())
	}
	if used := n.engine.MemoryUsed() - n.engine.MemoryFreeing(); used > 0 {
		n.Errorf("%d bytes of memory are still counted", used)
	}
}
