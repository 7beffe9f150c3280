// Package sqlite is the embedded engine of the store: one SQLite database in WAL mode, and a
// directory of blobs for the binaries of modules.
//
// # Group commit
//
// One goroutine, the writer, owns the only connection that writes. A commit costs one sync of the
// WAL however much it contains, so writes are committed in batches:
//
//  1. A call becomes an op and joins the queue. Submit first waits for room (QueueBytes). Transition and
//     AppendLog do not, since the number of admitted workloads bounds what they can queue. A lazy transition does
//     not wake the writer: see queue.
//  2. The writer takes what is in the queue, up to a bound, begins a transaction and applies the
//     ops in order. An op that is refused (stale, not found) leaves no trace and does not affect
//     the others. Changes of one workload are collected and written once, with the last state.
//  3. The writer commits. SQLite syncs the WAL (synchronous=FULL).
//  4. It publishes the revision, calls the observer, then finishes the ops in their order. The next batch
//     has gathered during step 3.
//
// If step 2 or 3 fails, the transaction is rolled back and each op runs in a transaction of its own, so
// an op that can't be written fails alone. After 16 transient failures in a row the rest count as failed without being
// tried, except for ops that free space. Transitions that failed for a transient cause, such as a full disk, are postponed, in order,
// and tried again: before each later batch, and after a delay that grows. Later transitions of the same workload are
// postponed behind them. All other failed ops fail for their callers, and so do later appends to the log of such a
// workload. Config.OnOutage is called when such a failure begins and when it is over.
//
// Output does not wait in the queue with the other ops: see queue. The size of the database is
// bounded in levels: see space.
//
// Rejected: a queue for each table, which would lose the order of ops; several writers, since SQLite has one
// write lock, and waiting for it is slower than waiting in a queue; answering before the sync, since the
// answer would not be true.
//
// # Reading
//
// Reads have connections of their own, each used by one call at a time. They see the last commit, and neither
// wait for the writer nor delay it. Single records, lists and logs have separate connections: see lanes. Each call
// does a bounded amount of work, so that its snapshot does not hold up WAL checkpoints for long, and checks its
// context between records.
//
// # Memory
//
// The pages that connections cache are freed when a burst is over: see shrink. The writer shrinks its own
// connection, and a goroutine shrinks the reading ones.
//
// # Tables
//
// The row of a workload has two checksums: one of what never changes, including the spec in its own table, and
// one of what transitions change. They are verified on every read, the first only together with the spec. The spec is
// separate so that a transition does not rewrite it. Workloads are numbered in order of creation; that number
// is the rowid, and lists are ordered by it. The rowids of log rows have the workload's number in the upper bits and
// the row's own number in the lower bits, so a log lies in one piece without an index.
//
// The numbers of workloads by module and state are kept in a table that is changed in the same
// transaction, so the cost of counting, and of checking whether a module is in use, does not depend on how
// many workloads there are.
package sqlite
