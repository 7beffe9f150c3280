// Package engine compiles WebAssembly modules and runs instances of them.
//
// It is wazero plus what reactord adds to it: the metering pass (package meter) between the module
// and the compiler, a bounded pool of compilers, caches of machine code in memory and on disk, and
// linear memories of its own (package memory). Each module has a wazero runtime of its own.
//
//	Engine    compiles and caches; Load returns a Module
//	Module    a compiled module; Instantiate returns an Instance
//	Instance  runs guest code by Start and Call, on behalf of a Host
//	Group     core instances that are linked with each other, on behalf of a Host; see below
//
// # Groups
//
// A guest that consists of several modules is a Group of core instances. They have one memory account, one fuel counter, one
// bound of the call stack and one Host, which is the context of every host function. How a module is linked is decided when it
// is loaded: its Linking has, for each import, the ordinal of a provider and the name of the export there. The instances are
// made in order, each with its providers, which are core instances made before, host modules, or a ContextStorage:
//
//	host, err := engine.NewHostModule("canon", functions)                // once, for all groups
//	main, err := engine.LoadLinked(ctx, digest, engine.Linking{          // once, shared like every Module
//		{Provider: 0, Name: "malloc"},
//		{Provider: 1, Name: "now", Host: true},
//	}, read)
//	group, err := engine.NewGroup(config)                                // for each guest, on its fiber
//	group.Refill(quantum)                                                // start functions burn fuel
//	libc, err := group.Instantiate(libcModule)
//	app, err := group.Instantiate(main, libc, host)
//	run := app.Function("run")                                           // keep it: it has the handles
//	err = run.Call(stack)                                                // also from within a host function
//	group.Close()
//
// What an owner keeps of such a whole is the content of a Composite, which holds the modules while nobody uses it. The table of
// compiled modules, which bounds what is idle and all memory, has it as one.
//
// A Linking has ordinals among the module's own providers, so that a module that is linked alike in different wholes is
// compiled once.
//
// # Concurrency
//
// Engine and Module are safe for concurrent use. Load and Close may take seconds and must not be
// called on a worker of an executor.
//
// An Instance belongs to one goroutine at a time, the fiber of its guest. Module.Instantiate must be
// called on that fiber too. It and the methods of an Instance block only in Host.Preempt, in
// InstanceConfig.Offload, in Allowance.Ask, or in a host function. The same holds for a Group and its instances and
// functions. A guest may have several fibers, of which one runs at a time: a call of a function may wait in a host function
// while others of the group are called. A HostModule is safe for concurrent use.
//
// # Ownership
//
// The caller of Load must Release the Module. An Instance or Group holds its modules, so a Module may be
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
