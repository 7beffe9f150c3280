package hostcalls

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor/driver"
)

// Blocking runs job on the blocking pool while the fiber is parked. On nil, job has run and what
// it wrote is the caller's to read.
//
// An error is the cause of a cancel. It is returned at once, and job may be under way still, or not
// have begun: so job must use nothing that goes away with the guest, its memory least of all. When
// job has ended after all, discard, unless nil, is run on the pool, to release what it made.
//
// If job panics, so does Blocking, with a *JobPanic: on the fiber it ends this guest only.
func (g *Guest) Blocking(op Op, job, discard func()) error {
	if err := g.fiber.Err(); err != nil {
		return err
	}
	j := &blockingJob{wake: g.fiber.Task().Wake, driver: g.driver, job: job, discard: discard}
	g.driver.Go(j.run)
	waits := [1]Wait{{Op: op, On: j}}
	for j.state.Load() != jobDone {
		if err := g.Await(time.Time{}, waits[:]...); err != nil {
			j.abandon()
			return err
		}
	}
	if j.panicked != nil {
		panic(j.panicked)
	}
	return nil
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
	state    atomic.Uint32
	wake     func()
	driver   *driver.Driver
	job      func()
	discard  func()
	panicked *JobPanic // the caller's to read once done
}

const (
	jobRunning uint32 = iota
	jobDone
	jobAbandoned
)

// run is the job as the pool runs it.
func (j *blockingJob) run() {
	j.panicked = protect(j.job)
	if j.state.CompareAndSwap(jobRunning, jobDone) {
		j.wake()
		return
	}
	j.release()
}

// abandon gives up waiting for the job.
func (j *blockingJob) abandon() {
	if !j.state.CompareAndSwap(jobRunning, jobAbandoned) {
		j.driver.Go(j.release)
	}
}

// release runs discard. A panic of it has no guest left to end.
func (j *blockingJob) release() {
	if j.discard != nil && j.panicked == nil {
		_ = protect(j.discard)
	}
}

// Notify has nothing to arrange: run wakes the task.
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
