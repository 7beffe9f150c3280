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

	meter Meter
	pace  pace
	use   *use // the worker's that has it
}

// use is what a fiber has used of its quantum. It is the worker's, or a fiber would take two cache lines.
type use struct {
	handed    int64         // fuel that the meter was last refilled with
	before    int64         // burnt in this quantum before that
	slice     int64         // burnt in this quantum before the slice
	began     time.Duration // the uptime when the quantum began
	sliced    time.Duration // the uptime when the slice began
	elsewhere time.Duration // time of a processor that was used for it elsewhere
}

func newFiber(t *Task) *Fiber {
	f := &Fiber{task: t, pace: newPace(t.executor.turn)}
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
func (f *Fiber) resume(u *use, now time.Duration) outcome {
	f.use = u
	u.began, u.sliced = now, now
	f.refill()
	why, more := f.next()
	if !more {
		return finished
	}
	return why
}

// Task returns the fiber's task.
func (f *Fiber) Task() *Task { return f.task }

// SetMeter makes m count the task's fuel, or nothing if m is nil, from here on. What was burnt on the
// meter before is counted. A meter must be replaced before what it reads is closed.
func (f *Fiber) SetMeter(m Meter) {
	if f.meter != nil {
		f.use.before += max(f.meter.Burnt(), 0)
	}
	f.meter = m
	f.refill()
}

// refill gives the meter the next slice of the quantum, or what the task may still burn if that is less.
func (f *Fiber) refill() {
	if f.meter == nil {
		return
	}
	turn := &f.task.executor.turn
	f.use.handed = min(f.pace.slice, max(turn.fuel-f.use.before, turn.least()))
	if limit := f.task.limit; limit != 0 {
		left := limit - min(f.spent(f.use.before), limit)
		f.use.handed = int64(min(uint64(f.use.handed), left))
	}
	f.meter.Refill(f.use.handed)
}

// nextSlice hands out the next slice of the quantum, if this one is spent and there is fuel and time left.
// What slices took is measured only if they are smaller than the quantum.
func (f *Fiber) nextSlice() bool {
	e := f.task.executor
	if f.meter == nil || f.pace.slice == e.turn.fuel && f.use.before == 0 {
		return false
	}
	inSlice := f.meter.Burnt()
	burnt := f.use.before + max(inSlice, 0)
	if inSlice < f.use.handed || burnt > e.turn.fuel-e.turn.least() {
		return false
	}
	now := e.uptime()
	if now-f.use.began >= e.turn.time {
		return false
	}
	f.pace.ran(e.turn, burnt-f.use.slice, now-f.use.sliced)
	f.use.before, f.use.slice, f.use.sliced = burnt, burnt, now
	f.refill()
	return true
}

// burnt returns what was burnt in this quantum.
func (f *Fiber) burnt() int64 {
	if f.meter == nil {
		return f.use.before
	}
	return f.use.before + max(f.meter.Burnt(), 0)
}

// settle ends the quantum. It returns what was burnt in it, and what that counts for among tenants.
func (f *Fiber) settle(now time.Duration) (burnt, charge int64) {
	turn := f.task.executor.turn
	burnt = f.burnt()
	charge = f.pace.charge(turn, burnt, now-f.use.began)
	f.pace.ran(turn, burnt-f.use.slice, now-f.use.sliced)
	f.use.before, f.use.slice = 0, 0
	return burnt, charge
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
	if t.waits == nil {
		f.yield(parking)
		return t.Err()
	}
	t.waits.OnPark(t)
	f.yield(parking)
	t.waits.OnResume(t)
	return t.Err()
}

// Preempt is for a body that has burnt what its meter was refilled with, or which wants to let others go
// first. It gives up the worker, and the task goes to the back of its tenant's background class; but
// if that was only a slice of the quantum, see pace, the task goes on with the next. It returns
// the cause if the task is cancelled, ErrOutOfFuel if the task has burnt its limit, or nil, with the
// meter refilled.
func (f *Fiber) Preempt() error {
	t := f.task
	if err := t.Err(); err != nil {
		return err
	}
	if t.limit != 0 && f.spent(f.burnt()) >= t.limit {
		return ErrOutOfFuel
	}
	if f.nextSlice() {
		return nil
	}
	f.yield(preempted)
	return t.Err()
}

// Yield gives up the worker as Preempt does, whatever the task's fuel and whether or not it is
// cancelled: for what has to be done even then and takes long.
func (f *Fiber) Yield() { f.yield(preempted) }

// UsedElsewhere counts time of a processor that was used on the body's behalf but not on its fiber, by a
// blocking job, as the task's. It may also be called by the meter's Refill.
func (f *Fiber) UsedElsewhere(used time.Duration) { f.use.elsewhere += used }
