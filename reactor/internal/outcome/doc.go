// Package outcome says how an attempt ended. It turns what the fiber returned, or why it could not be started, into a
// state, a reason and a message that names what the user can change. It also distinguishes transient failures of the
// host, after which the workload is started again, from permanent ones.
//
// Everything is pure, and may be called from any goroutine.
package outcome
