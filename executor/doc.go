// Package executor runs tasks: guest activations that burn fuel, wait, are woken and continue.
// It runs hundreds of thousands of them on as many workers as there are processors.
//
// A [Task] is spawned with a body. The body runs on a [Fiber], a coroutine, and gives up its worker in
// three ways:
//
//   - It waits ([Fiber.Park]) until somebody wakes the task ([Task.Wake]).
//   - It has used up its quantum of fuel ([Fiber.Preempt]).
//   - It returns, which ends the task.
//
// A worker takes the next ready task, resumes its fiber, and parks, requeues or ends the task, as the
// fiber asked. It does nothing else, and only workers run fibers. A body never blocks its worker: it
// starts operations that take time on the [driver.Driver], whose completions wake the task.
//
// A task whose body is a Turn (see [TaskSpec]) can also
//
//   - wait without a coroutine: the body returns [Again], and is called anew when the task is woken;
//   - have several fibers, of which one at a time is the task's: a fiber hands over to another one
//     ([Fiber.Switch], [SwitchTo]) when it chooses, and at no other time.
//
// To everything outside it is a task like any other: it has one quantum, one meter, one fuel limit,
// one cause of its end, and is woken as a whole. Which of its fibers goes on is for the body to say.
//
// The executor does not know what a body does or what fuel is: a [Meter] counts it.
//
// # Concurrency
//
// The methods of Executor and Task may be called from any goroutine, including bodies and
// completions. Only [Executor.Wait] and [Executor.Close] block; a body or completion must not call
// them. The methods of Fiber are for its own body only. [WaitHooks] are called on the task's fiber, as
// part of the body.
//
// One goroutine at a time uses a body and its meter. A body sees its own earlier writes, on whichever
// fiber, whichever worker resumes it. A call of Wake happens before the return of the Park that it
// ends, or the call of Turn.
//
// # Order and fairness
//
// Tenants share the workers by weight, in fuel burnt. Within a tenant woken tasks go first, in the
// order in which they were woken: those that a timer woke, then the others, which get at least half
// of the fuel that woken tasks burn. New and preempted tasks follow, but get at least an eighth of the
// tenant's fuel. See readyQueue, and eventGate for when tasks that wait for sockets are woken.
//
// # The Go scheduler
//
// A worker is a goroutine. While it runs compiled WebAssembly, Go can't preempt it: for a quantum it
// keeps its processor and delays a stop-the-world. Between quanta it yields to the Go scheduler. See
// yielder.
package executor
