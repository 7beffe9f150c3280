// Package client sends the HTTP requests of one workload over net/http.
//
// Each request is sent by a grant, which [Access] has found to cover it, and ends when that is revoked. Redirects are answers like
// others: the component follows them, or not, by another request, which Access decides about anew. Where a name leads is looked up
// for each connection, and Access decides about each address.
//
// # Concurrency
//
// A Client may be used from any goroutine, and by all instances of its workload. A request has a goroutine until it is answered,
// and another one while its response's body is read; net/http has two for each connection. Close ends them.
//
// # Bounds
//
// There are MaxRequests at a time, whose responses' bodies count until they have ended, and as many connections as the workload may
// have, of which each takes a descriptor of the daemon's Budget, idle ones included. Those are few, and end after a while. Bytes
// are counted, and wait for the workload's rate, as those of its sockets do.
package client
