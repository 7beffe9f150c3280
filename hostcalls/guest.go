package hostcalls

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/engine"
)

// Guest is one running program as the host keeps it: what all calls into it share, and pay for together. It is
// the executor.Meter of its task, which counts the fuel of its instance and what its host calls cost, and most
// of an engine.Host; a type that embeds it adds who is running now, Err and Preempt, by embedding the only
// [Call] or by asking the current one.
//
// It is used from one fiber at a time, the one that runs.
type Guest struct {
	engine.Binding
	driver *driver.Driver
	owner  string

	quantum int64 // the fuel of this turn on the worker
	work    int64 // what host calls cost in this turn, in units of fuel

	released atomic.Int64 // nanoseconds of a processor that were used by Release and not charged yet
}

// Init makes a zero Guest one whose operations a driver does. The owner is on whose behalf it runs, for what
// guests share by owners. A Guest must not be copied after.
func (g *Guest) Init(d *driver.Driver, owner string) {
	g.driver, g.owner = d, owner
	g.quantum = math.MaxInt64 // until the first Refill
}

// Owner returns on whose behalf the guest runs.
func (g *Guest) Owner() string { return g.owner }

// Driver returns the driver of the guest's operations.
func (g *Guest) Driver() *driver.Driver { return g.driver }

// Deadline tells that there is none: a workload's deadline is a cancel of its task.
func (g *Guest) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Done returns nil: a cancel reaches a guest through its fiber, at the next wait or fuel check.
// Nothing a host call does can be left waiting on a channel.
func (g *Guest) Done() <-chan struct{} { return nil }

// Refill implements executor.Meter.
func (g *Guest) Refill(quantum int64) {
	g.quantum, g.work = quantum, 0
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

// maxOwed bounds what Owe takes for work: a thread that the system took the processor from did not
// work meanwhile.
const maxOwed = 200 * time.Microsecond

// Owe counts work that was done on the fiber since began, where what it costs is not known before: a
// system call. It never gives the worker up; the next Charge does.
func (g *Guest) Owe(began time.Time) {
	g.work += fuelOf(min(time.Since(began), maxOwed))
}

// Release has release run on the blocking pool, and does not wait for it. The time of a processor that it
// takes is charged to the guest if that is there to be charged.
func (g *Guest) Release(op Op, lane driver.Lane, release func()) {
	g.driver.Go(driver.Job{
		Run:   release,
		Done:  func(cost driver.Cost) { g.released.Add(int64(cost.CPU)) },
		Owner: g.owner, Lane: lane, Kind: op.Kind, Target: op.Target,
	})
}

// chargeReleased charges for what Release had done meanwhile. It is called on the fiber as a turn begins.
func (g *Guest) chargeReleased(f *executor.Fiber) {
	if g.released.Load() == 0 {
		return
	}
	used := time.Duration(g.released.Swap(0))
	f.AddCPU(used)
	g.work += fuelOf(used)
}
