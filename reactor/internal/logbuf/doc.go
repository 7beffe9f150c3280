// Package logbuf holds what guests write until it is in the store.
//
// A [Log] belongs to one workload and keeps its output up to the workload's limit; the rest is
// counted and dropped. A [Spool] bounds the output that all logs together hold, and moves it to
// the store in batches.
//
// # What may block, and who owns what
//
// A guest's write never blocks and never waits for the disk: it appends to memory, or it is told
// that there is no room, and the guest parks until a batch is in the store. A log may hold as much as
// is free, so those that hold much wait before those that hold little: with n logs that are never
// satisfied, each has an n+1st of the memory, and an n+1st is left for the others. The spool owns one
// goroutine, which writes when output has waited for Config.Age, or when the memory is half full.
// Completions come on the store's goroutine and only move counters.
//
// Bytes are never changed once they were appended, so readers get them without a copy.
//
// Locks are taken in the order Log, Spool. Functions that were handed to Notify are called under
// the spool's lock.
//
// # How output gets to the store
//
//  1. Append puts it behind what the log holds, and the log on the spool's list.
//  2. The spool's goroutine takes the list, and hands a batch of each log to the store. One batch of
//     a log, of bounded size, is under way at a time; the rest waits for the next.
//  3. When the batch is stored the log forgets it. Readers find it in the store: base is where the
//     store ends and the log begins.
//  4. Seal ends the log. It waits, without blocking anyone, until no more than a batch is left, and
//     gives that out: it goes into the very commit that records the end of the workload. It stays
//     readable here until Release.
//
// A batch for which the store has no room stays with its log and is tried again when Config.Age has
// passed. Until one is taken, nobody waits for room in memory: output that finds none is counted
// and dropped, as what is over a log's limit is, or a guest would hang for as long as the disk is
// full. Config.OnDropping is told when that begins and when it ends.
package logbuf
