package hooks

import (
	"time"

	"github.com/reactord/reactord/reactor/api"
)

// Hooks are called in the course of a workload's life. The package's comment has the rules.
type Hooks struct {
	// OnQueued is called when the workload waits to be started: when its submission has been committed, when a
	// daemon takes up what an earlier one left, and when an attempt has been put back. Goroutine: the
	// store's, or the one that starts the reactor.
	OnQueued func(Event)
	// OnLoaded is called when the workload's turn has come, its module is in memory and the node's memory is
	// reserved for it: next it is given to the workers. Goroutine: the dispatcher.
	OnLoaded func(Event)
	// OnStarted is called when a worker runs the workload for the first time in this attempt, before grants are
	// opened and the module is instantiated. Goroutine: the worker.
	OnStarted func(Event)
	// OnParked is called when the guest is about to give up its worker to wait. Goroutine: the worker.
	OnParked func(Event)
	// OnResumed is called when a worker goes on with a guest that waited. Goroutine: the worker.
	OnResumed func(Event)
	// OnEnded is called when it is known how the attempt ended, which nobody else has been told yet. Goroutine:
	// the finisher, or that of who cancelled a workload that had not been started.
	OnEnded func(Event, Outcome)
	// OnCommitted is called when that has been committed, or could not be: Outcome.Err. Goroutine: the store's.
	OnCommitted func(Event, Outcome)
}

// Any reports whether any of them is to be called.
func (h *Hooks) Any() bool {
	return h.OnQueued != nil || h.OnLoaded != nil || h.OnStarted != nil || h.OnParked != nil ||
		h.OnResumed != nil || h.OnEnded != nil || h.OnCommitted != nil
}

// Event is what happened to which workload, and when.
type Event struct {
	ID      string
	Tenant  string
	Module  string // digest
	Attempt uint32 // from 1 on; 0 where there is none
	// Trace is the trace of the submission, if it had one. It is not known where there is no attempt, but for a
	// submission that has just been committed.
	Trace TraceParent
	Time  time.Time
}

// Outcome is how an attempt ended, and with it the workload unless State is Pending: then it is put back, and
// there will be another.
type Outcome struct {
	State   api.State
	Reason  api.Reason
	Message string
	Usage   api.Usage // over all attempts; zero in OnEnded
	Err     error     // why it was not committed, in OnCommitted
}
