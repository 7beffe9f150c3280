// Package reactor runs WebAssembly modules as workloads: it takes them in, keeps them, starts them
// when there is room, lets clients look at them, talk to them and end them, and records how they
// ended. It is the library face of reactord: [New] makes a [Reactor], whose methods mirror the
// calls of the API one to one; package api has the types they take and return, which mirror its messages.
//
// # The life of a workload
//
// SubmitWorkload checks the spec and stores it; when it returns the workload is on disk. The
// store's observer queues it. The dispatcher takes it from the queue, fairly between tenants, when
// its module is compiled and the memory it starts with is free, and gives it to the executor as a
// task. On the task's fiber an abi.Process is made and runs the module. When it ends the outcome
// is classified, the finisher asks the store to record it together with the rest of the log, and
// when that is committed, watchers and waiters are told. What a shutdown interrupts goes back to
// PENDING and is started anew by the next reactor: execution is at least once.
//
// What the host fails for a reason that passes, before the guest has begun, goes back to PENDING too and
// is tried again with growing delay; package internal/retry knows which failures those are.
//
// What was running when a daemon died is started again by the next one; if that dies as well, what it dies
// of is found and set apart, as package internal/crash has it.
//
// What is started when is decided by package internal/schedule, a plain value that the dispatcher asks and everybody tells what
// happened. The stages in memory are those of package internal/lifecycle, which has the table of what may
// follow what. The comment on dispatch has the steps of a start, the one in run.go those of an end,
// the one in delay.go those of a wait for the host, the one in memory.go those of a guest that grows, the one on Shutdown those of a shutdown.
//
// # Its parts
//
// The Reactor is the edge: it has the mutex, the store, the engine and the goroutines, and does what its parts
// decide. Submissions are checked by intake, grant and permit, and become records by record. What is
// started when is decided by schedule; why an attempt ended is said by outcome. Modules are kept by
// modules, and those who watch, read logs or attach are answered by observe. What a client is told
// of all that is not there, full or closed is in refusal.
//
// # Concurrency
//
// All methods of a Reactor may be called from any goroutine. Those that take a context may block:
// on the store, on a compilation, and WaitWorkload, WatchWorkloads, ReadLogs, WatchStats and an
// Attachment for as long as the workload, or the client, takes. They call back on the caller's
// goroutine. The others do not block.
//
// A workload costs no goroutine but its fiber, and no channel unless someone waits for it. The
// Reactor owns these goroutines: the dispatcher, the finisher, the pruner, one for each module that
// is being loaded, that of the log spool, and after a death of the daemon the one that tries suspects
// apart. Shutdown waits for them all.
//
// One mutex guards what the Reactor knows of workloads, the scheduler with it. It is held for short stretches, also on
// workers and on the store's goroutine, and nothing that waits is called under it. Locks are taken
// in this order: terminal.Port, Reactor, logbuf.Log, logbuf.Spool.
//
// # Hooks
//
// [Config.Hooks] are called in the course of each workload's life, without the mutex: package hooks says when
// and on which goroutine. The trace that a submission names is kept in its record, beside the spec and no part
// of it, and is handed to them.
//
// # Errors
//
// Errors that a client can act on are *errs.Error. A context that ended is reported as its own
// error, and an error of a callback as it is.
package reactor
