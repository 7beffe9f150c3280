// Package hostcalls is the boundary between guests and the host: how a host call waits, and what it
// waits for.
//
// A running program is a [Guest]. A [Call] is one activation of it, with the fiber it runs on. An [Op]
// describes a pending operation. The package does not know any ABI: those are in the packages below it,
// behind the interfaces of package abi. The capabilities of guests are in package capability.
//
// # Waiting
//
// A host call runs on its guest's fiber, on a worker that other guests need, so it never blocks. It
// tries; if it cannot proceed, it parks the fiber until it may try again:
//
//   - [Call.Await] waits for what can notify it when it is ready (a [Notifier]).
//   - [Call.Sleep] waits for a time.
//   - [Call.Blocking] runs a job that blocks on the driver's pool, and waits for it.
//
// # Concurrency
//
// A Guest is used from one fiber at a time, and a Call from its own fiber. Only [Call.AppendOps],
// [Call.LastCall] and [Call.Waits] may be called from any goroutine, at any time. A [Source], [Sink] or
// [Pipe] is used from the fiber at one end and from any goroutine at the other; their callbacks run on
// either and must not block.
//
// The package starts no goroutines. Its callbacks are called by the executor, by the executor's driver,
// or by the other end of a stream.
package hostcalls
