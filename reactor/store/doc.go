// Package store is what survives a crash: modules, tags, workloads and their logs.
//
// A [Store] is written by one reactor and promises it three things:
//
//   - What it acknowledged is on disk. Submit, the module calls and every done function report
//     only after the commit.
//   - Writes are ordered. Each change of a workload gets a revision, larger than every one
//     before; commits, done functions and the observer follow the order of revisions, and the
//     writes that one goroutine asks for are made in the order it asked, but for lazy ones, which
//     only those to the same workload wait for.
//   - The past does not overwrite the present. A [Transition] names the states it may leave and
//     the attempt it speaks for, and is refused with a [*StaleError] if either has moved on. The
//     attempt is the fencing token: it grows with every start of the workload.
//
// # Claims
//
// A workload is run by whoever holds the claim to it. Submit gives the claim to the submitter;
// Claim hands out those that nobody holds, which are the ones a former daemon left unfinished. A
// claim lasts until the workload is finished, put back, or the store is closed. An engine for
// several nodes backs claims by leases and renews them itself, so there is no heartbeat here: a
// lost claim shows as a [*StaleError].
//
// # Concurrency
//
// A Store may be used from any number of goroutines. Calls that take a context may block: the
// writes among them until their commit, and before that for room in the queue. Transition and
// AppendLog never block, because what they add is bounded by the workloads already let in. Done
// functions and the observer run on the engine's own goroutine, one at a time: they must not
// block and must not call back into the store, except for Transition and AppendLog.
package store
