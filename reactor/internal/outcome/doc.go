// Package outcome says how an attempt ended: what its fiber returned, or why it could not be started, turned
// into a state, a reason and a message that name what the user can change. It also tells failures of the host that
// pass, after which the workload is started anew, from those that last.
//
// All of it is pure, and may be called from any goroutine.
package outcome
