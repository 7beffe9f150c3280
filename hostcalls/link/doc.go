// Package link lets a component call functions that other workloads of the daemon export.
//
//	Offers    the workloads that offer their functions, by tenant and id
//	Peer      a workload among the others of its tenant
//	Provider  what a workload offers
//	Exports   its functions, by the names under which others import them
//	Link      what a workload imports from another one
//
// # How a call goes
//
// The caller's store reads the arguments out of its component's memory, and hands them to the Provider that the workload offers now.
// The provider has a function of its component called with them, on a fiber of its own, and answers from there. What is on the way is
// values as trees (package value): the arguments count as memory of the caller until the call is over, the result as memory of the
// provider until the caller has taken it.
//
// A provider is looked for at each call, and its types are compared when it is another one than before: a workload may have ended, and
// another attempt of it offers the functions.
//
// # Concurrency
//
// Offers and Peer may be used from any goroutine, and do not block. An Exports does not change. A Link is used by one goroutine at a
// time.
package link
