package executor

import (
	"runtime/debug"
	"time"
)

// Meter counts fuel. The guest calls Preempt when it has burnt the fuel of the last Refill. A meter is
// used on its task's fiber, and by the worker while the fiber is stopped.
type Meter interface {
	// Refill sets the fuel that may be burnt from now on, and resets Burnt to zero.
	Refill(quantum int64)
	// Burnt returns the fuel burnt since Refill. It may exceed the refill by what the guest burns
	// between two checks.
	Burnt() int64
}

// outcome is the reason why a fiber gave up its worker.
type outcome uint8

const (
	finished  outcome = iota // it has ended
	parking                  // until the task is woken
	preempted                // until it is the task's turn again
	switched                 // for another fiber of its task
)

// Fiber is what a task's body runs on: a coroutine, while it has one. Its methods are for that body only.
type Fiber struct {
	task  *Task
	next  func() (outcome, bool) // nil if it has no coroutine
	yield func(outcome) bool
	turns *turns // nil if its task has none
	gauge
}

// gauge measures what a task burns of its quantum. That of the fiber that runs is valid.
type gauge struct {
	meter Meter
	pace  pace
	use   *use // belongs to the worker that runs the fiber
}

// use counts what a fiber uses of its quantum. It is part of the worker, since a fiber would take two
// cache lines with it.
type use struct {
	refilled          int64         // fuel of the last refill
	burntBeforeRefill int64         // fuel burnt in this quantum before the last refill
	burntBeforeSlice  int64         // fuel burnt in this quantum before this slice
	start             time.Duration // the uptime when the quantum began
	sliceStart        time.Duration // the uptime when the slice began
	offFiber          time.Duration // processor time used for the task off its fiber
	wait              Wait          // that ended with this resume
	idle              *coroutines
}

// Wait is how a Park went.
type Wait struct {
	Parked bool          // it gave up the worker
	Timer  bool          // WakeDue ended it
	Time   time.Duration // until the wake-up
}

// newFiber returns the first fiber of a task, which has no coroutine yet.
func newFiber(t *Task) *Fiber {
	return &Fiber{task: t, gauge: gauge{pace: newPace(t.executor.quantum)}}
}

