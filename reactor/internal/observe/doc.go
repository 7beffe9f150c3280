// Package observe answers clients that look at workloads: it watches changes, reads logs, and connects clients to
// standard streams. It changes no workload. It names workloads by their ids: [Workloads] finds their attempts, logs and
// ports.
//
// # Sources
//
// A watch reads changes from the feed, and from the store those that the feed no longer has. All watches share what
// is derived from a change (Change). A log is read from memory as long as it is there, else from the store. An attached
// client gets what the log has from before it attached, and then its own queue, which begins where that ends.
//
// # What may block
//
//   - Watch, ReadLog, Await and Attachment.Next block while there is nothing to return, Attachment.Write while the guest
//     has enough input.
//   - Watch and ReadLog call send on the caller's goroutine, which may block while the client reads nothing.
//
// All end with their context. No lock is held while they wait or read the store. What a slow client holds is bounded:
// one batch of changes, or one read of a log.
package observe
