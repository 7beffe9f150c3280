package hostcalls

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/engine"
)

// Guest is the state of one running program that all calls into it share. It is the executor.Meter of its
// task: it counts the fuel of its instance and the cost of its host calls. It implements engine.Host except
// for Err and Preempt. A type that embeds Guest provides these, by embedding its only [Call] or by
// forwarding to the current one.
//
// A Guest is used from one fiber at a time, the one that runs.
type Guest struct {
	engine.Binding
	driver *driver.Driver
	owner  string

	quantum int64 // fuel of the last Refill
	work    int64 // cost of host calls since then, in units of fuel

	onPreempt func() // or nil

	released atomic.Int64 // processor time used by Release and not charged yet, in nanoseconds
}

// Init initializes a zero Guest. d runs its operations, and owner is its key in what guests share fairly by
// owner. A Guest must not be copied after Init.
func (g *Guest) Init(d *driver.Driver, owner string) {
	g.driver, g.owner = d, owner
	g.quantum = math.MaxInt64 // until the first Refill
}

// OnPreempt has f called on the fiber before the worker is given up since the quantum is spent. f does not wait.
func (g *Guest) OnPreempt(f func()) { g.onPreempt = f }

// Owner returns the owner given to Init.
func (g *Guest) Owner() string { return g.owner }

// Driver returns the driver of the guest's operations.
func (g *Guest) Driver() *driver.Driver { return g.driver }

// Deadline returns no deadline: a workload's deadline cancels its task.
func (g *Guest) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Done returns nil: a cancel reaches a guest through its fiber, at the next wait or fuel check. No host call
// waits on a channel.
func (g *Guest) Done() <-chan struct{} { return nil }

// Refill implements executor.Meter.
func (g *Guest) Refill(quantum int64) {
	g.quantum, g.work = quantum, 0
	if fuel := g.Fuel(); fuel != nil {
		fuel.Refill(quantum)
	}
}

// Burnt implements executor.Meter. It returns the guest's fuel plus the cost of its host calls.
func (g *Guest) Burnt() int64 {
	if fuel := g.Fuel(); fuel != nil {
		return fuel.Burnt() + g.work
	}
	return g.work
}

// FuelPerMicrosecond is the cost of a microsecond of processor time, where work is charged by time: the fuel
// that a computing guest burns in it.
const FuelPerMicrosecond = 2500

func fuelOf(used time.Duration) int64 { return used.Nanoseconds() * FuelPerMicrosecond / 1000 }

// maxCostSince bounds the time that AddCostSince counts: a thread that the system has preempted did not work
// meanwhile.
const maxCostSince = 200 * time.Microsecond

// AddCostSince counts work done on the fiber since start, such as a system call, whose cost is not known in
// advance. It never gives the worker up; the next Charge does.
func (g *Guest) AddCostSince(start time.Time) {
	g.work += fuelOf(min(time.Since(start), maxCostSince))
}

// chargeReleased charges the processor time of releases that have ended. It is called on the fiber after each
// resume.
func (g *Guest) chargeReleased(f *executor.Fiber) {
	if g.released.Load() == 0 {
		return
	}
	used := time.Duration(g.released.Swap(0))
	f.AddCPU(used)
	g.work += fuelOf(used)
}
