// Package calls calls functions of components for clients that wait for the result. Each call has an instance of its own, and
// nothing of it is stored: it is the short way of what a workload with a call is.
//
// # Concurrency
//
// A [Caller] is safe for concurrent use. Call blocks until the function has returned, or its client has gone and the guest has been
// unwound. Calls run on the executor and are as fair between tenants as workloads are. The number of calls and the memory
// of their guests are bounded; what is beyond is refused at once.
package calls
