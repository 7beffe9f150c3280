package hooks

import (
	"time"

	"github.com/reactord/reactord/reactor/api"
)

// Hooks are called in the life of a workload. The package comment has the rules.
type Hooks struct {
	// OnQueued is called when the workload waits to be started: when its submission has been committed, when a daemon
	// takes over what an earlier one left, and when an attempt was put back, of which the Event is then. Goroutine: the store's, or the one that
	// starts the reactor.
	OnQueued func(Event)
	// OnLoaded is called when the workload's turn has come, its module is in memory and the node's memory is
	// reserved for it, just before it is handed to the workers. Goroutine: the dispatcher.
	OnLoaded func(Event)
	// OnStarted is called when a worker runs the workload for the first time in this attempt, before its grants
	// are opened and its module is instantiated. Goroutine: the worker.
	OnStarted func(Event)
	// OnParked is called when the guest is about to give up its worker to wait, if its trace is sampled: waits are many, and
	// only of those that are looked at one by one each is worth a call. Goroutine: the worker.
	OnParked func(Event)
	// OnResumed is called when a worker resumes a guest of which OnParked was told. Goroutine: the worker.
	OnResumed func(Event)
	// OnNetworkFailure is called when the guest wanted to connect, listen, look up a name or send an HTTP request, and did not
	// get it. Of the same failures in an attempt it is told of the first, the tenth, the hundredth and so on, and of those to
	// more than a few targets together. Goroutine: the worker; that of the request, for HTTP.
	OnNetworkFailure func(Event, NetworkFailure)
	// OnEnded is called when it is known how the attempt ended, before anyone else is told. Goroutine: the
	// finisher, if a worker ran the workload. Otherwise the goroutine that ends it: the dispatcher if it can't be
	// started or its timeout passes, the client's that cancels it, the store's if that happens while it is put
	// back, or the one that starts the reactor.
	OnEnded func(Event, Outcome)
	// OnCommitted is called when that was committed, or could not be (Outcome.Err). Goroutine: the store's, or any
	// once the store is closed.
	OnCommitted func(Event, Outcome)
}

// Any reports whether any function is set.
func (h *Hooks) Any() bool {
	return h.OnQueued != nil || h.OnLoaded != nil || h.OnStarted != nil || h.OnParked != nil ||
		h.OnResumed != nil || h.OnNetworkFailure != nil || h.OnEnded != nil || h.OnCommitted != nil
}

// Event says what happened to which workload, and when.
type Event struct {
	ID      string
	Tenant  string
	Module  string // digest
	Attempt uint32 // from 1; 0 if there is no attempt
	// Trace is the trace of the submission, if it had one. If there is no attempt it is unknown, except for a
	// submission that has just been committed.
	Trace Trace
	Time  time.Time
	// Submitted is when the workload was submitted, in OnLoaded.
	Submitted time.Time
	// WaitsFor is the kind of operation that the guest waits for, in OnParked: "timer".
	WaitsFor string
}

// NetworkFailure is what a guest wanted to open and did not get, for want of a grant or for another reason.
type NetworkFailure struct {
	Kind    string // connect, listen, resolve or http; empty like Target
	Target  string // an address, with "udp:" before it if it is for UDP, a name or an origin; empty: many others, counted together
	Message string // why, the last time
	Times   uint64 // so far in the attempt
}

// Outcome is how an attempt ended, and with it the workload, unless State is Pending: then the workload is put back,
// and there will be another attempt.
type Outcome struct {
	State   api.State
	Reason  api.Reason
	Message string
	Usage   api.Usage // in all attempts together; zero in OnEnded
	Err     error     // in OnCommitted: why it was not committed
}
