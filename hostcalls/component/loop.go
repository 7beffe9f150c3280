package component

import (
	"github.com/reactord/reactord/component/async"
	"github.com/reactord/reactord/executor"
)

// loop is how a store runs.
//
//  1. The store is one task of the executor, with a Turn. One of its fibers runs at a time.
//  2. What others do for it (timers, sockets, the pool, clients) they post to the inbox, and wake the task. An entry names an
//     operation or a call, never an address of the guest.
//  3. A turn takes what is in the inbox, which gives waitables their events. Then calls by the host begin, and then the first
//     thread goes on that is ready, until none is: then the task waits, without a coroutine.
//  4. A thread without frames runs on the fiber of the turn: a call that begins, or a callback that gets its event. When the core
//     function has returned what it waits for, the call is a record, and has no stack.
//  5. A thread that waits with frames (in waitable-set.wait, in a call that it has lowered synchronously) keeps its fiber, and
//     switches to another one: block. When it is ready, a turn switches back.
//  6. A call of an asynchronous function begins on a fiber of its own, and its caller's fiber goes on as soon as it waits or ends:
//     start. Nothing else runs in between.
//  7. While a call of a synchronous function waits with frames, only threads of its instance run, and no call by the host begins;
//     if none can, it traps. Its caller goes on after those that have waited so later: settle.
//  8. A host function that waits by the methods of Call parks the whole store.
//  9. A trap ends the store. Fibers that wait are unwound by the executor, and the last one closes the store.
//
// nests has who is to go on before the store's other threads may: of 6 and 7, the latest last.
type loop struct {
	nests    []nest
	starting starter         // what the next fiber begins with; nil: the loop
	blocked  int             // fibers with frames that wait
	stacks   int             // that count as memory: those of blocked, and of fibers that have waited since the store did
	main     *executor.Fiber // waits in CallExport; nil: none
	over     bool            // nothing of the component is to run any more
	serves   bool            // others may make calls at any time
	failure  error
	returned bool          // what main waits for has happened
	hosts    []*hostThread // that are ready, the first one first
	calls    calls         // by the host, that are to begin
	visits   notes         // that enter
}

// nest is who is to go on before others may.
type nest struct {
	fiber *executor.Fiber // whose thread has started a call; nil: there is a synchronous one
	call  *activation     // of a synchronous function, which has waited
}

const (
	// maxFibers bounds the fibers of a store that wait with frames.
	maxFibers = 1 << 10
	// fiberBytes is the memory that one of them takes, about.
	fiberBytes = 16 << 10
)

// Turn is the body of the task of a store that has started. It returns done when the store has ended and is closed.
func (s *Store) Turn(f *executor.Fiber) (next executor.Next, done bool) {
	s.runOn(f)
	if begin := s.loop.starting; begin != nil {
		s.loop.starting = nil
		s.fail(begin.begin())
	}
	return s.turn(f)
}

// turn runs what is ready.
func (s *Store) turn(f *executor.Fiber) (next executor.Next, done bool) {
	for {
		s.fail(f.Err())
		if s.loop.over {
			return executor.End(), s.loop.blocked == 0
		}
		if to := s.unnest(); to != nil {
			return executor.SwitchTo(to), false
		}
		if to := s.settled(); to != nil {
			return executor.SwitchTo(to), false
		}
		if s.loop.returned {
			s.loop.returned = false
			return executor.SwitchTo(s.loop.main), false
		}
		if s.fail(s.readInbox()); s.loop.over {
			continue
		}
		if to := s.loop.readyHost(); to != nil {
			return executor.SwitchTo(to), false
		}
		if len(s.loop.nests) == 0 {
			visited, err := s.visit()
			if s.fail(err); visited {
				continue
			}
		}
		t := s.ready()
		if t == nil {
			if s.inbox.waiting() > 0 || s.idleEnds != nil && s.idleEnds() || s.stuck() {
				continue
			}
			s.tellStopped()
			s.giveCrossings()
			s.rest()
			s.looks.stop()
			return executor.Again(executor.WaitKind(s.operations.kind())), false
		}
		a := s.activations[t.Call().Number]
		s.runFor(a)
		if t.HasFrames() {
			t.Resume()
			return executor.SwitchTo(a.fiber), false
		}
		s.fail(a.run(t.Resume()))
	}
}

// Mark has the calls that the host starts from now on have a mark, and all calls that they make. It is for jobs of Do.
func (s *Store) Mark(mark uint64) { s.mark = mark }

// LastRun returns the mark of the call for which the component's code runs, or has run last. It may be called from any goroutine.
func (s *Store) LastRun() uint64 { return s.lastRun.Load() }

// runFor notes for which call code is to run.
func (s *Store) runFor(a *activation) {
	if s.marked != a.mark {
		s.marked = a.mark
		s.lastRun.Store(a.mark)
	}
}

