// Package network gives guests the network, in terms that every ABI has.
//
// A [Stack] makes sockets: the host's own, or one in memory (package networktest) that can be told to fail. Both pass the
// same tests. A [Network] is what one process sees of a stack: it opens the sockets that the process's grants allow
// ([Access]), and counts and bounds what it sends and receives ([Traffic]). [Dial] and [ClientTLS] open what a grant
// hands over, and [Pair] and [Listener] are sockets between guests; [Network.Adopt] makes them the process's own.
//
// [Peers] connects processes to each other, in memory: by the names of their listeners, or at the addresses of TCP that they serve
// at ([Served]), where package net/http has both ends.
//
// # Waiting
//
// No method of a socket blocks. What can't be done yet returns hostcalls.ErrWouldBlock, and Notify reports when it is
// worth another try. Only the functions that take a *hostcalls.Call wait; they park its fiber.
//
// # Concurrency
//
// A Network and its sockets are used from one fiber at a time. The exceptions are callbacks of Notify, which are called
// from any goroutine, Close, which may be called from any goroutine while other methods run (a revocation does it), and
// the counts of Traffic. A callback of Notify may be called while the socket holds its locks, so it does no more than
// wake somebody.
package network
