package component

import (
	"slices"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
)

// hostThread is a call of an asynchronous function of the host, which waits on a fiber of its own.
type hostThread struct {
	hostcalls.Call
	store    *Store
	x        *crossing // the caller's side
	function *Function
	fiber    *executor.Fiber // on which it waits
	woken    bool            // since it has waited
	wake     note
}

// begin calls the function.
func (t *hostThread) begin() error {
	s, x := t.store, t.x
	t.Init(&s.Guest, s.Fiber())
	t.SetParker(t)
	t.wake.of = t
	s.operations.addThread(t)
	x.call.waits = &t.Call
	err := engine.Protect(func() error {
		t.function.Call(&x.call)
		return x.endAsync()
	})
	x.call.waits = &s.Call
	s.operations.removeThread(t)
	return err
}

// Wake implements hostcalls.Parker.
func (t *hostThread) Wake() { t.store.post(&t.wake) }

// WakeDue implements hostcalls.Parker.
func (t *hostThread) WakeDue(due time.Time) { t.store.postDue(&t.wake, due) }

// act notes that the thread was woken.
func (t *hostThread) act() error {
	if t.woken {
		return nil
	}
	t.woken = true
	if t.fiber != nil {
		t.store.loop.hosts = append(t.store.loop.hosts, t)
	}
	return nil
}

// Park implements hostcalls.Parker.
func (t *hostThread) Park(hostcalls.OpKind) (executor.Wait, error) {
	s := t.store
	for !t.woken {
		if err := s.takeFiber(); err != nil {
			return executor.Wait{}, err
		}
		t.fiber = s.Fiber()
		if err := s.suspend(t.fiber, s.unnest()); err != nil {
			return executor.Wait{}, err
		}
		t.fiber = nil
	}
	t.woken = false
	return executor.Wait{}, nil
}

// readyHost returns the fiber of a call of the host that can go on, or nil.
func (l *loop) readyHost() *executor.Fiber {
	if len(l.hosts) == 0 {
		return nil
	}
	first := l.hosts[0]
	l.hosts = slices.Delete(l.hosts, 0, 1)
	return first.fiber
}

func (ops *operations) addThread(t *hostThread) {
	ops.mu.Lock()
	defer ops.mu.Unlock()
	ops.threads = append(ops.threads, t)
}

func (ops *operations) removeThread(t *hostThread) {
	ops.mu.Lock()
	defer ops.mu.Unlock()
	ops.threads = slices.DeleteFunc(ops.threads, func(other *hostThread) bool { return other == t })
}
