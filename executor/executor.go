package executor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/internal/histogram"
	"github.com/reactord/reactord/internal/notify"
)

var (
	// ErrClosed is returned by Spawn after Close. It is also the cause with which Close cancels tasks.
	ErrClosed = errors.New("executor: closed")
	// ErrOutOfFuel is returned by Preempt when the task has burnt more than its fuel limit.
	ErrOutOfFuel = errors.New("executor: out of fuel")
	// ErrEnded is returned to fibers that are left when another fiber has ended their task.
	ErrEnded = errors.New("executor: the task has ended")
)

// Config configures an executor. The zero value is valid.
type Config struct {
	// Workers is the number of goroutines that run tasks. Default GOMAXPROCS.
	Workers int
	// Quantum is the fuel a task may burn before it gives its worker up. Default 500,000, about
	// 200 microseconds of compiled WebAssembly. A task that burns fuel much slower than that is given
	// proportionally less at a time. More than 2^31-1, which takes most of a second, counts as that.
	Quantum int64
	// Driver configures the executor's driver.
	Driver driver.Config
}

func (c Config) withDefaults() Config {
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Quantum == 0 {
		c.Quantum = 500_000
	}
	c.Quantum = min(c.Quantum, maxQuantum)
	return c
}

// Validate returns an error that lists all faults of the configuration.
func (c Config) Validate() error {
	var faults []error
	if c.Workers < 0 {
		faults = append(faults, fmt.Errorf("executor: Workers is %d, want 1 or more (0 for the default)", c.Workers))
	}
	if c.Quantum < 0 {
		faults = append(faults, fmt.Errorf("executor: Quantum is %d, want 1 or more (0 for the default)", c.Quantum))
	}
	return errors.Join(append(faults, c.Driver.Validate())...)
}

// Executor runs tasks. Make one with New, end it with Close.
//
// mu is taken twice each time a task waits: by the goroutine that wakes the task, and by the worker,
// which gives the last task back and takes the next under one lock.
//
// # Sleeping workers
//
// A worker that finds nothing ready sleeps. Waking one costs a microsecond or more, and by the time
// it looks, a worker that was awake may have run the task. So workers are woken one at a time:
//
//  1. A worker that finds nothing ready puts itself on idle, gives up mu, and waits on its channel.
//     (TestTimerWakesTask: virtual time passes only when all sleep.)
//  2. A goroutine that has changed the queue wakes a worker before it gives up mu, if more tasks are
//     ready than workers are looking, some worker sleeps, and waking is not set. It takes the last
//     worker from idle (whose caches are warmest), sets waking, gives up mu and sends to the worker's
//     channel, which has room for it. (TestWakeInEveryPhase, TestStats)
//  3. The woken worker takes mu, clears waking, and takes a task if there still is one. By 2 it
//     wakes the next worker if there are more. (TestSleepingWorkersAreWoken)
//  4. A worker that takes events of sockets or lets other goroutines run is looking: it takes a task
//     right afterwards. So a task that is preempted, or woken by the events that its worker takes,
//     stays with that worker and its caches. (TestLoneTaskKeepsItsWorker)
//
// So whenever mu is free, tasks are ready and workers sleep, one worker is about to look. No wake-up
// is lost, since all of this happens under mu. Many tasks that become ready at once wake one worker
// after the other, as fast as each can look. A single task that waits and is woken a million times a
// second does not wake a second worker a million times.
//
// Rejected: a channel or [sync.Cond] as the ready queue (wakes as many workers as there are tasks); a
// queue for each worker and stealing (no shared lock, but fairness between tenants would hold within
// a worker only, and at two to sixteen workers the lock is held for less than a tenth of the time).
type Executor struct {
	driver  *driver.Driver
	quantum quantum
	yielder *yielder
	workers sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	queue   readyQueue
	idle    []*worker        // sleeping workers, last in, first out
	waking  bool             // a worker was taken from idle and has not looked yet
	looking int              // workers that are awake and about to look
	events  bool             // sockets have events that no worker has taken
	gate    eventGate        // when workers take them
	closed  bool             // Spawn fails
	quit    bool             // workers end when nothing is ready
	tasks   taskSet          // tasks that have not ended
	drained notify.Broadcast // tells that no task is left
	counts  counts
}

// New starts an executor and its driver.
func New(cfg Config) (*Executor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	y, err := newYielder()
	if err != nil {
		return nil, fmt.Errorf("executor: %w", err)
	}
	e := &Executor{
		quantum: newQuantum(cfg.Quantum),
		yielder: y,
		queue:   newReadyQueue(cfg.Quantum),
		counts:  counts{workers: cfg.Workers, lateness: histogram.NewRecent(latenessPeriod)},
	}
	cfg.Driver.OnEvents = e.onEvents
	e.driver = driver.New(cfg.Driver)
	e.workers.Add(cfg.Workers)
	for range cfg.Workers {
		go newWorker(e).run()
	}
	return e, nil
}

