// Package submission takes workloads in: it checks what clients send, gives each submission its place in the queue, and
// stores it. When Submit returns, what it created is on disk and in the queue.
//
// In order: the spec itself (package intake), its module, the node's memory, its grants, a place in the queue, the
// store. A submission that is refused leaves the others of its batch alone.
//
// A Pipeline may be used by any goroutine. Submit blocks on the store, on a compilation if the module has just been
// pushed, and on the file systems of folders that are granted. It holds no lock.
package submission
