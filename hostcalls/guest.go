package hostcalls

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/engine"
)

// Guest is one running program as its host calls see it: the engine.Host of its instance, and so
// the context of every host function; the executor.Meter of its task; and what it waits for.
//
// All methods but Ops are for the guest's fiber. How a wait goes, in steps:
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
type Guest struct {
	engine.Binding
	fiber  *executor.Fiber
	driver *driver.Driver
	owner  string
	timer  driver.Timer
	armed  bool // timer has been initialised

	quantum int64 // the fuel of this turn on the worker
	work    int64 // what host calls cost in this turn, in units of fuel

	quick bool // its last blocking job was

	released atomic.Int64 // nanoseconds of a processor that were used by Release and not charged yet

	mu    sync.Mutex
	since time.Time // when the wait began; zero if there is none
	due   time.Time // when the wait ends by itself, or zero
	waits []Wait    // what else ends it
}

// Op is one pending host operation.
type Op struct {
	Kind     string // timer, read, write, accept, file, connect, instantiate
	Target   string // what it acts on: a descriptor, a path, an address
	Start    time.Time
	Deadline time.Time // when it ends by itself; zero if it does not
	Bytes    uint64    // the size of the buffer it reads into or writes from
}

// Wait is one thing a guest waits for: how it is told to others, and who knows when it is over.
// Await fills in the Op's times where they are zero.
type Wait struct {
	Op Op
	On Notifier
}

// Init makes a zero Guest that of a fiber. The owner is on whose behalf it runs, for what guests share by
// owners. A Guest must not be copied after.
func (g *Guest) Init(f *executor.Fiber, d *driver.Driver, owner string) {
	g.fiber, g.driver, g.owner = f, d, owner
	g.quantum = math.MaxInt64 // until the first Refill
}

// Fiber returns the fiber the guest runs on.
func (g *Guest) Fiber() *executor.Fiber { return g.fiber }

// Owner returns on whose behalf the guest runs.
func (g *Guest) Owner() string { return g.owner }

// Driver returns the driver of the guest's operations.
func (g *Guest) Driver() *driver.Driver { return g.driver }

// Deadline tells that there is none: a workload's deadline is a cancel of its task.
func (g *Guest) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Done returns nil: a cancel reaches a guest through its fiber, at the next wait or fuel check.
// Nothing a host call does can be left waiting on a channel.
func (g *Guest) Done() <-chan struct{} { return nil }

// Err returns the cause of the cancel, or nil.
func (g *Guest) Err() error { return g.fiber.Err() }

// Preempt gives the worker up for a turn. The engine calls it when the fuel of the turn is spent.
func (g *Guest) Preempt() error { return g.fiber.Preempt() }

// Refill implements executor.Meter.
func (g *Guest) Refill(quantum int64) {
	g.quantum, g.work = quantum, 0
	if g.released.Load() != 0 {
		used := time.Duration(g.released.Swap(0))
		g.fiber.UsedElsewhere(used)
		g.work = fuelOf(used)
	}
	if i := g.Instance(); i != nil {
		i.Refill(quantum)
	}
}

// Burnt implements executor.Meter: the guest's fuel, and what its host calls cost.
func (g *Guest) Burnt() int64 {
	if i := g.Instance(); i != nil {
		return i.Burnt() + g.work
	}
	return g.work
}

// FuelPerMicrosecond is what a microsecond of a processor's time costs where work is charged by the
// time it takes: what a guest burns that computes.
const FuelPerMicrosecond = 2500

func fuelOf(used time.Duration) int64 { return used.Nanoseconds() * FuelPerMicrosecond / 1000 }

// Charge counts work that is about to be done for the guest, in units of fuel (about one instruction,
// 0.4 ns), and gives the worker up when host calls alone have taken a quantum: a guest that makes one
// host call after the other burns little fuel of its own. For work that is worth several quanta it
// gives the worker up as many times, as if the guest had computed for as long.
//
// A host call whose work grows with its arguments charges for it piece by piece, each worth less than
// a quantum, so that it is interrupted like computing.
func (g *Guest) Charge(units int64) error {
	g.work += units
	if g.work < g.quantum {
		return nil
	}
	turn := max(g.quantum, 1)
	for owed := g.work; owed >= turn; owed, turn = owed-turn, max(g.quantum, 1) {
		if err := g.fiber.Preempt(); err != nil {
			return err
		}
	}
	return nil
}

