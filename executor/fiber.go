package executor

import (
	"iter"
	"runtime/debug"
	"time"
)

// Meter counts fuel. The guest burns what it was refilled with, and calls Preempt when it has burnt
// more. A meter is used on its task's fiber, and by the worker while the fiber is stopped.
type Meter interface {
	// Refill sets the fuel that may be burnt from now on, and what is burnt to zero.
	Refill(quantum int64)
	// Burnt returns the fuel burnt since Refill. It may exceed what was refilled, by what the guest
	// burns between two checks.
	Burnt() int64
}

// outcome is why a fiber came back.
type outcome uint8

const (
	finished outcome = iota
	parking
	preempted
)

// Fiber is the coroutine that a task's body runs on. Its methods are for that body only.
//
// A fiber is an [iter.Pull] coroutine: resuming it is calling next, giving up the worker is calling
// yield, and either is a direct switch of stacks on the same thread, which the Go scheduler is not
// asked about. Which goroutine calls next may change from one time to the next.
type Fiber struct {
	task  *Task
	next  func() (outcome, bool)
	yield func(outcome) bool

	meter     Meter
	before    int64         // burnt in this quantum on meters that were since replaced
	elsewhere time.Duration // time of a processor that was used for it elsewhere
}

func newFiber(t *Task) *Fiber {
	f := &Fiber{task: t}
	// stop is not needed: a body always runs to its end.
	f.next, _ = iter.Pull(f.body)
	return f
}

// body runs the task's body on the coroutine and keeps what it panics with. A [runtime.Goexit]
// counts as a panic; it can't be kept from going on to the worker, which deals with it.
func (f *Fiber) body(yield func(outcome) bool) {
	f.yield = yield
	returned := false
	defer func() {
		if returned {
			return
		}
		value := recover()
		if value == nil {
			value = "runtime.Goexit"
		}
		f.task.panicked = &PanicError{Value: value, Stack: debug.Stack()}
	}()
	f.task.run(f)
	returned = true
}

// resume runs the body until it gives up the worker again.
func (f *Fiber) resume() outcome {
	f.refill()
	why, more := f.next()
	if !more {
		return finished
	}
	return why
}

// Task returns the fiber's task.
func (f *Fiber) Task() *Task { return f.task }

// SetMeter makes m count the task's fuel, or nothing if m is nil, and gives it a fresh quantum. What
// was burnt on the meter before is counted. A meter must be replaced before what it reads is
// closed.
func (f *Fiber) SetMeter(m Meter) {
	if f.meter != nil {
		f.before += max(f.meter.Burnt(), 0)
	}
	f.meter = m
	f.refill()
}

// refill gives the meter a quantum, or what the task may still burn if that is less.
func (f *Fiber) refill() {
	if f.meter == nil {
		return
	}
	quantum := f.task.executor.quantum
	if limit := f.task.limit; limit != 0 {
		left := limit - min(f.spent(f.before), limit)
		quantum = int64(min(uint64(quantum), left))
	}
	f.meter.Refill(quantum)
}

// burnt returns what was burnt in this quantum.
func (f *Fiber) burnt() int64 {
	if f.meter == nil {
		return f.before
	}
	return f.before + max(f.meter.Burnt(), 0)
}

// settle returns what was burnt in this quantum, and ends it.
func (f *Fiber) settle() int64 {
	burnt := f.burnt()
	f.before = 0
	return burnt
}

// spent returns what the task has burnt in all, given what it burnt in this quantum.
func (f *Fiber) spent(burnt int64) uint64 { return f.task.fuel.Load() + uint64(burnt) }

// Err returns the cause the task was cancelled with, or nil.
func (f *Fiber) Err() error { return f.task.Err() }

// Park gives up the worker until the task is woken, or returns at once if it was woken since its
// last Park. It returns nil if it was woken, and the cause if the task is cancelled. It may return
// nil without cause: the caller looks whether what it waits for is there, and parks again if not.
func (f *Fiber) Park() error {
	t := f.task
	if err := t.Err(); err != nil {
		return err
	}
	if t.word.consume() {
		if t.due.Load() != 0 {
			t.due.Store(0) // it was not late: it never stopped
		}
		return t.Err()
	}
	f.yield(parking)
	return t.Err()
}

// Preempt is for a body whose quantum is spent, or which wants to let others go first. It gives up
// the worker, and the task goes to the back of its tenant's background class. It returns the cause
// if the task is cancelled, ErrOutOfFuel if the task has burnt its limit, or nil, with a fresh
// quantum.
func (f *Fiber) Preempt() error {
	t := f.task
	if err := t.Err(); err != nil {
		return err
	}
	if t.limit != 0 && f.spent(f.burnt()) >= t.limit {
		return ErrOutOfFuel
	}
	f.yield(preempted)
	return t.Err()
}

// Yield gives up the worker as Preempt does, whatever the task's fuel and whether or not it is
// cancelled: for what has to be done even then and takes long.
func (f *Fiber) Yield() { f.yield(preempted) }

// UsedElsewhere counts time of a processor that was used on the body's behalf but not on its fiber, by a
// blocking job, as the task's. It may also be called by the meter's Refill.
func (f *Fiber) UsedElsewhere(used time.Duration) { f.elsewhere += used }
