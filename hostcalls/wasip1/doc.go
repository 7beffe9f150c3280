// Package wasip1 implements WASI preview 1: the host module wasi_snapshot_preview1, and the process that
// runs a guest which imports it.
//
// [New] makes the ABI of a node; package abi says what that is. A [Process] is one run of a program, with
// its arguments, descriptors and pending operations. It is the context that wazero passes to every host
// function, which is how a function finds its process.
//
// # Waiting and charging
//
// Everything here runs on the guest's fiber, on a worker of the executor, and nothing blocks the worker.
// A call that has to wait (a sleep, a poll, a read without data, work on files) parks the fiber by the
// methods of [hostcalls.Call]. If the guest is cancelled meanwhile, the call does not return: it ends the
// guest with the cause, by [engine.Abort].
//
// A call that does not wait is bounded: in bytes (a stream moves at most 64 KiB at a time), in buffers
// (1024), in subscriptions (abi.Config.PendingOps). Its cost is charged to the guest as fuel in advance,
// piece by piece. Between pieces the worker is given up if the quantum is spent.
//
// # Guest memory
//
// While a guest is parked, nothing changes its memory. Even so, no slice of it is kept while the fiber is
// parked, and jobs on the blocking pool never get one, since they may outlive the guest. All access goes
// through type memory, which checks bounds. A call checks that its results can be written before it has
// any effect.
//
// # Rights
//
// Descriptors carry the rights of preview 1, and calls check them. If a descriptor is of the wrong kind,
// the call returns the errno for that (notsock, spipe, notdir), even if a right is missing as well.
//
// # Sockets
//
// A socket is one of the process's [network.Network], whether it was granted or opened by the guest. What the guest opens
// may reach what the network's access allows; this is asked with every address, not when the socket is made.
//
// # Specification
//
// wasi_snapshot_preview1.witx and typenames.witx in the WASI repository, branch wasi-0.1. Where these
// leave something open, POSIX decides, and then what the libraries of guest languages rely on. The functions that open
// sockets are those of WasmEdge (wasimodule.cpp there), in both versions.
package wasip1
