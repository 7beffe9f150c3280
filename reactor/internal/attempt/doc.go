// Package attempt runs a workload once. An [Attempt] has what the run needs (streams, limits, grants, the
// timer of its timeout), is the body of the run's fiber, and knows how it ended and what the workload has used so
// far. A workload that is interrupted or meets a passing failure of the host has several attempts, one after the
// other; what the earlier ones left is a [Past].
//
// An attempt knows no scheduler and no store. What it asks of the one who started it is [Owner].
//
// # Concurrency
//
// Init and Arm are called before the task is spawned, by one goroutine. Run and Ended are called on the
// task's worker, Outcome and Disarm after Ended. All other methods may be called from any goroutine at any time
// after Init. Only Run blocks, as a fiber does: it parks.
package attempt
