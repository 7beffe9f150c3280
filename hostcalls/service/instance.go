package service

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
)

// instance is an instance of the component that answers requests: a store, and the task that runs it.
type instance struct {
	service *supervisor
	member  *member
	store   *component.Store // set by start
	share   share
	refusal *abi.Refusal // set before its task ends

	// Guarded by supervisor.mu.
	task     *executor.Task        // nil until it is spawned
	requests map[*request]struct{} // that it has
	jobs     []func() error        // until it has started
	started  bool
	told     bool      // it was told to end
	looked   time.Time // since when it has a job to do that shows that it does not compute; zero: it has none
	lost     error     // why it was ended while others wait for it; nil: there is no such reason
	gate     uint64    // the newest request that was withdrawn from it; zero: it has begun with one since, or none was
}

// addInstance makes the instance of a place in the pool, which is to be started. mu is held.
func (s *supervisor) addInstance(m *member) *instance {
	i := &instance{service: s, member: m, requests: map[*request]struct{}{}}
	i.share.ledger = &s.ledger
	m.instance = i
	s.instances[i] = struct{}{}
	s.counts.Started++
	return i
}

// start makes the store and its task. The instance may have requests already. If it can't be made, the service ends.
func (i *instance) start() {
	s := i.service
	err := i.make()
	if err == nil {
		return
	}
	s.fail(err)
	s.mu.Lock()
	delete(s.instances, i)
	s.pool.lost(i.member)
	var abandoned []*request
	for r := range i.requests {
		abandoned = append(abandoned, r)
		r.over = true
	}
	rest := s.rested()
	s.mu.Unlock()
	for _, r := range abandoned {
		r.abandon(err)
	}
	if rest != nil {
		rest()
	}
}

func (i *instance) make() (err error) {
	s := i.service
	if i.store, err = s.program.NewStore(i.config()); err != nil {
		return err
	}
	var ended error
	turn := i.store.Serve(i.onStart, func(err error) {
		ended = err
		i.refusal = i.lastRefusal()
	})
	task, err := s.task.Load().Spawn(executor.TaskSpec{
		Turn: func(f *executor.Fiber) executor.Next {
			if i.share.task == nil {
				i.share.task = f.Task()
			}
			return turn(f)
		},
		Done:      func(t *executor.Task) { i.onDone(t, ended) },
		Uncounted: true, // the service is counted
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i.task = task; i.told {
		task.Cancel(errEnded)
	}
	return nil
}

// lastRefusal returns what the component was refused shortly before it ended. It is called on the fiber.
func (i *instance) lastRefusal() *abi.Refusal {
	refused := i.store.Refused()
	refused.ForgetOld(&i.store.Call)
	return refused.Refusal()
}

// onStart is called on the fiber when the store has started, or could not.
func (i *instance) onStart(err error) {
	if err != nil {
		return // onDone follows
	}
	s := i.service
	s.onStarted()
	s.mu.Lock()
	defer s.mu.Unlock()
	i.started = true
	for _, job := range i.jobs {
		i.store.Do(job)
	}
	i.jobs = nil
}

// do runs a job on the fiber of the store, unless that ends before.
func (i *instance) do(job func() error) {
	i.service.mu.Lock()
	started := i.started
	if !started {
		i.jobs = append(i.jobs, job)
	}
	i.service.mu.Unlock()
	if started {
		i.store.Do(job)
	}
}

// look notes since when the instance has a job that is to be done as soon as its component does not compute. mu is held.
func (i *instance) look(since time.Time) {
	if i.looked.IsZero() {
		i.looked = since
	}
}

// seen is such a job.
func (i *instance) seen() error {
	i.service.mu.Lock()
	defer i.service.mu.Unlock()
	i.looked = time.Time{}
	return nil
}

// stop ends the instance when its code does not run.
func (i *instance) stop() {
	s := i.service
	s.mu.Lock()
	i.told = true
	started := i.started
	if !started && i.task != nil {
		i.task.Cancel(errEnded)
	}
	s.mu.Unlock()
	if started {
		i.store.Stop()
	}
}

// kill ends the instance, whatever it does. mu is held.
func (i *instance) kill() {
	i.told = true
	if i.task != nil {
		i.task.Cancel(errEnded)
	}
}

// onDone is called on a worker when the task has ended.
func (i *instance) onDone(t *executor.Task, err error) {
	s := i.service
	switch exit, exited := errors.AsType[*component.Exit](err); {
	case t.Panic() != nil:
		err = t.Panic()
	case exited:
		err = &engine.Trap{Message: fmt.Sprintf("it exited with code %d, and a service goes on", exit.Code)}
	case err == nil:
		err = t.Err()
	}
	i.share.close()
	s.mu.Lock()
	i.task = t // which is set already, unless this comes very early
	told := i.told
	s.mu.Unlock()
	if told {
		err = nil
	} else if err != nil {
		s.tell("an instance ended: %v", err)
	}
	s.onEnded(i, err)
}

// config is the config of the instance's store: that of the service without its listener, and without input.
func (i *instance) config() *abi.Config {
	s := i.service
	c := *s.config
	c.Serve, c.OnStart, c.HeldBytes, c.Stdin = nil, nil, 0, hostcalls.Empty{}
	c.Memory = &i.share
	if c.Tracer != nil {
		c.HTTP = sender{c.HTTP, i}
	}
	if s.at == noListener {
		return &c
	}
	c.Grants = slices.Delete(slices.Clone(c.Grants), s.at, s.at+1)
	if s.at < len(c.Leases) {
		c.Leases = slices.Delete(slices.Clone(c.Leases), s.at, s.at+1)
	}
	return &c
}

// pastWaits returns what the store has waited for.
func (i *instance) pastWaits() []hostcalls.WaitUsage {
	if i.store == nil {
		return nil
	}
	past, _ := i.store.Waits()
	return past
}