// maxOwed bounds what Owe takes for work: a thread that the system took the processor from did not
// work meanwhile.
const maxOwed = 200 * time.Microsecond

// Owe counts work that was done on the fiber since began, where what it costs is not known before: a
// system call. It never gives the worker up; the next Charge does.
func (g *Guest) Owe(began time.Time) {
	g.work += fuelOf(min(time.Since(began), maxOwed))
}

// GiveWay gives the worker up if a quantum is spent, for work that has to be done even if the guest is
// cancelled.
func (g *Guest) GiveWay() {
	if g.work >= g.quantum {
		g.fiber.Yield()
	}
}

// Sleep parks until due. It allocates nothing after the first.
func (g *Guest) Sleep(due time.Time) error {
	for {
		if err := g.Await(due); err != nil {
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
func (g *Guest) Await(due time.Time, waits ...Wait) error {
	now := time.Now()
	if !due.IsZero() && !due.After(now) {
		if len(waits) == 0 {
			return g.fiber.Err()
		}
		stop, err := g.notify(waits)
		stop()
		return err
	}
	g.publish(now, due, waits)
	defer g.retract()
	if !due.IsZero() {
		g.startTimer(due)
		defer g.driver.Stop(&g.timer)
	}
	if len(waits) > 0 {
		stop, err := g.notify(waits)
		defer stop()
		if err != nil {
			return err
		}
	}
	return g.fiber.Park()
}

func (g *Guest) startTimer(due time.Time) {
	if !g.armed {
		g.timer.Init(g.fiber.Task().WakeDue)
		g.armed = true
	}
	g.driver.Start(&g.timer, due)
}

const (
	// waitCost is what arming and disarming one of several waits costs, beside the system calls.
	waitCost = 250
	// waitsAtOnce is how many are armed or disarmed before the quantum is looked at.
	waitsAtOnce = 16
)

// notify arms the waits and returns what disarms them, which is to be called in any case. With many
// waits both give the worker up in between. The error is the cause of a cancel.
func (g *Guest) notify(waits []Wait) (stop func(), err error) {
	wake := g.fiber.Task().Wake
	if len(waits) == 1 {
		return waits[0].On.Notify(wake), g.fiber.Err()
	}
	stops := make([]func(), 0, len(waits))
	for i := range waits {
		if i%waitsAtOnce == 0 {
			if err = g.Charge(int64(min(waitsAtOnce, len(waits)-i)) * waitCost); err != nil {
				break
			}
		}
		stops = append(stops, waits[i].On.Notify(wake))
	}
	return func() {
		for i, stop := range stops {
			if i%waitsAtOnce == 0 {
				g.GiveWay()
			}
			stop()
		}
	}, err
}

// publish makes the wait visible to Ops.
func (g *Guest) publish(now, due time.Time, waits []Wait) {
	for i := range waits {
		if waits[i].Op.Start.IsZero() {
			waits[i].Op.Start = now
		}
		if waits[i].Op.Deadline.IsZero() {
			waits[i].Op.Deadline = due
		}
	}
	g.mu.Lock()
	g.since, g.due, g.waits = now, due, waits
	g.mu.Unlock()
}

func (g *Guest) retract() {
	g.mu.Lock()
	g.since, g.due, g.waits = time.Time{}, time.Time{}, nil
	g.mu.Unlock()
}

// Ops returns what the guest waits for now; nothing if it does not wait. Any goroutine may call
// it.
func (g *Guest) Ops() []Op {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.since.IsZero() {
		return nil
	}
	ops := make([]Op, 0, len(g.waits)+1)
	for i := range g.waits {
		ops = append(ops, g.waits[i].Op)
	}
	if !g.due.IsZero() {
		ops = append(ops, Op{Kind: "timer", Start: g.since, Deadline: g.due})
	}
	return ops
}
