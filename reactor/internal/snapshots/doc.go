// Package snapshots makes modules of what other modules have initialized.
//
// A snapshot is made in steps: a module is found and its probe loaded (package executor/engine/snapshot), an instance of
// the probe runs in a sandbox (hostcalls/abi.Sandbox) until the export that initializes it has returned, its state is
// made a module, and that is stored as a push of it would be.
//
// One sandbox runs at a time, with the memory of one workload, which is not the memory of workloads. It runs for a minute
// at most.
//
// Make may be called from any goroutine. It waits for other snapshots, for compilations and for the sandbox, and ends
// with its context.
package snapshots
