// Package runner runs workloads. It keeps every workload that has not ended in memory, starts it when the scheduler says
// so, and records in the store how it ended.
//
// # The life of a workload
//
//	queue.go     it is stored and queued, or taken up after a restart
//	dispatch.go  its turn comes: its module is loaded, its memory reserved, its task spawned
//	memory.go    its guest grows beyond what was reserved
//	end.go       its attempt ends, and that is recorded
//	cancel.go    it is told to end
//	delay.go     it met a transient failure of the host, and waits for the next attempt
//	trial.go     it may be what an earlier daemon died of, and is started apart
//	stop.go      the daemon shuts down
//
// Each file begins with the steps. Other packages look at workloads by their ids (look.go). The decisions
// are made elsewhere: package schedule decides which workload starts when, lifecycle which stage may follow which, and
// outcome how an attempt ended. Package attempt is one run.
//
// # Concurrency
//
// All methods may be called from any goroutine. WaitIdle, WaitServices, Unwind, Recover, Suspect and Close block; the others
// do not, except for mu, which is held briefly.
//
// A workload costs no goroutine but its fiber, and no channel unless someone waits for it. The Runner owns these
// goroutines, which Close ends: the dispatcher, the finisher, and one for each module that is being loaded. Only the
// dispatcher starts workloads, so the order in which they start is the scheduler's.
//
// One mutex guards what is known of workloads, and the scheduler. Workers and the store's goroutine take it too, so
// nothing that may wait is called while it is held; neither are hooks. Locks are taken in this order: terminal.Port,
// Runner, then feed.Feed, or logbuf.Log and logbuf.Spool, or those of the executor.
package runner
