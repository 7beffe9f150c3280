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
)

// Job is a piece of work that may block.
type Job struct {
	// Run does it. A job recovers its own panics, because only its owner can end the guest it works
	// for. One that does not is a fault of the daemon's own code and ends the process.
	Run func()
	// Done, unless nil, is called after Run.
	Done func(Cost)
	// Owner is on whose behalf it is done: owners take turns.
	Owner string
	// Lane is what it may have to wait for.
	Lane Lane
	// Kind and Target tell the job to those who look for what hangs.
	Kind, Target string
	// Quick tells that it is likely to have its result at once, from memory, so that the time that passes
	// is that of its processor. To ask for a thread's time twice takes twice as long as a small read.
	Quick bool
}

// Cost is what a job took.
type Cost struct {
	Used   time.Duration // time of a processor
	Passed time.Duration // time
}

// pool runs jobs, each on a goroutine of its own, in the order of its schedule. A goroutine lives for one
// job: starting one costs less than anything that is worth being called blocking.
//
// Two things bound the jobs that run. There are no more than limit, whatever they do. And no more are
// busy, which is to use a processor, than there are processors for them, or they would keep the workers
// from theirs: only jobs that wait make room for others.
//
//  1. A job that starts counts as busy.
//  2. As long as jobs wait to be started, the watcher looks once in watchEvery at how much of that time
//     each job that runs has had a processor. Less than half of it, and not for want of one: it counts
//     as waiting, until that changes. (TestPoolStartsMoreBesideThoseThatWait, TestPoolKeepsToProcessors)
//  3. When a job ends or no longer counts as busy, the next one is started.
type pool struct {
	limit   int
	busyMax int
	threads bool // each job has a thread

	mu       sync.Mutex
	schedule schedule
	running  map[*job]struct{}
	busy     int
	ending   int  // jobs that have run and whose Done has not returned
	watching bool // there is a watcher
	closed   bool
	empty    chan struct{} // closed when nothing runs and nothing waits; nil if nobody asks
}

// job is a Job on its way through the pool.
type job struct {
	Job
	began time.Time

	// Stored by its goroutine, the thread last: mu would cost it the thread that it keeps.
	thread atomic.Int64 // zero until it is known
	before atomic.Int64 // nanoseconds of a processor that the thread had used before it; zero if not known

	// Guarded by pool.mu, from when it has begun to run.
	busy   bool
	looked time.Time     // when the watcher last looked
	used   time.Duration // what the thread had used then; zero if it has not been looked at
}

// watchEvery is how often it is looked for jobs that wait. It bounds what a quick job waits for behind
// slow ones, where slow ones leave it room at all.
const watchEvery = time.Millisecond

// shares is the part of a pool that one lane, or one owner, may take: a quarter.
const shares = 4

