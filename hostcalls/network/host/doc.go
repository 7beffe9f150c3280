// Package hostnet is the host's network, a network.Stack on the system's own sockets.
//
// A socket is a descriptor in non-blocking mode. A method makes one system call, seldom two, whatever is known of the
// socket's readiness; if the system would block, the method says so to the driver's Source, which notifies those who
// wait. A socket is registered with the driver when it connects or listens, or when it is accepted, so that a wait costs
// no system call.
//
// # Concurrency
//
// The methods of sockets may be called from any goroutine. They exclude each other, for as long as a system call that
// does not block takes: so Close never closes a descriptor that is in use. Only Lookup blocks. No socket has a goroutine.
package hostnet
