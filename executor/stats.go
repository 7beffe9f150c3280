package executor

import (
	"time"

	"github.com/reactord/reactord/executor/internal/histogram"
)

// latenessPeriod bounds how long lateness is remembered: one to two periods.
const latenessPeriod = time.Minute

// Stats are an executor's figures.
type Stats struct {
	// Workers is the number of workers.
	Workers int
	// Ready, Running and Parked are the numbers of tasks in these phases. Their sum is the number of
	// tasks that have not ended, but for those that are parked and uncounted (TaskSpec.Uncounted).
	Ready, Running, Parked int
	// ParkedPeak is the highest value of Parked so far.
	ParkedPeak int
	// Resumes counts the resumes of tasks, Preemptions those that used up a quantum.
	Resumes, Preemptions uint64
	// Fuel is the fuel burnt.
	Fuel uint64
	// Busy is the total processor time of workers on tasks, and of blocking jobs on tasks' behalf.
	Busy time.Duration
	// ReadyTime is the time in which tasks could have run and had no worker.
	ReadyTime GuestTime
	// Waits is the time that tasks have been parked, by kind. It and ReadyTime go on while tasks are ready or parked, and never
	// go back.
	Waits [WaitKinds]WaitTotal
	// Lateness is the delay between timers being due and their tasks being resumed.
	Lateness Lateness
}

// Lateness summarizes the wake-ups by timers in the last one to two minutes.
type Lateness struct {
	Count uint64
	// P50 and P99 are quantiles, at most a sixteenth too high; Max is exact.
	P50, P99, Max time.Duration
}

// LatenessTotal has all wake-ups by timers since the start.
type LatenessTotal struct {
	Buckets []LatenessBucket // those that are not empty, in ascending order
	Count   uint64
	Sum     time.Duration
}

// LatenessBucket is how many wake-ups were at most Upper late, and later than those of the bucket before. Upper is at most a
// sixteenth above each of them, except that of the last bucket, math.MaxInt64.
type LatenessBucket struct {
	Upper time.Duration
	Count uint64
}

// counts is the part of Stats guarded by Executor.mu. The workers hold mu anyway, so counting is free.
type counts struct {
	workers              int
	running              int
	parkedPeak           int
	uncounted            int // tasks that are parked, and that Parked leaves out
	resumes, preemptions uint64
	fuel                 uint64
	busy                 time.Duration
	ready                lasting
	waits                [WaitKinds]lasting
	lateness             *histogram.Recent
}

// beginWait counts the begin of a wait. The caller holds mu.
func (c *counts) beginWait(t *Task, at time.Duration) {
	c.waits[t.waitsFor].begin(at)
	if t.marks&uncounted != 0 {
		c.uncounted++
	}
}

// endWait counts the end of a wait, and that the task is ready from then on. The caller holds mu.
func (c *counts) endWait(t *Task, at time.Duration) {
	c.waits[t.waitsFor].end(at)
	if t.marks&uncounted != 0 {
		c.uncounted--
	}
	c.ready.begin(at)
}

// parked returns the number of parked tasks, which are neither ready nor on a worker, without uncounted ones. The caller
// holds mu. A woken task counts as parked until it is in the queue.
func (e *Executor) parked() int {
	return e.tasks.len - e.queue.len - e.counts.running - e.counts.uncounted
}

// Stats returns the executor's current figures.
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
	now := e.uptime()
	s.ReadyTime = c.ready.total(now)
	for kind := range c.waits {
		wait := &c.waits[kind]
		s.Waits[kind] = WaitTotal{Time: wait.total(now), Count: wait.ended, Going: wait.going}
	}
	late := c.lateness.Snapshot(now)
	e.mu.Unlock()

	s.Lateness = Lateness{
		Count: late.Count(),
		P50:   late.Quantile(0.5),
		P99:   late.Quantile(0.99),
		Max:   late.Max(),
	}
	return s
}

// LatenessTotal returns how late all wake-ups by timers were.
func (e *Executor) LatenessTotal() LatenessTotal {
	e.mu.Lock()
	all := e.counts.lateness.All()
	e.mu.Unlock()
	total := LatenessTotal{Count: all.Count(), Sum: all.Sum()}
	for upper, n := range all.Buckets() {
		total.Buckets = append(total.Buckets, LatenessBucket{upper, n})
	}
	return total
}
