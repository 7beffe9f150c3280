package executor

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// TaskSpec describes a task to spawn.
type TaskSpec struct {
	// Tenant is the tenant whose share the task uses.
	Tenant string
	// FuelLimit is the fuel the task may burn in all; 0 sets no limit.
	FuelLimit uint64
	// Run is the body. It runs on the task's fiber and ends the task by returning, or panicking. It
	// is not called if the task is cancelled before it is first resumed. Once Park or Preempt has
	// returned an error, Run should return: they don't wait any more.
	Run func(*Fiber)
	// Turn is the body of a task that waits without a coroutine, or has several fibers; Run is nil then. It is called
	// first when Run would be, and again as its result says, or as one of its fibers says with Switch. A task that was
	// cancelled while it waited has it called once more. When the task ends, each call of Turn has returned.
	Turn func(*Fiber) Next
	// Done, if not nil, is called once, on a worker, when the task has ended, whether or not Run was
	// called. It must neither block nor panic: nobody else learns that the task has ended.
	Done func(*Task)
	// Waits, if not nil, is called around each wait. Many tasks may share one.
	Waits *WaitHooks
	// Uncounted has Stats leave the task out of Parked and ParkedPeak: it does a part of the work of another one, say.
	Uncounted bool
}

// WaitHooks are called each time Park gives up the worker. A Park that returns at once calls neither.
// They run on the task's fiber, without a lock, and must not block. Both must be set.
type WaitHooks struct {
	// OnPark is called before the task gives up its worker in Park.
	OnPark func(*Task)
	// OnResume is called when a worker has resumed the task, before Park returns.
	OnResume func(*Task)
}

// Task is one guest activation. It holds no goroutine and no stack before it is first resumed, while it waits between two
// calls of its Turn, and after it has ended.
type Task struct {
	// The fields that a wake-up and a resume touch come first and share a cache line: with a hundred
	// thousand tasks each line is fetched from memory.
	executor *Executor
	tenant   *tenant
	next     *Task // in the ready queue; guarded by Executor.mu
	word     word
	class    class        // the class it was last ready in; guarded by Executor.mu
	marks    marks        // guarded by Executor.mu
	waitsFor WaitKind     // belongs to the task's owner (see state)
	ending   bool         // the same; it ends, and fibers may be left
	due      atomic.Int64 // uptime at which the timer that woke it was due; 0 if no timer woke it
	fiber    *Fiber       // from the first resume to the end; belongs to the task's owner (see state)

	// Written by the task's owner, read by any goroutine.
	since   atomic.Int64 // uptime at which it last gave up its worker, or was spawned
	readied atomic.Int64 // uptime at which it was last woken from being parked, unless by a timer
	waiting atomic.Int64
	ready   atomic.Int64
	cpu     atomic.Int64
	fuel    atomic.Uint64

	cause          atomic.Pointer[error]
	waits          *WaitHooks
	limit          uint64
	run            func(*Fiber)
	done           func(*Task)
	older, younger *Task // in Executor.tasks; guarded by Executor.mu
	panicked       *PanicError
}

// Tenant returns the tenant that the task was spawned for.
func (t *Task) Tenant() string { return t.tenant.name }

// WaitsFor returns what the task is about to wait for. It is for WaitHooks.OnPark.
func (t *Task) WaitsFor() WaitKind { return t.waitsFor }

// Spawn spawns another task, for the tenant of this one and with its fuel limit unless the spec has one. The tasks are independent
// of each other. It may be called from any goroutine.
func (t *Task) Spawn(spec TaskSpec) (*Task, error) {
	spec.Tenant = t.tenant.name
	if spec.FuelLimit == 0 {
		spec.FuelLimit = t.limit
	}
	return t.executor.Spawn(spec)
}

// Wake makes a parked task ready. It may be called from any goroutine, any number of times. It is
// remembered: a Wake at a time when the task is not parked makes its next Park return at once.
func (t *Task) Wake() {
	if t.word.wake() {
		now := t.executor.uptime()
		t.readied.Store(int64(now))
		t.executor.enqueue(t, foreground, now)
	}
}

