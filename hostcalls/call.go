package hostcalls

import (
	"sync"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
)

// Call is one call into a guest as its host calls see it: the fiber that it runs on, and what it waits for.
// A process of WASI preview 1 is one, from beginning to end.
//
// All methods but Ops are for its fiber. How a wait goes, in steps:
//
//  1. Await publishes the waits, so that Ops can tell them. They are not written to again until
//     they are taken back, so Ops reads them from any goroutine, holding mu.
//  2. It arms them: the timer by the driver, each Notifier by Notify, all with the task's Wake.
//     A wait that is ready already calls Wake at once. Wakes are sticky, so it does not matter
//     that the fiber has not parked yet, nor that it gives the worker up while it arms many.
//  3. It parks. Any wake ends the park, and so does a cancel.
//  4. It disarms: the timer is stopped, and each Notifier's stop is called; from then on no
//     callback of this wait is under way except a Wake by the timer, which a later Park takes for
//     a spurious one. It takes the waits back.
//  5. The caller looks at its condition again and calls Await again if it does not hold.
//
// A cancel needs no further path: step 3 returns its cause, step 4 happens all the same, and the
// caller ends the guest with the cause by engine.Abort.
//
// Rejected: a channel per wait (an allocation, and a goroutine to wait on it); callbacks that carry
// the result (the result would have to be held somewhere until the fiber takes it, and what is
// ready when the callback runs may not be ready when the fiber does); a list of op records that
// callers register and unregister (two locks and a record for each sleep, where step 1 is a store
// of three words).
type Call struct {
	guest *Guest
	fiber *executor.Fiber
	timer driver.Timer
	armed bool // timer has been initialised
	quick bool // its last blocking job was

	mu    sync.Mutex
	since time.Time // when the wait began; zero if there is none
	due   time.Time // when the wait ends by itself, or zero
	waits []Wait    // what else ends it
}

// Op is one pending host operation.
type Op struct {
	Kind     string // timer, read, write, accept, file, connect, instantiate, memory
	Target   string // what it acts on: a descriptor, a path, an address
	Start    time.Time
	Deadline time.Time // when it ends by itself; zero if it does not
	Bytes    uint64    // the size of the buffer it reads into or writes from
}

// Wait is one thing a call waits for: how it is told to others, and who knows when it is over.
// Await fills in the Op's times where they are zero.
type Wait struct {
	Op Op
	On Notifier
}

// Init makes a zero Call one of a guest on a fiber. A Call must not be copied after.
func (c *Call) Init(g *Guest, f *executor.Fiber) { c.guest, c.fiber = g, f }

// Fiber returns the fiber the call runs on.
func (c *Call) Fiber() *executor.Fiber { return c.fiber }

// Err returns the cause of the cancel, or nil.
func (c *Call) Err() error { return c.fiber.Err() }

// Preempt gives the worker up for a turn. The engine calls it when the fuel of the turn is spent.
func (c *Call) Preempt() error {
	err := c.fiber.Preempt()
	c.guest.chargeReleased(c.fiber)
	return err
}

// Charge counts work that is about to be done for the guest, in units of fuel (about one instruction,
// 0.4 ns), and gives the worker up when host calls alone have taken a quantum: a guest that makes one
// host call after the other burns little fuel of its own. For work that is worth several quanta it
// gives the worker up as many times, as if the guest had computed for as long.
//
// A host call whose work grows with its arguments charges for it piece by piece, each worth less than
// a quantum, so that it is interrupted like computing.
func (c *Call) Charge(units int64) error {
	c.guest.work += units
	if c.guest.work < c.guest.quantum {
		return nil
	}
	turn := max(c.guest.quantum, 1)
	for owed := c.guest.work; owed >= turn; owed, turn = owed-turn, max(c.guest.quantum, 1) {
		if err := c.Preempt(); err != nil {
			return err
		}
	}
	return nil
}

// GiveWay gives the worker up if a quantum is spent, for work that has to be done even if the guest is
// cancelled.
func (c *Call) GiveWay() {
	if c.guest.work >= c.guest.quantum {
		c.fiber.Yield()
		c.guest.chargeReleased(c.fiber)
	}
}

// Sleep parks until due. It allocates nothing after the first.
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

// Await parks until one of the waits may be over, or until due if it is not zero. It may return
// early: callers look at their condition again and loop. If due has passed it does not park, but
// every Notifier that is ready still says so. An error is the cause of a cancel; the caller ends
// the guest with it.
//
// Await owns waits until it returns.
func (c *Call) Await(due time.Time, waits ...Wait) error {
	now := time.Now()
	if !due.IsZero() && !due.After(now) {
		if len(waits) == 0 {
			return c.fiber.Err()
		}
		stop, err := c.notify(waits)
		stop()
		return err
	}
	c.publish(now, due, waits)
	defer c.retract()
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
	err := c.fiber.Park()
	c.guest.chargeReleased(c.fiber)
	return err
}

func (c *Call) startTimer(due time.Time) {
	if !c.armed {
		c.timer.Init(c.fiber.Task().WakeDue)
		c.armed = true
	}
	c.guest.driver.Start(&c.timer, due)
}

const (
	// waitCost is what arming and disarming one of several waits costs, beside the system calls.
	waitCost = 250
	// waitsAtOnce is how many are armed or disarmed before the quantum is looked at.
	waitsAtOnce = 16
)

// notify arms the waits and returns what disarms them, which is to be called in any case. With many
// waits both give the worker up in between. The error is the cause of a cancel.
func (c *Call) notify(waits []Wait) (stop func(), err error) {
	wake := c.fiber.Task().Wake
	if len(waits) == 1 {
		return waits[0].On.Notify(wake), c.fiber.Err()
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
				c.GiveWay()
			}
			stop()
		}
	}, err
}

// publish makes the wait visible to Ops.
func (c *Call) publish(now, due time.Time, waits []Wait) {
	for i := range waits {
		if waits[i].Op.Start.IsZero() {
			waits[i].Op.Start = now
		}
		if waits[i].Op.Deadline.IsZero() {
			waits[i].Op.Deadline = due
		}
	}
	c.mu.Lock()
	c.since, c.due, c.waits = now, due, waits
	c.mu.Unlock()
}

func (c *Call) retract() {
	c.mu.Lock()
	c.since, c.due, c.waits = time.Time{}, time.Time{}, nil
	c.mu.Unlock()
}

// Ops returns what the call waits for now; nothing if it does not wait. Any goroutine may call
// it.
func (c *Call) Ops() []Op {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since.IsZero() {
		return nil
	}
	ops := make([]Op, 0, len(c.waits)+1)
	for i := range c.waits {
		ops = append(ops, c.waits[i].Op)
	}
	if !c.due.IsZero() {
		ops = append(ops, Op{Kind: "timer", Start: c.since, Deadline: c.due})
	}
	return ops
}
