// Package executor runs tasks: guest activations that burn fuel, wait, are woken and go on, by the
// hundred thousand, on as many workers as there are processors.
//
// A [Task] is spawned with a body, which runs on a [Fiber], a coroutine of its own. The body gives
// up its worker in three ways: it waits ([Fiber.Park]) until somebody wakes the task
// ([Task.Wake]), it has used up its quantum of fuel ([Fiber.Preempt]), or it returns. A worker does
// nothing but take the next ready task, resume its fiber, and look at why it came back. Only
// workers run fibers, and a body never blocks its worker: what has to wait is handed to the
// [driver.Driver], whose completions wake the task.
//
// Nothing here knows what a body does, nor what its fuel is: a [Meter] tells.
//
// # Who may do what
//
// The methods of Executor and Task may be called from any goroutine, and from bodies and
// completions; none of them blocks but [Executor.Wait] and [Executor.Close], which must not be
// called from a body or completion. The methods of Fiber are for its own body only. Body and meter
// are used by one goroutine at a time: what a body did happens before what it does after it was
// resumed, whichever worker it is on. [WaitHooks] are called by the body's goroutine, as part of the body. What a goroutine did before it called Wake happens before
// the return of the Park that this Wake ends.
//
// # Order and fairness
//
// Tenants share the workers by weight, in fuel burnt. Within a tenant woken tasks go first, in the
// order in which they were woken, then those that are new or were preempted, which nevertheless
// get an eighth of the tenant's fuel at least. See readyQueue.
//
// # Living with the Go scheduler
//
// A worker is a goroutine, but while it runs machine code that was not made by the Go compiler it
// cannot be preempted, so for a quantum it keeps its processor, and keeps a stop-the-world
// waiting. Between quanta it makes up for it: see breather.
package executor