// WakeDue is Wake for a timer that expired, with the time it was due. The delay until the task is
// resumed is recorded in [Stats].
func (t *Task) WakeDue(due time.Time) {
	at := max(t.executor.driver.Since(due), 1)
	t.due.Store(int64(at))
	if t.word.wake() {
		t.executor.enqueue(t, timed, max(at, time.Duration(t.since.Load())))
	}
}

// consumeWake reports whether the running task was woken since it last waited.
func (t *Task) consumeWake() bool {
	if !t.word.consume() {
		return false
	}
	if t.due.Load() != 0 {
		t.due.Store(0) // the task was running, so it was not late
	}
	return true
}

// Cancel makes Park and Preempt return cause: at once if the task is parked, at its next fuel check
// if it is running. The first cause wins. A nil cause means [context.Canceled].
func (t *Task) Cancel(cause error) {
	if cause == nil {
		cause = context.Canceled
	}
	if t.setCause(cause) {
		t.Wake()
	}
}

func (t *Task) setCause(cause error) (first bool) {
	return t.cause.CompareAndSwap(nil, &cause)
}

// Err returns the cause the task was cancelled with, or nil.
func (t *Task) Err() error {
	if cause := t.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}

// Phase is a task's phase as seen from outside.
type Phase uint8

// The phases.
const (
	// Ready: new, preempted or woken; it waits for a worker.
	Ready Phase = iota
	// Running: on a worker.
	Running
	// Parked: waiting to be woken.
	Parked
	// Done: ended.
	Done
)

func (p Phase) String() string {
	switch p {
	case Ready:
		return "ready"
	case Running:
		return "running"
	case Parked:
		return "parked"
	case Done:
		return "done"
	default:
		return fmt.Sprintf("Phase(%d)", uint8(p))
	}
}

// Phase returns the task's phase, which may have changed by the time it returns.
func (t *Task) Phase() Phase {
	switch t.word.load().phase() {
	case running:
		return Running
	case parked:
		return Parked
	case done:
		return Done
	default:
		return Ready
	}
}

// Usage is what a task has used.
type Usage struct {
	// Fuel is the fuel that its meters counted.
	Fuel uint64
	// CPU is the time it spent on workers, including the switch to it, and the processor time that
	// blocking jobs used for it.
	CPU time.Duration
	// Waiting is the total time between each Park and the wake-up that ended it.
	Waiting time.Duration
	// Ready is the total time in which the task could have run and had no worker: from its spawn, each preemption
	// and each wake-up (by a timer, from when that was due) to the resume after it.
	Ready time.Duration
	// Wait is the part of Waiting that belongs to a Park which has not returned.
	Wait time.Duration
}

// Usage returns what the task had used when it last gave up its worker. Waiting and Ready include the
// time since then.
func (t *Task) Usage() Usage {
	u := Usage{
		Fuel:    t.fuel.Load(),
		CPU:     time.Duration(t.cpu.Load()),
		Waiting: time.Duration(t.waiting.Load()),
		Ready:   time.Duration(t.ready.Load()),
	}
	now := t.executor.uptime()
	since := min(time.Duration(t.since.Load()), now)
	switch t.word.load().phase() {
	case queued:
		u.Ready += now - since
	case parked:
		u.Wait = now - since
	case woken:
		u.Wait = t.wait(time.Duration(t.due.Load()), since, now)
		u.Ready += now - since - u.Wait
	}
	u.Waiting += u.Wait
	return u
}

// wait returns the time between since, when the task was parked, and its wake-up, if it is resumed now. due is when the timer
// that woke it was due; zero if none did.
func (t *Task) wait(due, since, now time.Duration) time.Duration {
	if due == 0 {
		due = time.Duration(t.readied.Load())
	}
	return min(max(due, since), now) - since
}

// ParkedSince returns when the task was last parked, if it is parked; otherwise the zero time.
func (t *Task) ParkedSince() time.Time {
	if since := t.since.Load(); t.Phase() == Parked {
		return t.executor.driver.Time(time.Duration(since))
	}
	return time.Time{}
}

// PanicError is a panic of a task's body.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack) }

// Unwrap returns what the body panicked with, if that was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Panic returns the panic that ended the body, or nil. It may be called from Done on.
func (t *Task) Panic() *PanicError { return t.panicked }
