package hostcalls

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor/driver"
)

// Blocking runs job on the blocking pool, in a lane, while the fiber is parked. On nil, job has run and
// what it wrote is the caller's to read. The time of a processor that it took is charged to the guest.
//
// An error is the cause of a cancel. It is returned at once, and job may be under way still, or not
// have begun: so job must use nothing that goes away with the guest, its memory least of all. When
// job has ended after all, which it does even if the guest was cancelled before, discard, unless nil, is
// run on the pool, to release what it made.
//
// If job panics, so does Blocking, with a *JobPanic: on the fiber it ends this guest only.
func (c *Call) Blocking(op Op, lane driver.Lane, job, discard func()) error {
	j := &blockingJob{run: job, discard: discard, start: c.guest.driver.Go}
	return c.wait(op, lane, j)
}

// Lookup is Blocking for a job that waits for the network and holds no thread meanwhile. Its context ends
// when the guest is cancelled.
func (c *Call) Lookup(op Op, job func(context.Context)) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	j := &blockingJob{run: func() { job(ctx) }, start: c.guest.driver.GoLookup}
	return c.wait(op, driver.Lane{Kind: op.Kind}, j)
}

func (c *Call) wait(op Op, lane driver.Lane, j *blockingJob) error {
	j.wake = c.fiber.Task().Wake
	spec := driver.Job{
		Run: j.attempt, Done: j.done, Owner: c.guest.owner, Lane: lane,
		Kind: op.Kind, Target: op.Target, Quick: c.quick && op.Bytes != 0,
	}
	j.start(spec)
	waits := [1]Wait{{Op: op, On: j}}
	for j.state.Load() != jobDone {
		if err := c.Await(time.Time{}, waits[:]...); err != nil {
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

// quickTransfer is how long a guest's last job took at most if the next that moves bytes is likely to be
// quick: jobs move 64 KiB at most, which takes a processor microseconds if it need not wait for a disk.
const quickTransfer = 50 * time.Microsecond

// chargeTime charges for time of a processor.
func (c *Call) chargeTime(used time.Duration) error {
	c.fiber.AddCPU(used)
	return c.Charge(fuelOf(used))
}

// JobPanic is what Blocking panics with if its job did.
type JobPanic struct {
	Value any
	Stack []byte
}

func (e *JobPanic) Error() string {
	return fmt.Sprintf("blocking job: panic: %v\n%s", e.Value, e.Stack)
}

// blockingJob is a job that its caller may leave alone. Its state goes from running to either
// done, by the pool, or abandoned, by the fiber; who comes second sees to it that discard is run.
// It is its own Notifier.
type blockingJob struct {
	state   atomic.Uint32
	run     func()
	discard func()
	start   func(driver.Job)
	wake    func()

	// The caller's to read once done.
	panicked *JobPanic
	cost     driver.Cost
}

const (
	jobRunning uint32 = iota
	jobDone
	jobAbandoned
)

// attempt is the job as the pool runs it.
func (j *blockingJob) attempt() { j.panicked = protect(j.run) }

// done is the pool's, when the job has run.
func (j *blockingJob) done(cost driver.Cost) {
	j.cost = cost
	if j.state.CompareAndSwap(jobRunning, jobDone) {
		j.wake()
		return
	}
	j.release()
}

// abandon gives up waiting for the job, or what it made.
func (j *blockingJob) abandon(spec driver.Job) {
	if !j.state.CompareAndSwap(jobRunning, jobAbandoned) && j.discard != nil {
		spec.Run, spec.Done, spec.Quick = j.release, nil, false
		j.start(spec)
	}
}

// release runs discard. A panic of it has no guest left to end.
func (j *blockingJob) release() {
	if j.discard != nil && j.panicked == nil {
		_ = protect(j.discard)
	}
}

// Notify has nothing to arrange: done wakes the task.
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
