// Package equip gives the process of a guest what its grants are for: the grants themselves, a lease of each, and its part of the
// network. Workloads and calls without one get the same by it.
//
// # Concurrency
//
// [Host.Give] is called once for each process, before it is made. What it returns may be used by any goroutine.
package equip
