// Package hostcalls is the guest boundary: what a guest waits for ([Op]), and how a host call waits
// ([Call]). It knows of no particular ABI; those are in packages below, behind the seam of package abi. What
// a guest may have is in package capability.
//
// A host call runs on its guest's fiber, and the fiber on a worker that other guests need. So no
// host call blocks. It tries, and if what it needs is not there it parks the fiber until it is told
// to try again: [Call.Await] for what can tell when it is ready ([Notifier]), [Call.Sleep] for
// time, and [Call.Blocking] for work that the operating system can only do blockingly, which goes
// to the driver's pool.
//
// A program that runs is a [Guest], which is what its calls share and are paid for from, and a Call for each time
// that it is entered. A Guest is used from one fiber at a time, a Call from its own; [Call.Ops] alone may be
// called from other goroutines, at any time.
// [Source], [Sink] and [Pipe] are used from the fiber at one end and from any goroutine at the
// other; their callbacks come from either and must not block.
//
// The package starts no goroutines. Those that run its callbacks belong to the executor, to the
// executor's driver, or to whoever is at the other end of a stream.
package hostcalls
