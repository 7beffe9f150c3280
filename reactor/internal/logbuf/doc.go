// Package logbuf holds the output of guests until it is in the store.
//
// A [Log] belongs to one attempt of a workload. It keeps the beginning of the workload's output and the newest
// ([Window]); what lies between is cut out and counted. Positions count all that the workload's attempts wrote. A
// [Spool] bounds the output that all logs hold together, and moves it to the store in batches.
//
// # What may block, and who owns what
//
// A guest's write never blocks and never waits for the disk. It appends to memory, or it finds that there is no
// room, and the guest parks until a batch is in the store. A log may hold as many bytes as are free for all logs, so
// the largest log is the first to wait: with n logs that always want more, each has 1/(n+1) of the memory, and
// 1/(n+1) is left for the others. Those that wait are in the order of what they hold, so giving room back takes time for
// the guests that it wakes, however many wait on (BenchmarkRelease). A log that is over its window, since its workload has
// written more than is kept, does not wait but drops the oldest of what it holds; such logs share half of the memory in the
// same way.
//
// The spool owns one goroutine, which writes when output has waited for Config.Age, when a
// log holds 64 KiB, or when the memory is half full. Completions run on the store's goroutine and only move counters.
//
// Bytes never change once they were appended, so readers get them without a copy; but a log that is over its window uses
// its buffers again, and its readers get copies.
//
// Locks are taken in the order Log, Spool. Functions passed to Notify are called under the spool's lock.
//
// # How output gets to the store
//
//  1. Append adds output to what the log holds, and the log to one of the spool's lists.
//  2. The spool's goroutine takes a list, and writes a batch of each log to the store. One batch of
//     a log, of bounded size, is in flight at a time; the rest waits for the next. Of a log that is over its window
//     little is written at a time (pacedBatch); the rest waits until newer output takes its place, or the log ends. The
//     beginning is always stored.
//  3. When the batch is stored the log forgets it, and readers find it in the store: Extent.Stored is where the
//     store's part ends and the log's part begins.
//  4. Seal ends the log. It does not block: when at most one batch is left, it, or later the store's goroutine, calls
//     the caller's function with that batch. The caller stores the batch in the very commit that records the end of the
//     workload. It stays readable here until Release.
//
// A batch that the store has no space for stays with its log and is tried again after Config.Age. Until the store
// accepts one, no guest waits for room in memory: output that finds none is counted and dropped; otherwise guests would
// hang for as long as the disk is full. Config.OnDropping is called when that begins and when it ends.
package logbuf