// rest is called when the store is going to wait.
func (s *Store) rest() {
	s.freeStacks()
	if group := s.group.Load(); group != nil {
		group.Rest()
	}
}

// runOn notes the fiber that runs.
func (s *Store) runOn(f *executor.Fiber) {
	s.SetFiber(f)
	s.looks.run()
}

// cause is the error with which what waits ends in a store that has ended.
func (l *loop) cause() error {
	if l.failure != nil {
		return l.failure
	}
	return executor.ErrEnded
}

// fail ends the store, if there is an error.
func (s *Store) fail(err error) {
	if err != nil && !s.loop.over {
		s.loop.over, s.loop.failure = true, err
	}
}

// unnest returns the fiber whose thread has started the call that has just stopped, or nil.
func (s *Store) unnest() *executor.Fiber {
	last := len(s.loop.nests) - 1
	if last < 0 {
		return nil
	}
	to := s.loop.nests[last].fiber
	if to != nil {
		s.loop.nests = s.loop.nests[:last]
	}
	return to
}

// ready takes the next thread that may run, or returns nil.
func (s *Store) ready() *async.Thread {
	if last := len(s.loop.nests) - 1; last >= 0 {
		return s.loop.nests[last].call.Instance().NextBegun()
	}
	return s.scheduler.Next()
}

// stuck ends the store, or the wait of CallExport, if nothing can make a thread ready any more.
func (s *Store) stuck() bool {
	switch {
	case len(s.loop.nests) > 0:
		s.fail(trapf("a synchronous function waits, and no other thread of its component instance can run"))
	case s.operations.none() && len(s.hostEnds) == 0 && !s.loop.serves:
		s.fail(trapf("the call waits for what can't happen: all that could go on waits for itself (deadlock)"))
	default:
		return false
	}
	return true
}

// starter is what begins on a fiber of its own.
type starter interface{ begin() error }

// start runs begin on a fiber of its own, until what it begins waits or ends.
func (s *Store) start(begin starter) error {
	f := s.Fiber()
	if err := s.takeFiber(); err != nil {
		return err
	}
	s.loop.starting = begin
	s.loop.nests = append(s.loop.nests, nest{fiber: f})
	return s.suspend(f, nil)
}

// block makes the thread that runs, which waits for something, keep its frames until it is there.
func (s *Store) block() error {
	a := s.current
	if err := s.takeFiber(); err != nil {
		return err
	}
	f := s.Fiber()
	a.fiber = f
	if !a.Async() && !a.nested {
		a.nested = true
		s.loop.nests = append(s.loop.nests, nest{call: a})
	}
	err := s.suspend(f, s.unnest())
	a.fiber = nil
	return err
}

// settle is the end of a call of a synchronous function that has waited: it waits until no other one does that began to later.
func (s *Store) settle(a *activation) error {
	f := s.Fiber()
	for s.loop.nests[len(s.loop.nests)-1].call != a {
		if err := s.takeFiber(); err != nil {
			return err
		}
		a.fiber, a.settling = f, true
		if err := s.suspend(f, nil); err != nil {
			return err
		}
		a.fiber, a.settling = nil, false
	}
	s.loop.nests = s.loop.nests[:len(s.loop.nests)-1]
	a.nested = false
	return nil
}

// settled returns the fiber of a call that waits in settle, and can go on, or nil.
func (s *Store) settled() *executor.Fiber {
	last := len(s.loop.nests) - 1
	if last < 0 || s.loop.nests[last].call == nil || !s.loop.nests[last].call.settling {
		return nil
	}
	return s.loop.nests[last].call.fiber
}

// takeFiber counts another fiber with frames that waits.
func (s *Store) takeFiber() error {
	if s.loop.blocked == maxFibers {
		return trapf("more than %d threads of the component wait with frames", maxFibers)
	}
	if s.loop.blocked == s.loop.stacks {
		if ok, err := s.tryHold(fiberBytes); err != nil {
			return err
		} else if !ok {
			return trapf("the memory limit has no room for the stack of another thread")
		}
		s.loop.stacks++
	}
	s.loop.blocked++
	return nil
}

// freeStacks stops counting the stacks that no fiber waits with. It is not done as soon as one goes on: what it does before it waits
// again must not take the memory that it then needs.
func (s *Store) freeStacks() {
	s.Free(int64(s.loop.stacks-s.loop.blocked) * fiberBytes)
	s.loop.stacks = s.loop.blocked
}

// suspend goes on with another fiber, or with the loop on a new one, until f is switched to. It returns an error if the store has
// ended meanwhile.
func (s *Store) suspend(f, to *executor.Fiber) error {
	a := s.current
	s.current = nil
	err := f.Switch(to)
	s.runOn(f)
	s.loop.blocked--
	if s.fail(err); s.loop.over {
		return s.loop.cause()
	}
	if s.current = a; a != nil {
		a.in().giveContext(a)
	}
	return nil
}
