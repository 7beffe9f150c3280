// Package service serves HTTP by a component: requests come from a listener and go to instances of the component, of which there
// are several.
//
//	Policy  how many instances there are, and for how many requests
//	pool    decides which instance a request gets; a plain value
//	ledger  divides the workload's memory among the instances and the connections
//
// # Concurrency
//
// A pool is guarded by whoever has it. A ledger and its shares may be used from any goroutine, and never block.
package service
