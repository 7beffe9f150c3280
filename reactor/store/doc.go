// Package store defines what survives a crash of the daemon: modules, tags, workloads and their logs.
//
// A [Store] is written by one reactor and promises it three things:
//
//   - What it acknowledged is on disk. Submit, the module calls and every done function report
//     only after the commit.
//   - Writes are ordered. Each change of a workload gets a revision, larger than all before. Commits, done
//     functions and the observer follow the order of revisions. The writes of one goroutine to one workload are
//     made in the order in which it asked for them. A lazy transition may be committed after later writes to
//     other workloads.
//   - Old writes do not overwrite newer state. A [Transition] names the states it may leave and the attempt
//     it belongs to, and is refused with a [*StaleError] if either has moved on. The attempt is the fencing
//     token: it grows with every start of the workload.
//
// # Claims
//
// A workload is run by whoever holds the claim to it. Submit gives the claim to the submitter. Claim hands out the
// workloads that nobody holds, which are those that an earlier daemon left unfinished. A claim lasts until the
// workload is finished or put back, or the store is closed. An engine for several nodes would back claims with leases
// and renew them itself, so there is no heartbeat here: a lost claim shows as a [*StaleError].
//
// # Concurrency
//
// A Store may be used from any number of goroutines. Calls that take a context may block: writes until their
// commit, and before that for room in the queue. Transition and AppendLog never block, because the number of
// admitted workloads bounds what they can queue. Done functions and the observer run on the engine's own goroutine, one
// at a time: they must not block, and must not call the store except for Transition and AppendLog.
package store
