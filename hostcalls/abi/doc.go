// Package abi defines the interface between the lifecycle of workloads and the ABIs that guests use.
//
// An [ABI] defines what its guests import and how they are entered. It loads a module as a [Program]. A
// [Process] is one run of a program. The reactor uses these three, and values that mean the same for
// every ABI ([Config], [Exit], [Description]); it does not know any ABI by name. The daemon chooses the
// ABIs when it starts.
//
// # Which ABI a module has
//
// The ABI is decided once, when the module is pushed: [Set.Load] asks one ABI after the other to load
// the module, and the [Kind] is recorded with it. After that, [Set.Of] finds the ABI by the kind.
//
// # Concurrency
//
// A Set does not change. The methods of an ABI and a Program may be called from any goroutine; only Load
// may block, while the module is compiled. [Process.Run] runs on the given fiber and never blocks its
// worker. The other methods of a Process may be called from any goroutine, at any time.
package abi
