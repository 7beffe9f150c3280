package observe

import (
	"github.com/reactord/reactord/reactor/api"
)

// maxWaitingFor bounds the operations that a workload's status names; Ops has all.
const maxWaitingFor = 100

// Activity returns what the calls of a component do; nil if the workload runs none.
func (o *Observer) Activity(id string) *api.Activity {
	if a, _, _ := o.Look(id); a != nil {
		return a.Activity()
	}
	return nil
}

// Overlay adds what only memory has to a workload from the store: what it uses, what it waits for, that it runs if
// the store does not know yet, and that it has ended if the store can't be told.
func (o *Observer) Overlay(w *api.Workload) {
	s := &w.Status
	if s.State.Ended() {
		return
	}
	a, delay, live := o.Look(w.ID)
	switch {
	case !live:
		return
	case a == nil:
		s.State, s.Delay = api.Pending, delay // its attempt may have been put back since the store was read
		return
	}
	s.State, s.Attempts, s.StartTime, s.Delay = api.Running, a.Number, a.Started, delay
	s.ListenAddresses, s.Service = a.ListenAddresses(), a.Service()
	ops := a.FirstOps(maxWaitingFor)
	s.WaitingFor = o.apiOps(running{w.ID, a}, ops[:min(len(ops), maxWaitingFor)])
	s.Usage = a.Usage()
	s.Calls = a.Calls()
	if a.Parked() {
		s.State = api.Waiting
	}
	s.Stuck = o.tellStuck(w.ID, a)
}
