// Package reactor runs WebAssembly modules as workloads: it takes them in, keeps them, starts them
// when there is room, lets clients look at them, talk to them and end them, and records how they
// ended. It is the library face of reactord: [New] makes a [Reactor], whose methods mirror the
// calls of the API one to one; package api has the types they take and return, which mirror its messages.
//
// # The life of a workload
//
// SubmitWorkload checks the spec and stores it; when it returns the workload is on disk and in the queue. The
// workload is started, fairly between tenants, when its module is compiled and the memory it starts with is free. Its
// guest then runs as a task of the executor until it ends. The end is recorded together with the rest of the log, and
// when that is committed, watchers and waiters are told. What a shutdown interrupts goes back to PENDING and is
// started anew by the next reactor: execution is at least once.
//
// A workload whose guest could not start because of a transient failure of the host goes back to PENDING too, and is
// tried again with growing delay; package internal/retry knows which failures are transient.
//
// The next daemon starts again what was running when a daemon died. If daemons die again and again, package
// internal/crash finds the workload that kills them and sets it apart.
//
// # Its parts
//
// The Reactor is a facade: it opens its parts, connects them, and its methods call them.
//
//	internal/submission  takes workloads in
//	internal/modules     takes modules in, and looks them up
//	internal/runner      runs workloads: queue, start, end
//	internal/observe     answers those who watch, read logs, attach, or ask what is waited for
//	internal/cancel      ends workloads for clients
//	internal/crash       finds the workload that kills the daemon
//	internal/retention   says which finished workloads may be forgotten
//
// The errors for what does not exist, is full or is closed are in internal/refusal.
//
// # Concurrency
//
// All methods of a Reactor may be called from any goroutine. A method that takes a context may block on the
// store or a compilation. CancelWorkloads, WaitWorkload, WatchWorkloads, ReadLogs, WatchStats, Shutdown and an
// Attachment may also wait for workloads or the client. Callbacks run on the caller's goroutine. The other
// methods do not block.
//
// The Reactor has no lock; each part has its own. Its own goroutines are the pruner, and after a death of the daemon
// the one that tries suspects apart. Shutdown waits for them and for those of the parts.
//
// # Hooks
//
// [Config.Hooks] are called in the course of each workload's life, without any lock: package hooks says when
// and on which goroutine. The trace that a submission names is stored with the spec but not covered by its hash, and
// is passed to the hooks.
//
// # Errors
//
// Errors that a client can act on are *errs.Error. A context that ended is reported as its own
// error, and an error of a callback as it is.
package reactor
