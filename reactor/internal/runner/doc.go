// Package runner runs workloads. It keeps every workload that has not ended in memory, starts it when the scheduler says
// so, and records in the store how it ended.
//
// # The life of a workload
//
//	queue.go     it is stored and queued, or taken up after a restart
//	dispatch.go  its turn comes: its module is loaded, its memory reserved, its task spawned
//	memory.go    its guest grows beyond what was reserved
//	end.go       its attempt ends, and that is recorded
//	delay.go     it met a passing failure of the host, and waits for the next attempt
//	trial.go     it may be what an earlier daemon died of, and is started apart
//	stop.go      the daemon shuts down
//
// Each file begins with the steps. Other packages look at workloads and cancel them by their ids (look.go). The decisions
// are made elsewhere: package schedule decides which workload starts when, lifecycle which stage may follow which, and
// outcome how an attempt ended. Package attempt is one run.
//
// # Concurrency
//
// All methods may be called from any goroutine. WaitIdle, Unwind, Recover and Close block; the others do not, but for
// mu, which is held for short stretches.
//
// A workload costs no goroutine but its fiber, and no channel unless someone waits for it. The Runner owns these
// goroutines, which Close ends: the dispatcher, the finisher, and one for each module that is being loaded. Only the
// dispatcher starts workloads, so the order in which they start is the scheduler's.
//
// One mutex guards what is known of workloads, the scheduler with it. It is held on workers and on the store's
// goroutine too, and nothing that waits is called under it. Locks are taken in this order: terminal.Port, Runner,
// logbuf.Log, logbuf.Spool. Hooks are called without it.
package runner
