// Package engine compiles WebAssembly modules and runs instances of them.
//
// It is wazero plus what reactord adds to it: the metering pass (package meter) between the module
// and the compiler, a bounded pool of compilers, caches of machine code in memory and on disk, and
// linear memories of its own (package memory). Each module has a wazero runtime of its own.
//
//	Engine    compiles and caches; Load returns a Module
//	Module    a compiled module; Instantiate returns an Instance
//	Instance  runs guest code by Start and Call, on behalf of a Host
//
// # Concurrency
//
// Engine and Module are safe for concurrent use. Load and Close may take seconds and must not be
// called on a worker of an executor.
//
// An Instance belongs to one goroutine at a time, the fiber of its guest. Module.Instantiate must be
// called on that fiber too. It and the methods of an Instance block only in Host.Preempt, in
// InstanceConfig.Offload, in Allowance.Ask, or in a host function.
//
// # Ownership
//
// The caller of Load must Release the Module. An Instance holds its module, so the Module may be
// released while instances of it run. Close of an Instance frees its memory at once, not when the
// collector runs. The engine runs a goroutine for each load; Engine.Close waits for them.
//
// # How a guest ends
//
// Call returns one of these:
//
//   - nil, when the function returned
//   - the error that was passed to Abort, or that Host.Preempt returned
//   - a *Trap, when the guest did what WebAssembly forbids
//   - an *InternalError, when the host is at fault, for example by a panic in a host function
//
// No error affects another instance. After an error only Close may be called on this one.
package engine
