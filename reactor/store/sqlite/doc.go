// Package sqlite is the embedded engine of the store: one SQLite database in WAL mode, and a
// directory of blobs for the binaries of modules.
//
// # Group commit
//
// One goroutine, the writer, owns the only connection that writes. A commit costs one sync of the
// log however much is in it, so:
//
//  1. A call turns into an op and joins the queue. Submit waits for room first (QueueBytes);
//     Transition and AppendLog do not, for what they add is bounded by what was submitted.
//     A lazy transition does not wake the writer, see queue.
//  2. The writer takes what is in the queue, up to a bound, begins a transaction and applies the
//     ops in order. An op that is refused (stale, not found) leaves no trace and does not hinder
//     the others. Changes of one workload are gathered and written once, with the last state.
//  3. It commits. SQLite syncs the log (synchronous=FULL).
//  4. It publishes the revision, tells the observer, then finishes the ops in their order. While
//     step 3 lasted, the next batch has gathered.
//
// If step 2 or 3 fails, the transaction is rolled back and each op runs in one of its own, so
// that one that cannot be written takes no other with it; when many in a row have failed, the others
// are not tried, but for those that make room. Transitions that fail for a cause that can pass, such as
// a full disk, stay with the writer, in order, and are tried again: before each later batch, and after a
// delay that grows. All others fail: their callers are told. A later op of a workload whose op stays,
// stays behind it. Config.OnOutage is told when that begins and when it is over.
//
// Output does not stand in the queue with the rest: see queue. What the database may take is
// bounded in levels: see space.
//
// Rejected: a queue in front of each table, for the order of ops would be lost; several writers,
// for SQLite has one write lock, and waiting for it is slower than waiting in a queue; answering
// before the sync, for the answer would not be true.
//
// # Reading
//
// Reads have connections of their own, each used by one call at a time; they see the last commit
// and neither wait for the writer nor hold it up. Reads of single records, lists and logs have some
// each: see lanes. A call's work is bounded, so that a snapshot
// does not keep the log from being reset for long; its context is looked at between records.
//
// # Memory
//
// The pages that connections cache are given back when a burst is over: see shrink. The writer looks after
// its own, and a goroutine after those of the connections that read.
//
// # Tables
//
// The row of a workload has two checksums: one of what never changes, the spec in its own table
// included, and one of what transitions change. They are verified on every read. The spec is apart so
// that a transition does not rewrite it. Workloads are numbered in order of creation; that number
// is the rowid, and lists go by it. The rows of a log have the workload's number in the upper and
// their own in the lower bits of their rowid, so a log lies in one piece without an index.
//
// The numbers of workloads by module and state are kept in a table, changed in the same
// transaction, so that counting, and the question whether a module is in use, do not depend on how
// many workloads there are.
package sqlite
