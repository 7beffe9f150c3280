// Package observe answers those who look at workloads: it watches their changes, reads their logs, and connects
// clients to their standard streams. It changes no workload and knows none by more than its id; where
// things are is passed in.
//
// # Where what is read
//
// A watch takes changes from the feed, and what the feed does not have any more from the store. The watches
// of one change share what is made of it (Change). A log is read from memory as long as it is there, else
// from the store. An attached client gets what the log kept from before it came, and then its own queue,
// which begins where the log was then.
//
// # What may block
//
// Watch, ReadLog, Await, and Next and Write of an Attachment block for as long as there is nothing, or the client takes
// nothing, and end with their context. They call send on the caller's goroutine. No lock is held while a
// client is waited for or the store is read. What a slow client holds is bounded: one batch of changes,
// or one read of a log.
package observe
