// Package network gives guests the network, in terms that every ABI has.
//
// A [Stack] makes sockets: the host's own, or one in memory (package networktest) that can be told to fail. Both pass the
// same tests. A [Network] is what one process sees of a stack: it opens the sockets that the process's grants allow
// ([Access]), and counts and bounds what it sends and receives ([Traffic]).
//
// # Waiting
//
// No method of a socket blocks. What can't be done yet returns hostcalls.ErrWouldBlock, and Notify reports when it is
// worth another try. Only the methods of Network that take a *hostcalls.Call wait; they park its fiber.
//
// # Concurrency
//
// A Network and its sockets are used from one fiber at a time. The exceptions are callbacks of Notify, which are called
// from any goroutine, Revoke and Close, which may be called from any goroutine, and the counts of Traffic.
package network