// Driver returns the executor's driver. It is closed with the executor.
func (e *Executor) Driver() *driver.Driver { return e.driver }

// uptime is the executor's clock, its driver's.
func (e *Executor) uptime() time.Duration { return e.driver.Uptime() }

// SetWeight sets a tenant's share relative to the other tenants, for the fuel it burns from now on.
// The default weight is 1, and a weight below 1 counts as 1.
func (e *Executor) SetWeight(tenant string, weight int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue.setWeight(tenant, weight)
}

// Spawn makes a task and makes it ready. It fails only with ErrClosed.
func (e *Executor) Spawn(spec TaskSpec) (*Task, error) {
	t := &Task{executor: e, run: spec.Run, done: spec.Done, limit: spec.FuelLimit, waits: spec.Waits}
	if spec.Uncounted {
		t.marks = uncounted
	}
	if spec.Turn != nil {
		t.run = (&turns{turn: spec.Turn}).run
	}
	now := e.uptime()
	t.since.Store(int64(now))
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, ErrClosed
	}
	t.tenant = e.queue.tenant(spec.Tenant)
	t.tenant.tasks++
	e.tasks.add(t)
	e.counts.ready.begin(now)
	e.queue.push(t, background)
	e.unlock()
	return t, nil
}

// enqueue puts a task that was parked, and was woken at an uptime, into the ready queue.
func (e *Executor) enqueue(t *Task, c class, at time.Duration) {
	e.mu.Lock()
	e.counts.endWait(t, at)
	e.queue.push(t, c)
	e.unlock()
}

// unlock gives up mu and wakes a sleeping worker if one is needed.
func (e *Executor) unlock() {
	if !e.needsWorker() || e.waking || len(e.idle) == 0 {
		e.mu.Unlock()
		return
	}
	last := len(e.idle) - 1
	w := e.idle[last]
	e.idle = e.idle[:last]
	e.waking = true
	e.mu.Unlock()
	w.wake <- struct{}{}
}

// needsWorker reports whether there is more to do than the workers that are about to look will find. The caller holds mu.
func (e *Executor) needsWorker() bool {
	return e.queue.len > e.looking || e.events && e.looking == 0
}

// mayPoll reports whether a worker should take events of sockets now. The caller holds mu.
func (e *Executor) mayPoll(now time.Duration) bool { return e.gate.open(e.queue.inFront, now) }

// onEvents is called by the driver when sockets have events.
func (e *Executor) onEvents() {
	e.mu.Lock()
	e.events = true
	e.unlock()
}

// Wait returns once no task is left, or with ctx's error.
func (e *Executor) Wait(ctx context.Context) error {
	for {
		e.mu.Lock()
		if e.tasks.len == 0 {
			e.mu.Unlock()
			return nil
		}
		drained := e.drained.Next()
		e.mu.Unlock()
		select {
		case <-drained:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Close ends the executor:
//
//  1. From now on Spawn returns ErrClosed. (TestClose)
//  2. Every task is cancelled with ErrClosed. Those that never ran end without running; parked ones
//     return from Park or have their Turn called, running ones return from their next Preempt.
//     (TestClose, TestCancelBeforeFirstResume, TestUnwinding)
//  3. Close waits until all bodies and their Done functions have returned. If ctx ends first, Close
//     returns its error and leaves the tasks running; Close may be called again. (TestCloseGivesUp)
//  4. The workers end, then the driver: bodies may use the driver to their last instruction.
//     (TestMain finds goroutines that do not end.) Blocking jobs may hang: when ctx ends, Close
//     abandons them and returns a *[driver.HungError] that lists them.
//
// A second Close waits as the first does.
func (e *Executor) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closed = true
	for t := e.tasks.first; t != nil; t = t.younger {
		if t.setCause(ErrClosed) && t.word.wake() {
			now := e.uptime()
			t.readied.Store(int64(now))
			e.counts.endWait(t, now)
			e.queue.push(t, foreground)
		}
	}
	e.unlock()
	if err := e.Wait(ctx); err != nil {
		return err
	}
	e.mu.Lock()
	e.quit = true
	sleeping := e.idle
	e.idle = nil
	e.mu.Unlock()
	for _, w := range sleeping {
		w.wake <- struct{}{}
	}
	e.workers.Wait()
	e.yielder.close()
	return e.driver.Close(ctx)
}

// taskSet is an intrusive list of the tasks that have not ended.
type taskSet struct {
	first, last *Task
	len         int
}

func (s *taskSet) add(t *Task) {
	t.older = s.last
	if s.last == nil {
		s.first = t
	} else {
		s.last.younger = t
	}
	s.last = t
	s.len++
}

func (s *taskSet) remove(t *Task) {
	if t.older == nil {
		s.first = t.younger
	} else {
		t.older.younger = t.younger
	}
	if t.younger == nil {
		s.last = t.older
	} else {
		t.younger.older = t.older
	}
	t.older, t.younger = nil, nil
	s.len--
}
