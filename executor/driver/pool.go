package driver

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/internal/notify"
)

// Job is a piece of work that may block.
type Job struct {
	// Run does the work. A job recovers its own panics, because only its owner can end the guest that
	// it works for. A panic that it does not recover is a fault of the daemon and ends the process.
	Run func()
	// Done, unless nil, is called after Run.
	Done func(Cost)
	// Owner is the workload that the job belongs to, and Tenant whose that is. Tenants take turns, and so do a tenant's owners.
	Owner, Tenant string
	// Lane is what the job may wait for.
	Lane Lane
	// Kind and Target describe the job in a HungError.
	Kind, Target string
	// Quick says that the job probably gets its result from memory, so that elapsed time is processor
	// time. Asking for a thread's processor time twice takes twice as long as a small read.
	Quick bool
}

// Cost is the time that a job took.
type Cost struct {
	CPU     time.Duration // processor time
	Elapsed time.Duration
}

// pool runs jobs, each on a goroutine of its own, in the order of its schedule. A goroutine lives for one
// job: starting one is cheap compared to anything that blocks.
//
// Two bounds hold for running jobs. There are at most limit of them. And at most busyMax of them are
// busy, that is, use a processor, or they would take the processors from the workers: only jobs that
// wait make room for others.
//
//  1. A job that starts counts as busy.
//  2. While jobs are queued, a sampler measures every sampleEvery how much processor time each running
//     job has had. A job that had less than half of the time, and not for lack of a processor, counts as
//     waiting until that changes. (TestPoolStartsMoreBesideThoseThatWait, TestPoolKeepsToProcessors)
//  3. When a job ends or no longer counts as busy, the next one is started.
type pool struct {
	limit      int
	busyMax    int
	ownThreads bool // each job runs on a thread of its own

	mu       sync.Mutex // guards the fields below
	schedule schedule
	running  map[*job]struct{}
	busy     int  // running jobs that count as busy
	ending   int  // jobs that have run and whose Done has not returned
	sampling bool // the sampler runs
	closed   bool
	idle     notify.Broadcast // tells that no job runs or is queued
}

// job is a Job on its way through the pool.
type job struct {
	Job
	started time.Time

	// Stored by the job's goroutine, thread last. They are atomic rather than guarded by mu, since a
	// goroutine that is locked to its thread pays a thread switch when it waits for a lock.
	thread     atomic.Int64 // zero until it is known
	cpuAtStart atomic.Int64 // processor time of the thread before the job, in nanoseconds; zero if not known

	// Guarded by pool.mu once the job runs.
	busy       bool
	sampledAt  time.Time     // when the job was last sampled
	sampledCPU time.Duration // processor time of the thread at sampledAt; zero if not sampled yet
}

// sampleEvery is the interval of the sampler. It bounds how long a quick job waits behind slow jobs that
// do not use a processor.
const sampleEvery = time.Millisecond

func newPool(limit, busyMax int, ownThreads bool) *pool {
	share := max(limit/shareDivisor, 1)
	return &pool{
		limit: limit, busyMax: busyMax, ownThreads: ownThreads,
		schedule: newSchedule(limit, share, share), running: map[*job]struct{}{},
	}
}

func (p *pool) add(j Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		panic("driver: Go after Close")
	}
	made := &job{Job: j}
	if p.hasRoom() && p.schedule.admit(made) {
		p.launch(made)
		return
	}
	p.schedule.push(made)
	p.start()
}

func (p *pool) hasRoom() bool { return p.busy < p.busyMax && len(p.running) < p.limit }

// launch runs a job that the schedule counts as running. The caller holds mu.
func (p *pool) launch(j *job) {
	j.started, j.busy = time.Now(), true
	j.sampledAt = j.started
	p.busy++
	p.running[j] = struct{}{}
	go p.run(j)
}

// start launches queued jobs while the bounds allow it. The caller holds mu.
func (p *pool) start() {
	for p.hasRoom() {
		j := p.schedule.take()
		if j == nil {
			break
		}
		p.launch(j)
	}
	if p.schedule.waiting > 0 && !p.sampling && p.busyMax < p.limit {
		p.sampling = true
		go p.sampleJobs()
	}
}

// notifyIfIdle wakes close if no job is left. The caller holds mu.
func (p *pool) notifyIfIdle() {
	if p.idle.Awaited() && p.schedule.waiting == 0 && len(p.running) == 0 && p.ending == 0 && !p.sampling {
		p.idle.Tell()
	}
}

