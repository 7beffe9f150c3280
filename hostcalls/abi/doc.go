// Package abi is the seam between the lifecycle of workloads and the interfaces by which guests and the
// host talk. An [ABI] says what guests of it import and how they are entered. It loads modules as
// [Program]s, and a [Process] is one run of a program. Who keeps workloads knows these three, values
// that mean the same for every ABI ([Config], [Exit], [Description]), and no ABI by name; which there
// are is decided where a daemon is put together.
//
// # Which ABI a module has
//
// That is decided once, when the module is pushed: [Set.Load] asks one ABI after the other to load it,
// and the [Kind] of the one that does is recorded with the module. From then on [Set.Of] finds the ABI by
// the kind.
//
// # Concurrency
//
// A Set does not change. The methods of an ABI and of a Program are for any goroutine, and only Load may
// block: for as long as the module is compiled. [Process.Run] runs on the fiber that it is given and
// never blocks the worker below it; what else a Process has may be called by any goroutine, at any time.
package abi
