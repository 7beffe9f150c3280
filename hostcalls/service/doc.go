// Package service serves HTTP by a component, as a process: requests come from a listener and go to instances of the component, of
// which there are several. Calls of other workloads are served in the same way.
//
//	Services    makes the processes; it finds the handlers among the exports of components by a function it is given
//	supervisor  the process: it opens the listener, has the instances, and ends them
//	edge        the listener and its connections: a server of package net/http
//	conn        a connection: TLS, and what a client of HTTP/2 may send for nothing
//	deadline    a deadline of a connection, which is moved often and set rarely
//	pool        decides which instance a request gets; a plain value, by a Policy. queue: who is next
//	ledger      divides the workload's memory among the instances and the connections
//	instance    a store of the component, with a task of its own
//	request     a request on its way: it waits, an instance has it, its answer goes out
//	called      a call of another workload, as a request
//	slow        clients that keep instances from others
//	upload      its body; response: what goes out
//
// # How a request goes
//
//  1. The edge accepts a connection when there is room for it: a socket of the workload, a descriptor, memory. Package net/http reads
//     the head of the request, and calls serveHTTP on the connection's goroutine.
//  2. The pool gives the request an instance, has one made, lets it wait, or refuses it.
//  3. A job of the instance's store calls the handler of the component, on the store's fiber.
//  4. The goroutine waits for the answer and the client. If there is no answer when the request is to be over, tend gives one: one
//     timer does that for all. The goroutine sends the head and the body, as it comes, and the trailers. What the component reads of
//     the request's body another goroutine reads from the connection.
//  5. The instance has the request until the handler has exited and both bodies have ended. Then it can get another one.
//  6. A request that nobody waits for any more is cancelled in the component, which has some time to end it. Otherwise its instance is
//     ended, as soon as it has no others, or does nothing but compute for this one: a job that is not done shows that. A component
//     that traps because of a cancel gets no other one: the trap fails the requests that others wait for.
//  7. While requests wait for an instance, those of the slowest clients are broken off. What counts is the time that somebody has waited
//     for the client, beyond what a minimal rate allows.
//  8. A store computes for one request at a time, and a component may wait so that no other call begins. Requests that it does not begin
//     with meanwhile are taken back, if another instance may begin with them, and are not lost if the instance ends.
//
// A call of another workload comes without a connection, by [supervisor.Call], and has no goroutine: its answer is told from the
// instance's fiber. It has no deadline before it has returned, and then one that is moved as long as its streams and futures move
// something. To the pool it is a request: the instance has it until it has exited and they have ended.
//
// # Concurrency
//
// What belongs to a supervisor is guarded by its mu: the pool, the requests, what is known of the instances. A ledger and an edge
// have locks of their own. No lock is held while a component runs, and none while a connection is read or written. Turn is called on
// the process's fiber, jobs and their callbacks on those of the instances, serveHTTP on the goroutines of connections; everything
// else on any of them.
package service
