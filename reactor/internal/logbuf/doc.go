// Package logbuf holds the output of guests until it is in the store.
//
// A [Log] belongs to one workload and keeps its output up to the workload's limit; the rest is
// counted and dropped. A [Spool] bounds the output that all logs hold together, and moves it to
// the store in batches.
//
// # What may block, and who owns what
//
// A guest's write never blocks and never waits for the disk. It appends to memory, or it finds that there is no
// room, and the guest parks until a batch is in the store. A log may hold as many bytes as are free for all logs, so
// the largest log is the first to wait: with n logs that always want more, each has 1/(n+1) of the memory, and
// 1/(n+1) is left for the others. The spool owns one goroutine, which writes when output has waited for Config.Age, when a
// log holds 64 KiB, or when the memory is half full. Completions run on the store's goroutine and only move counters.
//
// Bytes never change once they were appended, so readers get them without a copy.
//
// Locks are taken in the order Log, Spool. Functions passed to Notify are called under the spool's lock.
//
// # How output gets to the store
//
//  1. Append adds output to what the log holds, and the log to the spool's list.
//  2. The spool's goroutine takes the list, and writes a batch of each log to the store. One batch of
//     a log, of bounded size, is in flight at a time; the rest waits for the next.
//  3. When the batch is stored the log forgets it, and readers find it in the store: base is where the
//     store's part ends and the log's part begins.
//  4. Seal ends the log. It does not block: when at most one batch is left, it, or later the store's goroutine, calls
//     the caller's function with that batch. The caller stores the batch in the very commit that records the end of the
//     workload. It stays readable here until Release.
//
// A batch that the store has no space for stays with its log and is tried again after Config.Age. Until the store
// accepts one, no guest waits for room in memory: output that finds none is counted and dropped, as output over a
// log's limit is; otherwise guests would hang for as long as the disk is full. Config.OnDropping is called when that
// begins and when it ends.
package logbuf
