// Package observe answers clients that look at workloads: it watches changes, reads logs, and connects clients to
// standard streams. It changes no workload, and knows only ids: functions passed to it find the rest.
//
// # Sources
//
// A watch reads changes from the feed, and from the store those that the feed no longer has. All watches share what
// is derived from a change (Change). A log is read from memory as long as it is there, else from the store. An attached
// client gets what the log kept from before, and then its own queue, which begins at that point of the
// log.
//
// # What may block
//
// Watch, ReadLog, Await, and Next and Write of an Attachment block while there is nothing to return or the client reads
// nothing, and end with their context. They call send on the caller's goroutine. No lock is held while they wait for a
// client or read the store. What a slow client holds is bounded: one batch of changes, or one read of a log.
package observe
