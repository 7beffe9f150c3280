// Package engine compiles WebAssembly modules and runs instances of them.
//
// An Engine is wazero, a runtime for each module, with what reactord adds to it: the metering
// pass (package meter) between the module and the compiler, a bounded pool of
// compilers, caches of machine code in memory and on disk, and linear memories
// of its own (package memory). Load gives a Module, Module.Instantiate an
// Instance, and Instance.Start and Instance.Call run it on behalf of a Host.
//
// # Who calls what
//
// Engine and Module are safe for concurrent use. Load and Close may
// take seconds and must not be called on a worker of an executor. An Instance
// belongs to one goroutine at a time, the fiber of its guest, on which Module.Instantiate
// must be called too; these never block, other than by what Host.Preempt, InstanceConfig.Offload and
// host functions do.
//
// # Who owns what
//
// Whoever Loads a Module Releases it. An Instance holds its module, so the
// Module may be released while instances of it run. Close of an Instance frees
// its memory at once, not when the collector comes around. Goroutines are those
// of compilations; Close waits for them.
//
// # What ends a guest
//
// Call returns nil, the error that was given to Abort or that Preempt returned,
// a *Trap for what WebAssembly forbids, or an *InternalError for a fault on
// this side, a panic in a host function for one. Whatever it was, nothing of it
// reaches another instance; this one is only good for Close from then on.
package engine
