// Package hooks has the functions that a reactor calls in the life of a workload, for logs, traces and metrics:
// [Hooks], their arguments ([Event], [Outcome]), and the trace that a submission belongs to ([Trace]).
//
// # Rules
//
// Every function may be nil. The reactor does no work for a nil function.
//
// The functions are called on goroutines that other workloads need (OnParked, OnResumed and mostly OnNetworkFailure on the
// worker that runs the guest), and for different workloads at the same time. So they must be safe for concurrent use, and must
// not block or panic. No lock that the reactor needs for another workload is held, so they may call anything that does not block:
// a logger, a counter, a span.
//
// The functions of one attempt are called one after the other, in the order of the fields of Hooks (OnParked, OnResumed and
// OnNetworkFailure any number of times), and each call happens before the next. OnNetworkFailure may be called at the same time as
// OnParked and OnResumed, and not after OnEnded: HTTP requests fail while their guest does something else. There are two more
// exceptions, because a workload is queued before these functions are called, and the dispatcher may be quicker:
//
//   - OnLoaded may be called before OnQueued has returned, or has been called.
//   - OnLoaded of an attempt may be called before OnCommitted of the attempt before.
//
// A workload that is cancelled while it waits has no OnLoaded and no OnStarted. One whose guest can't be started
// has no OnStarted. OnEnded and OnCommitted are called for each attempt, and for a workload that ends without one.
package hooks
