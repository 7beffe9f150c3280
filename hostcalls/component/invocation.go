package component

import (
	"sync/atomic"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine"
)

// Invocation is a call by the host whose values the host writes and reads itself, so that they may have handles of its objects,
// streams and futures. StartCall makes the call.
type Invocation struct {
	store     *Store
	by        Invoker
	of        *activation // nil: it has exited
	begun     atomic.Bool
	withdrawn bool
}

// Ongoing is a call that the host has made: an *Invocation, or what has one.
type Ongoing interface {
	// Begun reports whether the call has begun. It may be called from any goroutine.
	Begun() bool
	// Withdraw takes the call back, and reports whether it did: it does not if the call has begun. It is for jobs of Do.
	Withdraw() bool
	// Cancel asks the call to end, as a component that has called it would. It is for jobs of Do. An error ends the store.
	Cancel() error
}

// Invoker is what an Invocation is for. Its methods are called on the store's fiber and do not wait.
type Invoker interface {
	// Pass writes the arguments, as results. It is not called if the call is cancelled, or the store ends, before it begins.
	Pass(c *Call)
	// Take reads the result, which is among the arguments, unless the call is cancelled before it returns, or the store ends.
	Take(c *Call)
	// Exited is called once: when the call has exited, with nil, or when the store is closed, with why it has ended. It is not called
	// for a call that was withdrawn, or that has not begun when the store is closed, unless it could not be made.
	Exited(err error)
}

// keeper is an Invoker that keeps what Take has read.
type keeper interface {
	// keep is called after Take. What that has read counts as so many bytes of the component's memory, until Store.Free is called.
	keep(held int64)
}

// StartCall makes a call of a function that the component exports, by its full name. The call begins when nothing else runs and its
// instance admits it. It is for the store's fiber. After an error, which ends the store, Exited is called when that is closed.
func (s *Store) StartCall(name string, i *Invocation, by Invoker) error {
	i.store, i.by = s, by
	if s.invocations == nil {
		s.invocations = map[*Invocation]struct{}{}
	}
	s.invocations[i] = struct{}{}
	a, err := s.invoke(name, i)
	if err == nil {
		i.of = a
	}
	return err
}

// Begun implements Ongoing.
func (i *Invocation) Begun() bool { return i.begun.Load() }

// Withdraw implements Ongoing.
func (i *Invocation) Withdraw() bool {
	if i.of == nil || i.withdrawn || i.Begun() {
		return false
	}
	i.withdrawn = true
	_ = i.Cancel() // nothing of the component runs
	return true
}

// Cancel implements Ongoing.
func (i *Invocation) Cancel() error {
	if i.of == nil || !i.of.RequestCancel() {
		return nil
	}
	i.store.runFor(i.of)
	return i.of.run(i.of.Resume())
}

// pass implements client.
func (i *Invocation) pass(_ *cabi.Writer, x *crossing) error {
	i.begun.Store(true)
	return engine.Protect(func() error {
		i.by.Pass(&x.call)
		return nil
	})
}

// take implements client.
func (i *Invocation) take(_ *cabi.Reader, x *crossing) error {
	return engine.Protect(func() error {
		x.OnError = x.abort // so that the host does not work on what could not be read
		i.by.Take(&x.call)
		x.OnError = nil
		if k, ok := i.by.(keeper); ok && x.Err() == nil {
			held := x.held
			x.held = 0
			k.keep(held)
		}
		return x.Err()
	})
}

// onExit implements client.
func (i *Invocation) onExit() { i.end(nil) }

func (i *Invocation) end(err error) {
	i.of = nil
	delete(i.store.invocations, i)
	if !i.withdrawn {
		i.by.Exited(err)
	}
}

// endInvocations ends those that are in progress when the store is closed.
func (s *Store) endInvocations() {
	for i := range s.invocations {
		i.withdrawn = i.withdrawn || i.of != nil && !i.Begun()
		i.end(s.loop.failure)
		s.closedOne()
	}
}

// HostResource returns the name of the resource type of the host's that a type is a handle of; empty if it is of none.
func (s *Store) HostResource(t *types.Type) string {
	if t == nil || t.Resource == nil {
		return ""
	}
	if r := s.program.resources[t.Resource]; r != nil && r.host != nil {
		return r.host.Name
	}
	return ""
}

// Discard drops a stream or future that Args.End has read, and that nobody is to read.
func (s *Store) Discard(readable uint64) error {
	e := s.transit.take(readable)
	other := e.Other()
	e.Drop()
	return s.serveOther(other)
}

// ProducerOf returns what writes a stream or future that Args.End has read, if that is the host; otherwise nil.
func (s *Store) ProducerOf(readable uint64) Producer {
	if h := s.hostEnds[s.transit.ends[readable].Other()]; h != nil {
		return h.producer
	}
	return nil
}

// Close ends the work of the host with a stream, or with a future that it reads, as if its Consume or Produce had said so. It is not
// for those.
func (h *HostEnd) Close() error {
	if h.stopped {
		return nil
	}
	return h.stop(false)
}
