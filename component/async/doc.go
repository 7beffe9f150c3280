// Package async is the concurrency of the component model as a state machine: which call may run, what it waits for, and
// which events it gets. It has no stacks, no memories and no values: a driver runs guest code, moves items, and tells
// the machine what happened.
//
//	Store      what may run next, fairly between instances
//	Instance   a component instance: its gate, and who holds exclusive
//	Call       one activation of an export (the specification's task), with its thread
//	Subtask    the caller's view of a call
//	Set        a waitable set
//	End        one end of a stream or future
//
// The driver's loop takes a thread from [Store.Next], calls [Thread.Resume], and runs what that says. A thread without frames is a
// call that is to begin, or a callback that is to get an event. One with frames has begun a wait before, by [Thread.Yield] or one
// of the Await methods, and goes on after it. Nobody is called back, but for [Lender].
//
// What breaks a rule of the model is a [Trap]: the guest is at fault, and its store ends.
//
// # Concurrency
//
// A Store and everything in it belong to one goroutine at a time. No method blocks or runs guest code. Each takes constant
// time, whatever guests have made, so that a driver can charge for it beforehand; Next and NextBegun also pass over threads that
// were ready and are no longer, once for each time that an operation has made one ready.
//
// # Specification
//
// CanonicalABI.md and canonical-abi/definitions.py of WebAssembly/component-model as of November 2026, with #705, #715, #716,
// #719, #720, #721 and #726 applied. Threads other than a call's own are not here. Where the specification leaves the order open it
// is first come, first served.
package async
