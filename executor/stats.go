package executor

import (
	"time"

	"github.com/reactord/reactord/executor/internal/histogram"
)

// latenessPeriod is how long lateness is remembered: one to two of it.
const latenessPeriod = time.Minute

// Stats is what an executor is doing and has done.
type Stats struct {
	// Workers is how many there are.
	Workers int
	// Ready, Running and Parked count the tasks in these phases: together all that have not ended.
	Ready, Running, Parked int
	// ParkedPeak is the largest Parked there has been.
	ParkedPeak int
	// Resumes counts how often a task was resumed, Preemptions how often one had used up a quantum.
	Resumes, Preemptions uint64
	// Fuel is the fuel burnt.
	Fuel uint64
	// Busy is the time that workers spent on tasks, and blocking jobs on the tasks' behalf, added up.
	Busy time.Duration
	// Lateness is how late tasks that were woken by timers were resumed.
	Lateness Lateness
}

// Lateness tells of the wake-ups by timers in the last one to two minutes.
type Lateness struct {
	Count uint64
	// P50 and P99 are quantiles, too high by a sixteenth at most; Max is exact.
	P50, P99, Max time.Duration
}

// counts is what Executor.mu guards of the Stats. The workers hold mu anyway, so counting is free.
type counts struct {
	workers              int
	running              int
	parkedPeak           int
	resumes, preemptions uint64
	fuel                 uint64
	busy                 time.Duration
	lateness             *histogram.Recent
}

// parked counts the parked tasks: those that are neither ready nor with a worker. mu is held.
//
// Between the transition of a task that is woken and its way into the queue it counts as parked.
func (e *Executor) parked() int {
	return e.tasks.len - e.queue.len - e.counts.running
}

// Stats returns what the executor is doing and has done.
func (e *Executor) Stats() Stats {
	e.mu.Lock()
	c := &e.counts
	s := Stats{
		Workers:     c.workers,
		Ready:       e.queue.len,
		Running:     c.running,
		Parked:      e.parked(),
		ParkedPeak:  c.parkedPeak,
		Resumes:     c.resumes,
		Preemptions: c.preemptions,
		Fuel:        c.fuel,
		Busy:        c.busy,
	}
	late := c.lateness.Snapshot(e.uptime())
	e.mu.Unlock()

	s.Lateness = Lateness{
		Count: late.Count(),
		P50:   late.Quantile(0.5),
		P99:   late.Quantile(0.99),
		Max:   late.Max(),
	}
	return s
}