// run is a job's goroutine.
func (p *pool) run(j *job) {
	cost := p.runTimed(j)
	p.mu.Lock()
	if j.busy {
		p.busy--
	}
	delete(p.running, j)
	p.schedule.release(j)
	p.ending++
	p.start()
	p.mu.Unlock()
	if j.Done != nil { // called when the job's place is free, so Done's owner can start the next job at once
		j.Done(cost)
	}
	p.mu.Lock()
	p.ending--
	p.notifyIfIdle()
	p.mu.Unlock()
}

// maxUntimedCPU bounds the processor time charged to a job whose thread's time was not measured: most of
// the elapsed time may have been waiting.
const maxUntimedCPU = time.Millisecond

// runTimed runs the job on a locked thread, so that the thread's time is the job's, and returns its cost.
func (p *pool) runTimed(j *job) Cost {
	if !p.ownThreads {
		j.Run()
		return Cost{}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread := currentThread()
	var before time.Duration
	known := false
	if !j.Quick {
		before, known = threadTime(thread)
		j.cpuAtStart.Store(int64(before))
	}
	j.thread.Store(int64(thread))
	start := time.Now()
	j.Run()
	elapsed := time.Since(start)
	if known {
		if after, ok := threadTime(thread); ok {
			return Cost{CPU: after - before, Elapsed: elapsed}
		}
	}
	return Cost{CPU: min(elapsed, maxUntimedCPU), Elapsed: elapsed}
}

// sampleJobs is the sampler's goroutine. It lives while jobs are queued.
func (p *pool) sampleJobs() {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for range tick.C {
		if !p.sample(time.Now()) {
			return
		}
	}
}

// sample updates which running jobs count as busy and starts queued ones. It returns false if no job is
// queued, so that the sampler ends.
func (p *pool) sample(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.schedule.waiting == 0 {
		p.sampling = false
		p.notifyIfIdle()
		return false
	}
	for j := range p.running {
		passed := now.Sub(j.sampledAt)
		if passed < sampleEvery {
			continue
		}
		busy := passed < assumeBusy
		if thread := int(j.thread.Load()); thread != 0 {
			busy = j.wasBusy(thread, now)
		}
		if busy != j.busy {
			j.busy = busy
			if busy {
				p.busy++
			} else {
				p.busy--
			}
		}
	}
	p.start()
	return true
}

// wasBusy reports whether a job has been busy since it was last sampled. Where that is not known yet,
// it returns what was known before.
func (j *job) wasBusy(thread int, now time.Time) bool {
	passed, before := now.Sub(j.sampledAt), j.sampledCPU
	if before == 0 {
		before = time.Duration(j.cpuAtStart.Load())
	}
	used, _ := threadTime(thread)
	j.sampledAt, j.sampledCPU = now, used
	if before == 0 {
		return j.busy
	}
	return isBusy(passed, used-before, j.busy && threadRunnable(thread))
}

// assumeBusy is how long a job counts as busy where the processor time of threads is not known.
const assumeBusy = 10 * sampleEvery

// isBusy reports whether a job counts as busy that used a processor for a part of the time passed, and
// that is runnable now or not.
func isBusy(passed, used time.Duration, runnable bool) bool { return used > passed/2 || runnable }

// HungError lists the jobs that had not ended when Close gave up.
type HungError struct {
	Jobs    []HungJob // the longest running first
	Waiting int       // jobs that were not started because of them
	Err     error     // why Close gave up
}

// HungJob is a job that has not ended.
type HungJob struct {
	Owner, What string
	Started     time.Time
}

func (e *HungError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d blocking jobs have not ended, %d not begun: %v", len(e.Jobs), e.Waiting, e.Err)
	for i, h := range e.Jobs {
		if i == 5 {
			b.WriteString("; and more")
			break
		}
		fmt.Fprintf(&b, "; %s of %s, for %v", h.What, h.Owner, time.Since(h.Started).Round(time.Second))
	}
	return b.String()
}

func (e *HungError) Unwrap() error { return e.Err }

// close refuses new jobs and waits for the existing ones until ctx ends.
func (p *pool) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	idle := p.idle.Next()
	p.notifyIfIdle()
	p.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return p.hung(context.Cause(ctx))
	}
}

// hung returns the error that lists the running jobs.
func (p *pool) hung(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &HungError{Waiting: p.schedule.waiting, Err: err}
	for j := range p.running {
		e.Jobs = append(e.Jobs, HungJob{j.Owner, j.Kind + " " + j.Target, j.started})
	}
	slices.SortFunc(e.Jobs, func(a, b HungJob) int { return a.Started.Compare(b.Started) })
	return e
}