func newPool(limit, busyMax int, threads bool) *pool {
	share := max(limit/shares, 1)
	return &pool{
		limit: limit, busyMax: busyMax, threads: threads,
		schedule: newSchedule(share, share), running: map[*job]struct{}{},
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

// launch runs a job that the schedule counts as running; mu is held.
func (p *pool) launch(j *job) {
	j.began, j.busy = time.Now(), true
	j.looked = j.began
	p.busy++
	p.running[j] = struct{}{}
	go p.run(j)
}

// start starts what may be started; mu is held.
func (p *pool) start() {
	for p.hasRoom() {
		j := p.schedule.take()
		if j == nil {
			break
		}
		p.launch(j)
	}
	if p.schedule.waiting > 0 && !p.watching && p.busyMax < p.limit {
		p.watching = true
		go p.watch()
	}
}

// drained tells close if nothing is left; mu is held.
func (p *pool) drained() {
	if p.empty != nil && p.schedule.waiting == 0 && len(p.running) == 0 && p.ending == 0 && !p.watching {
		close(p.empty)
		p.empty = nil
	}
}

// run is a job's goroutine. It keeps its thread, so that the thread's time is the job's.
func (p *pool) run(j *job) {
	cost := p.timed(j)
	p.mu.Lock()
	if j.busy {
		p.busy--
	}
	delete(p.running, j)
	p.schedule.done(j)
	p.ending++
	p.start()
	p.mu.Unlock()
	if j.Done != nil { // its place is free by now: who is told may have the next job at once
		j.Done(cost)
	}
	p.mu.Lock()
	p.ending--
	p.drained()
	p.mu.Unlock()
}

// maxUntimed bounds what a job is charged by the time that passed, where the thread's was not asked for or
// is not known: most of it may have been waiting.
const maxUntimed = time.Millisecond

func (p *pool) timed(j *job) Cost {
	if !p.threads {
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
		j.before.Store(int64(before))
	}
	j.thread.Store(int64(thread))
	began := time.Now()
	j.Run()
	passed := time.Since(began)
	if known {
		if after, ok := threadTime(thread); ok {
			return Cost{after - before, passed}
		}
	}
	return Cost{min(passed, maxUntimed), passed}
}

// watch is the watcher's goroutine; it lives while jobs wait to be started.
func (p *pool) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for range tick.C {
		if !p.look(time.Now()) {
			return
		}
	}
}

// look does what the watcher does; it is false if there is no need for one.
func (p *pool) look(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.schedule.waiting == 0 {
		p.watching = false
		p.drained()
		return false
	}
	for j := range p.running {
		passed := now.Sub(j.looked)
		if passed < watchEvery {
			continue
		}
		busy := passed < untimedBusy
		if thread := int(j.thread.Load()); thread != 0 {
			busy = j.lookAt(thread, now)
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

// lookAt tells whether a job has been busy since it was last looked at. What is not known yet is as it was.
func (j *job) lookAt(thread int, now time.Time) bool {
	passed, before := now.Sub(j.looked), j.used
	if before == 0 {
		before = time.Duration(j.before.Load())
	}
	used, _ := threadTime(thread)
	j.looked, j.used = now, used
	if before == 0 {
		return j.busy
	}
	return isBusy(passed, used-before, j.busy && threadRunnable(thread))
}

// untimedBusy is for how long a job counts as busy where threads can't be looked at.
const untimedBusy = 10 * watchEvery

// isBusy tells whether a job is busy that used a processor for so much of the time that passed, and that
// is runnable now.
func isBusy(passed, used time.Duration, runnable bool) bool { return used > passed/2 || runnable }

// HungError says which jobs have not ended.
type HungError struct {
	Jobs    []Hung // the longest first
	Waiting int    // jobs that were not started because of them
	Err     error
}

// Hung is a job that hangs.
type Hung struct {
	Owner, What string
	Began       time.Time
}

func (e *HungError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d blocking jobs have not ended, %d not begun: %v", len(e.Jobs), e.Waiting, e.Err)
	for i, h := range e.Jobs {
		if i == 5 {
			b.WriteString("; and more")
			break
		}
		fmt.Fprintf(&b, "; %s of %s, for %v", h.What, h.Owner, time.Since(h.Began).Round(time.Second))
	}
	return b.String()
}

func (e *HungError) Unwrap() error { return e.Err }

// close refuses further jobs and waits for those there are, until ctx ends.
func (p *pool) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	if p.empty == nil {
		p.empty = make(chan struct{})
	}
	empty := p.empty
	p.drained()
	p.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return p.hung(context.Cause(ctx))
	}
}

// hung tells what runs.
func (p *pool) hung(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &HungError{Waiting: p.schedule.waiting, Err: err}
	for j := range p.running {
		e.Jobs = append(e.Jobs, Hung{j.Owner, j.Kind + " " + j.Target, j.began})
	}
	slices.SortFunc(e.Jobs, func(a, b Hung) int { return a.Began.Compare(b.Began) })
	return e
}