// run runs the task's body and records its panic. A [runtime.Goexit] counts as a panic. It cannot be stopped from ending the
// worker's goroutine too; see worker.run.
func (f *Fiber) run() {
	returned := false
	defer func() {
		f.next, f.yield = nil, nil
		if returned {
			return
		}
		value := recover()
		if value == nil {
			value = "runtime.Goexit"
		}
		if f.task.panicked == nil {
			f.task.panicked = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	f.task.run(f)
	returned = true
}

// begin begins a quantum.
func (f *Fiber) begin(u *use, now time.Duration) {
	f.use = u
	u.start, u.sliceStart = now, now
	f.refill()
}

// Task returns the fiber's task.
func (f *Fiber) Task() *Task { return f.task }

// QuantumStart returns the driver's uptime when the quantum began: the time, a quantum too early at most, for those who ask for it so
// often that reading the clock would matter.
func (f *Fiber) QuantumStart() time.Duration { return f.use.start }

// SetMeter makes m count the task's fuel from now on; if m is nil, no fuel is counted. What the
// previous meter counted still counts. A meter must be replaced before the instance that it reads is
// closed.
func (f *Fiber) SetMeter(m Meter) {
	if f.meter != nil {
		f.use.burntBeforeRefill += max(f.meter.Burnt(), 0)
	}
	f.meter = m
	f.refill()
}

// refill gives the meter the next slice of the quantum, or the rest of the task's fuel limit if that
// is less.
func (f *Fiber) refill() {
	if f.meter == nil {
		return
	}
	q := &f.task.executor.quantum
	f.use.refilled = min(int64(f.pace.slice), max(q.fuel-f.use.burntBeforeRefill, q.minSlice()))
	if limit := f.task.limit; limit != 0 {
		left := limit - min(f.spent(f.use.burntBeforeRefill), limit)
		f.use.refilled = int64(min(uint64(f.use.refilled), left))
	}
	f.meter.Refill(f.use.refilled)
}

// nextSlice refills the meter with the next slice of the quantum if this slice is spent and the
// quantum has fuel and time left. The time of slices is measured only if they are smaller than the
// quantum.
func (f *Fiber) nextSlice() bool {
	e := f.task.executor
	if f.meter == nil || int64(f.pace.slice) == e.quantum.fuel && f.use.burntBeforeRefill == 0 {
		return false
	}
	inSlice := f.meter.Burnt()
	burnt := f.use.burntBeforeRefill + max(inSlice, 0)
	if inSlice < f.use.refilled || burnt > e.quantum.fuel-e.quantum.minSlice() {
		return false
	}
	now := e.uptime()
	if now-f.use.start >= e.quantum.time {
		return false
	}
	f.pace.update(e.quantum, burnt-f.use.burntBeforeSlice, now-f.use.sliceStart)
	f.use.burntBeforeRefill, f.use.burntBeforeSlice, f.use.sliceStart = burnt, burnt, now
	f.refill()
	return true
}

// burnt returns the fuel burnt in this quantum.
func (f *Fiber) burnt() int64 {
	if f.meter == nil {
		return f.use.burntBeforeRefill
	}
	return f.use.burntBeforeRefill + max(f.meter.Burnt(), 0)
}

// settle ends the quantum. It returns the fuel burnt in it and the fuel charged to the tenant.
func (f *Fiber) settle(now time.Duration) (burnt, charge int64) {
	q := f.task.executor.quantum
	burnt = f.burnt()
	charge = f.pace.charge(q, burnt, now-f.use.start)
	f.pace.update(q, burnt-f.use.burntBeforeSlice, now-f.use.sliceStart)
	f.use.burntBeforeRefill, f.use.burntBeforeSlice = 0, 0
	return burnt, charge
}

// spent returns the fuel burnt by the task in all, given the fuel burnt in this quantum.
func (f *Fiber) spent(burnt int64) uint64 { return f.task.fuel.Load() + uint64(burnt) }

// Spent returns the fuel that the task has burnt so far. While its meter's guest runs, what the guest has burnt since its
// last check may be missing.
func (f *Fiber) Spent() uint64 { return f.spent(f.burnt()) }

// Err returns the cause the task was cancelled with, ErrEnded if it ends without that, or nil.
func (f *Fiber) Err() error {
	if err := f.task.Err(); err != nil {
		return err
	}
	if f.task.ending {
		return ErrEnded
	}
	return nil
}

// Park is ParkFor the kind 0.
func (f *Fiber) Park() error { return f.ParkFor(0) }

// ParkFor gives up the worker until the task is woken, or returns at once if it was woken since its
// last Park. It returns nil if the task was woken, and the cause if it was cancelled. Wake-ups may be
// spurious: the caller checks its condition and parks again if it does not hold. The wait counts for a
// kind in [Stats].
func (f *Fiber) ParkFor(kind WaitKind) error {
	t := f.task
	t.waitsFor = kind
	f.use.wait = Wait{}
	if err := f.Err(); err != nil {
		return err
	}
	if t.consumeWake() {
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

// LastWait returns how the last Park went. It is called right after it.
func (f *Fiber) LastWait() Wait { return f.use.wait }

// Preempt is called by a body that has burnt the last refill of its meter, or that wants to let others
// go first. If only a slice of the quantum is spent (see pace), the task continues with the next
// slice. Otherwise it gives up the worker and goes to the back of its tenant's background class.
// Preempt returns the cause if the task is cancelled, ErrOutOfFuel if the task has burnt more than its
// limit, or nil, with the meter refilled.
func (f *Fiber) Preempt() error {
	t := f.task
	if err := f.Err(); err != nil {
		return err
	}
	if t.limit != 0 && f.spent(f.burnt()) > t.limit {
		return ErrOutOfFuel
	}
	if f.nextSlice() {
		return nil
	}
	f.yield(preempted)
	return t.Err()
}

// Yield gives up the worker as Preempt does, but also when the task is cancelled or out of fuel. It is
// for long work that has to be done even then.
func (f *Fiber) Yield() { f.yield(preempted) }

// AddCPU adds processor time that a blocking job used on the body's behalf to the task's. The meter's
// Refill may call it too.
func (f *Fiber) AddCPU(used time.Duration) { f.use.offFiber += used }
