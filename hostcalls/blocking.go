package hostcalls

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor/driver"
)

// Blocking runs job on the blocking pool, in a lane, while the fiber is parked. If it returns nil, job has
// run and the caller may read its results. Its processor time is charged to the guest.
//
// An error is the cause of a cancel. It is returned at once, when job may still be running or queued. So job
// must not use anything that ends with the guest, in particular its memory. job runs even if the guest is
// cancelled first. When it has ended, discard, unless nil, runs on the pool to release what it made.
//
// If job panics, Blocking panics on the fiber with a *JobPanic, which ends only this guest.
func (c *Call) Blocking(op Op, lane driver.Lane, job, discard func()) error {
	return c.BlockingUntil(nil, op, lane, job, discard)
}

// BlockingUntil is Blocking for a job that is not worth waiting for once over returns an error: then the job is given up
// as in a cancel, and the error is that of over. Whoever makes over return one has to wake the call (Waker).
func (c *Call) BlockingUntil(over func() error, op Op, lane driver.Lane, job, discard func()) error {
	j := &blockingJob{run: job, discard: discard, start: c.guest.driver.Go}
	return c.wait(over, op, lane, j)
}

// Lookup is BlockingUntil for a job that holds no thread while it waits for the network. The job's context is
// cancelled when the job is given up.
func (c *Call) Lookup(over func() error, op Op, lane driver.Lane, job func(context.Context)) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	j := &blockingJob{run: func() { job(ctx) }, start: c.guest.driver.GoLookup}
	return c.wait(over, op, lane, j)
}

func (c *Call) wait(over func() error, op Op, lane driver.Lane, j *blockingJob) error {
	j.wake = c.Waker()
	spec := driver.Job{
		Run: j.attempt, Done: j.done, Tenant: c.Tenant(), Owner: c.guest.owner, Lane: lane,
		Kind: op.Kind.String(), Target: op.Target, Quick: c.quick && op.Bytes != 0,
	}
	j.start(spec)
	waits := [1]Wait{{Op: op, On: j}}
	for j.state.Load() != jobDone {
		err := c.Await(time.Time{}, waits[:]...)
		if err == nil && over != nil && j.state.Load() != jobDone {
			err = over()
		}
		if err != nil {
			j.abandon(spec)
			return err
		}
	}
	if j.panicked != nil {
		panic(j.panicked)
	}
	c.quick = j.cost.Elapsed < quickTransfer
	if err := c.chargeTime(j.cost.CPU); err != nil {
		j.abandon(spec)
		return err
	}
	return nil
}

// Release runs release on the blocking pool and does not wait for it. The guest, if it still runs, is charged
// for the processor time. It may be called from any goroutine.
func (c *Call) Release(op Op, lane driver.Lane, release func()) {
	g := c.guest
	g.driver.Go(driver.Job{
		Run:    release,
		Done:   func(cost driver.Cost) { g.released.Add(int64(cost.CPU)) },
		Tenant: c.Tenant(), Owner: g.owner, Lane: lane, Kind: op.Kind.String(), Target: op.Target,
	})
}

// quickTransfer bounds the time of a job for the next transfer to be taken for quick. A job moves at most 64
// KiB, which takes microseconds of processor time unless it waits for a disk.
const quickTransfer = 50 * time.Microsecond

// chargeTime charges for processor time.
func (c *Call) chargeTime(used time.Duration) error {
	c.fiber.Load().AddCPU(used)
	return c.Charge(fuelOf(used))
}

// JobPanic is the panic of a blocking job.
type JobPanic struct {
	Value any
	Stack []byte
}

func (e *JobPanic) Error() string {
	return fmt.Sprintf("blocking job: panic: %v\n%s", e.Value, e.Stack)
}

// blockingJob is a job that its caller may abandon. Its state goes from running to done, set by the pool, or
// to abandoned, set by the fiber. Whichever comes second runs discard. The job is its own Notifier.
type blockingJob struct {
	state   atomic.Uint32
	run     func()
	discard func()
	start   func(driver.Job)
	wake    func()

	// Set by the pool before the state becomes done, read by the caller after.
	panicked *JobPanic
	cost     driver.Cost
}

const (
	jobRunning uint32 = iota
	jobDone
	jobAbandoned
)

// attempt runs the job on the pool.
func (j *blockingJob) attempt() { j.panicked = protect(j.run) }

// done is called by the pool when the job has run.
func (j *blockingJob) done(cost driver.Cost) {
	j.cost = cost
	if j.state.CompareAndSwap(jobRunning, jobDone) {
		j.wake()
		return
	}
	j.release()
}

// abandon gives up the job, or its results if it is done.
func (j *blockingJob) abandon(spec driver.Job) {
	if !j.state.CompareAndSwap(jobRunning, jobAbandoned) && j.discard != nil {
		spec.Run, spec.Done, spec.Quick = j.release, nil, false
		j.start(spec)
	}
}

// release runs discard. It ignores a panic, since there is no guest left to end.
func (j *blockingJob) release() {
	if j.discard != nil && j.panicked == nil {
		_ = protect(j.discard)
	}
}

// Notify does nothing: done wakes the task.
func (j *blockingJob) Notify(func()) (stop func()) { return func() {} }

func protect(f func()) (panicked *JobPanic) {
	defer func() {
		if v := recover(); v != nil {
			panicked = &JobPanic{Value: v, Stack: debug.Stack()}
		}
	}()
	f()
	return nil
}

// StartLookup starts what Lookup runs, and does not wait. When the job is over, done is called, on the pool; the guest is
// charged for its processor time. cancel gives the job up: its context is cancelled, and it may still run.
func (c *Call) StartLookup(op Op, lane driver.Lane, job func(context.Context), done func()) (cancel func()) {
	g := c.guest
	ctx, cancel := context.WithCancel(context.Background())
	g.driver.GoLookup(driver.Job{
		Run: func() { _ = protect(func() { job(ctx) }) },
		Done: func(cost driver.Cost) {
			g.released.Add(int64(cost.CPU))
			done()
		},
		Tenant: c.Tenant(), Owner: g.owner, Lane: lane, Kind: op.Kind.String(), Target: op.Target,
	})
	return cancel
}
