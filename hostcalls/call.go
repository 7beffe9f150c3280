package hostcalls

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
)

// Call is one activation of a guest: the fiber that it runs on, and what its host calls wait for. A process
// of WASI preview 1 has a single Call, from beginning to end.
//
// All methods except AppendOps, LastCall and Waits are for its fiber. A wait has these steps:
//
//  1. Await publishes the waits for AppendOps. They are not modified until they are retracted, so AppendOps may
//     read them from any goroutine, holding mu.
//  2. It arms them: the timer by the driver, each Notifier by Notify, all with the task's Wake. A wait
//     that is already ready calls Wake at once. Wakes are sticky, so they may come before the fiber has
//     parked, also when it gives the worker up while it arms many waits.
//  3. It parks. Any wake ends the park, and so does a cancel.
//  4. It disarms: it stops the timer and calls each Notifier's stop. After that no callback of this wait
//     runs, except perhaps a Wake by the timer, which is a spurious wake-up for a later Park. It retracts
//     the waits.
//  5. The caller checks its condition and calls Await again if it does not hold.
//
// A cancel needs no other path: step 3 returns its cause, step 4 follows as always, and the caller ends the
// guest with the cause, by engine.Abort.
//
// Rejected: a channel per wait (an allocation, and a goroutine to wait on it); callbacks that carry the
// result (the result would have to be held somewhere until the fiber takes it, and what is ready when the
// callback runs may not be ready when the fiber does); a list of op records that callers register and
// unregister (two locks and a record for each sleep, where step 1 is a store of three words).
type Call struct {
	guest *Guest
	fiber atomic.Pointer[executor.Fiber] // on which the call runs now; which task it is of is read from any goroutine
	with  *Parker                        // nil: the task parks. A pointer, since most calls have none
	timer driver.Timer
	armed bool    // timer has been initialized
	quick bool    // the last blocking job was quick
	name  *string // of the host call that the guest makes or made last; nil: none

	mu    sync.Mutex // guards the fields below
	since time.Time  // when the wait started; zero if there is none
	due   time.Time  // when the wait ends by itself, or zero
	waits []Wait
	used  []WaitUsage // of the waits before, by kind
}

// Wait is one thing that a call waits for: Op describes it, and On notifies the call when it is ready. Await
// sets the Op's times where they are zero.
type Wait struct {
	Op Op
	On Notifier
}

// Init initializes a zero Call for a guest on a fiber. A Call must not be copied after Init.
func (c *Call) Init(g *Guest, f *executor.Fiber) {
	c.guest = g
	c.fiber.Store(f)
}

// Parker is how a call waits whose task has more to do when it waits, or other calls.
type Parker interface {
	// Wake ends the wait, or the next one. It may be called from any goroutine, and does not block.
	Wake()
	// WakeDue is Wake for a timer that was due at a time.
	WakeDue(due time.Time)
	// Park waits, on the call's fiber, until Wake was called since it returned last, and says how, if the task has waited. An
	// error is the cause of the task's end.
	Park(kind OpKind) (executor.Wait, error)
}

// SetParker makes the call wait by p, before it waits for the first time.
func (c *Call) SetParker(p Parker) { c.with = &p }

// park waits until the call is woken.
func (c *Call) park() (executor.Wait, error) {
	if c.with != nil {
		return (*c.with).Park(c.kind())
	}
	err := c.fiber.Load().ParkFor(executor.WaitKind(c.kind()))
	return c.fiber.Load().LastWait(), err
}

// SetFiber makes the call one on another fiber of its task, which runs from now on.
func (c *Call) SetFiber(f *executor.Fiber) { c.fiber.Store(f) }

// Guest returns the guest that the call is one of.
func (c *Call) Guest() *Guest { return c.guest }

// Fiber returns the fiber the call runs on.
func (c *Call) Fiber() *executor.Fiber { return c.fiber.Load() }

// Tenant returns the tenant of the call's task. It may be called from any goroutine.
func (c *Call) Tenant() string { return c.fiber.Load().Task().Tenant() }

// Err returns the cause of the cancel, or nil.
func (c *Call) Err() error { return c.fiber.Load().Err() }

// Preempt gives the worker up to other tasks. The engine calls it when the quantum is spent.
func (c *Call) Preempt() error {
	if tell := c.guest.onPreempt; tell != nil {
		tell()
	}
	err := c.fiber.Load().Preempt()
	c.guest.chargeReleased(c.fiber.Load())
	return err
}

// Charge counts work that is about to be done for the guest, in units of fuel (about one instruction, 0.4
// ns). It gives the worker up when host calls alone have used a quantum, since a guest that makes one host
// call after the other burns little fuel of its own. For work of several quanta it gives the worker up as
// many times, as if the guest had computed for as long.
//
// A host call whose work grows with its arguments charges piece by piece, each less than a quantum, so that
// it is preempted like computing.
func (c *Call) Charge(units int64) error {
	c.guest.work += units
	if c.guest.work < c.guest.quantum {
		return nil
	}
	quantum := max(c.guest.quantum, 1)
	for owed := c.guest.work; owed >= quantum; owed, quantum = owed-quantum, max(c.guest.quantum, 1) {
		if err := c.Preempt(); err != nil {
			return err
		}
	}
	return nil
}

