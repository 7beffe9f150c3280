// Package tracing makes spans of OpenTelemetry of what happens to workloads, and of the calls of clients, and sends them to a
// collector.
//
// # Spans
//
// A submission keeps in its record the span of the call that it came with. The phases of each attempt are spans of their own below
// that one:
//
//	queue  from when the workload was submitted or put back until its module and its memory were there
//	start  from then until a worker ran it
//	run    from then until it ended, with the first waits as events
//
// No span is open for longer than its phase, so a trace goes on after a restart of the daemon. The span that is open when the daemon is killed
// is lost.
//
// # Bounds
//
// A workload whose trace is not sampled costs a look at one letter for each phase, and nothing for a wait. So many attempts have spans
// at a time and no more (maxAttempts), with so many waits each (maxWaits). What waits to be sent is bounded by an [otlp.Gate], which counts what is lost.
//
// # Concurrency
//
// The hooks are called on goroutines that other workloads need: they take a lock for as long as a map is looked at, and send nothing.
// All methods may be called from any goroutine.
package tracing
