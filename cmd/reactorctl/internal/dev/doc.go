// Package dev is the loop of `reactorctl dev`: build, run, watch, and run again what was changed.
//
// Machine decides what to do next. It is a plain value: events go in, actions come out, nothing blocks. Run carries the
// actions out. One goroutine there owns the machine; each build and each guest has a goroutine of its own, which
// reports its end as an event, so a change or an interrupt is dealt with at once, whatever else is going on.
//
// A guest is started only when the one before it has ended and the daemon has said so: its listeners are free then.
// What dev leaves on the daemon while it runs is one workload and the modules of at most three builds: of the guest, of
// the build that waits for its end, and of the build that is being pushed.
package dev