// YieldIfSpent gives the worker up if the quantum is spent. It is for work that has to be done even if the
// guest is cancelled.
func (c *Call) YieldIfSpent() {
	if c.guest.work >= c.guest.quantum {
		c.fiber.Load().Yield()
		c.guest.chargeReleased(c.fiber.Load())
	}
}

// Sleep parks until due. Only the first Sleep allocates.
func (c *Call) Sleep(due time.Time) error {
	for {
		if err := c.Await(due); err != nil {
			return err
		}
		if !time.Now().Before(due) {
			return nil
		}
	}
}

// Await parks until one of the waits may be ready, or until due if it is not zero. It may return early:
// callers check their condition and loop. If due has passed, it does not park, but still calls Notify, so
// that every Notifier that is ready says so. An error is the cause of a cancel; the caller ends the guest
// with it.
//
// Await owns waits until it returns.
func (c *Call) Await(due time.Time, waits ...Wait) error {
	for i := range waits {
		if waits[i].Op.Deadline.IsZero() {
			waits[i].Op.Deadline = due
		}
	}
	return c.AwaitAny(due, waits...)
}

// AwaitAny is Await for waits that due does not end, such as those of a poll, whose time is one of the things it waits for:
// AppendOps tells of it as an operation of its own.
func (c *Call) AwaitAny(due time.Time, waits ...Wait) error {
	now := time.Now()
	if !due.IsZero() && !due.After(now) {
		if len(waits) == 0 {
			return c.fiber.Load().Err()
		}
		stop, err := c.notify(waits)
		c.guest.driver.Poll() // so that sockets that are ready say so
		stop()
		return err
	}
	c.publish(now, due, waits)
	var parked executor.Wait
	defer func() { c.retract(parked) }()
	if !due.IsZero() {
		c.startTimer(due)
		defer c.guest.driver.Stop(&c.timer)
	}
	if len(waits) > 0 {
		stop, err := c.notify(waits)
		defer stop()
		if err != nil {
			return err
		}
	}
	var err error
	parked, err = c.park()
	c.guest.chargeReleased(c.fiber.Load())
	return err
}

func (c *Call) startTimer(due time.Time) {
	if !c.armed {
		c.timer.Init(c.wakeDue())
		c.armed = true
	}
	c.guest.driver.Start(&c.timer, due)
}

// Waker returns what wakes the call, from any goroutine.
func (c *Call) Waker() func() {
	if c.with != nil {
		return (*c.with).Wake
	}
	return c.fiber.Load().Task().Wake
}

// wakeDue returns what its timer calls.
func (c *Call) wakeDue() func(time.Time) {
	if c.with != nil {
		return (*c.with).WakeDue
	}
	return c.fiber.Load().Task().WakeDue
}

const (
	// waitCost is the cost of arming and disarming one of several waits, without the system calls.
	waitCost = 250
	// waitsAtOnce is the number of waits armed or disarmed between two checks of the quantum.
	waitsAtOnce = 16
)

// notify arms the waits. The caller must call stop, which disarms them, also after an error. With many waits
// both give the worker up in between. The error is the cause of a cancel.
func (c *Call) notify(waits []Wait) (stop func(), err error) {
	wake := c.Waker()
	if len(waits) == 1 {
		return waits[0].On.Notify(wake), c.fiber.Load().Err()
	}
	stops := make([]func(), 0, len(waits))
	for i := range waits {
		if i%waitsAtOnce == 0 {
			if err = c.Charge(int64(min(waitsAtOnce, len(waits)-i)) * waitCost); err != nil {
				break
			}
		}
		stops = append(stops, waits[i].On.Notify(wake))
	}
	return func() {
		for i, stop := range stops {
			if i%waitsAtOnce == 0 {
				c.YieldIfSpent()
			}
			stop()
		}
	}, err
}

// publish makes the wait visible to AppendOps.
func (c *Call) publish(now, due time.Time, waits []Wait) {
	for i := range waits {
		if waits[i].Op.Start.IsZero() {
			waits[i].Op.Start = now
		}
	}
	c.mu.Lock()
	c.since, c.due, c.waits = now, due, waits
	c.mu.Unlock()
}

// retract takes the wait back, and counts it if the call was parked.
func (c *Call) retract(parked executor.Wait) {
	c.mu.Lock()
	if parked.Parked {
		c.count(c.endedBy(parked), parked.Time)
	}
	c.since, c.due, c.waits = time.Time{}, time.Time{}, nil
	c.mu.Unlock()
}

// AppendOps appends the operations that the call waits for now. It may be called from any goroutine. A time at which the
// wait ends is an operation of its own unless it ends the others, which then have it as their deadline.
func (c *Call) AppendOps(ops []Op) []Op {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.waits {
		ops = append(ops, c.waits[i].Op)
	}
	if !c.due.IsZero() && (len(c.waits) == 0 || !c.waits[0].Op.Deadline.Equal(c.due)) {
		ops = append(ops, Op{Kind: OpTimer, Start: c.since, Deadline: c.due})
	}
	return ops
}
