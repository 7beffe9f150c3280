// Package submission takes workloads in: it checks what clients send, reserves a place in the queue for each submission,
// and stores it. When Submit returns, the workloads that it created are on disk and in the queue.
//
// A submission passes, in this order: the checks of the spec itself (package intake), of its module, of the node's
// memory and of its grants; the queue; the store. A submission that is refused does not affect others in its batch.
// Before it is refused its id is looked up, since a submission that was acknowledged may be repeated at any time.
//
// A Pipeline may be used by any goroutine. Submit may block on the store, and on the file systems of granted folders. It
// holds no lock.
package submission
