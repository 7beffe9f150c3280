// Package link lets a component call functions that other workloads of the daemon export.
//
//	Offers    the workloads that offer their functions, by tenant and id
//	Peer      a workload among the others of its tenant
//	Provider  what a workload offers
//	Exports   its functions, by the names under which others import them
//	Link      what a workload imports from another one
//	Parcel    values on their way, with the streams and futures in them
//	Stream    what carries one stream or future: a bounded buffer between two stores
//
// # How a call goes
//
// The caller's store reads the arguments out of its component's memory, and hands them to the Provider that the workload offers now.
// The provider has a function of its component called with them, on a fiber of its own, and answers from there. What is on the way is
// values as trees (package value): the arguments count as memory of the caller until the call is over, the result as memory of the
// provider until the caller has taken it.
//
// # How a stream goes
//
// Each stream and future in a value is a Stream beside it, which one store writes and the other one reads, on their own fibers. It has what
// was written and not read: bytes in one piece, and other items as values, with the Streams in them. Each side wakes the other one, by a
// function that leaves a note, when that waits. What is in it counts as memory of the store that writes, until the other one adopts what
// is left at the end. Whoever has a Parcel delivers it or discards it, so that no side waits for one that nobody has.
//
// A provider is looked for at each call, and its types are compared when it is another one than before: a workload may have ended, and
// another attempt of it offers the functions.
//
// # Concurrency
//
// Offers, Peer and Stream may be used from any goroutine, and do not block. An Exports does not change. A Link is used by one goroutine at
// a time, and so are a Parcel and each side of a Stream. A Stream's lock is held while bytes are copied, and while the other side is
// woken; no other lock of the package is taken then.
package link
