// Package attempt runs a workload once. An [Attempt] has what the run needs (streams, limits, grants, a timer for
// the timeout), is the body of the run's fiber, and knows how the run ended and what the workload has used so far. A
// workload that was interrupted, or met a transient failure of the host, has several attempts, one after the other; a
// [Past] is what the earlier ones left.
//
// An attempt knows neither the scheduler nor the store. It asks its [Owner].
//
// # Concurrency
//
// Init and Arm are called before the task is spawned, by one goroutine. Run and Ended are called on the
// task's worker, Outcome and Disarm after Ended. All other methods may be called from any goroutine at any time
// after Init. Only Run blocks, as a fiber does: it parks.
package attempt
