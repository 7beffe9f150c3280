// Package wasip1 is WASI preview 1: the host module wasi_snapshot_preview1, and the process that a
// guest which imports it runs as.
//
// [New] makes the ABI of a node, which package abi says the rest of. A [Process] is one run of a program: its
// arguments, its descriptors, its pending operations. It is the context that wazero passes to every
// host function, which is how a function finds the process that calls it.
//
// # What may wait, and how
//
// Everything here runs on the guest's fiber, which is on an executor's worker, and nothing blocks
// the worker. A call that has to wait (a sleep, a poll, a read of what is not there yet, work on
// files) parks the fiber, by the methods of [hostcalls.Call]. If the guest is cancelled meanwhile
// the call does not return: it ends the guest with the cause, by [engine.Abort]. A call that does
// not have to wait is bounded: in bytes (a stream moves 64 KiB at most at a time), in buffers (1024),
// in subscriptions (abi.Config.PendingOps). What it costs is charged to the guest as fuel before it is done,
// piece by piece, and between the pieces the worker is given up when the quantum is spent.
//
// # Guest memory
//
// A guest that is parked changes nothing, and nothing else changes its memory. Even so no slice of
// it is kept while the fiber is parked, and jobs on the blocking pool, which may outlive the guest,
// never get one. All access goes through type memory, which checks it. Results are checked to be
// writable before a call has any effect.
//
// # Rights
//
// Descriptors carry the rights of preview 1, and calls check them. A call of the wrong kind of
// descriptor is told so (errno notsock, spipe, notdir) in preference to a right it lacks for it.
//
// Specification: wasi_snapshot_preview1.witx and typenames.witx in the WASI repository, branch
// wasi-0.1. Where these say nothing, POSIX decides, and then what the libraries of guest languages
// rely on.
package wasip1
