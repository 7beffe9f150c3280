// Package hooks has the functions that a reactor calls in the course of a workload's life, for logs, traces
// and metrics: [Hooks], what they are told ([Event], [Outcome]), and the trace that a submission belongs to
// ([TraceParent]).
//
// # What may be relied on
//
// Every function may be nil, and is called only if it is not: what nobody asks for costs nothing.
//
// The functions are called on goroutines that others need, OnParked and OnResumed on the worker that runs the
// guest, and of different workloads at the same time. So they must be safe for concurrent use, must not block
// and must not panic. No lock of the reactor is held, so they may call what does not block: a logger, a
// counter, a span.
//
// The functions of one attempt are called one after the other, in the order of the fields of Hooks (OnParked and
// OnResumed any number of times), and what one did happens before the next. OnQueued is the exception: a workload is queued as soon as it is in the
// store, and may be loaded on another goroutine before OnQueued has returned.
//
// A workload that is cancelled while it waits has no OnLoaded and no OnStarted. One whose guest can't be started
// has no OnStarted. OnEnded and OnCommitted are called for each attempt, and for a workload that ends without
// one.
package hooks
