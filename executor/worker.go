package executor

import "time"

// worker runs tasks, one after the other.
type worker struct {
	executor  *Executor
	wake      chan struct{} // capacity one, so that waking a worker never blocks; see Executor
	now       time.Duration // the uptime when the worker last read the clock
	lastYield time.Duration // the uptime when it last yielded to the Go scheduler

	// The task that it has taken and not given back, and that task's figures for this quantum.
	task   *Task
	use    use
	burnt  int64         // fuel burnt
	charge int64         // fuel charged to the tenant
	spent  time.Duration // processor time
	late   time.Duration // how long after its timer was due it was resumed; negative if no timer woke it

	idle coroutines
}

func newWorker(e *Executor) *worker {
	w := &worker{executor: e, wake: make(chan struct{}, 1), now: e.uptime()}
	w.use.idle = &w.idle
	return w
}

// run is the worker's goroutine.
//
// A body that calls [runtime.Goexit] (in practice a test that fails inside a body) also ends the
// goroutine that resumed it. The body has then ended, as after a panic, and another goroutine
// continues in the worker's place.
func (w *worker) run() {
	defer func() {
		if w.task == nil {
			w.idle.close()
			w.executor.workers.Done()
			return
		}
		go w.run()
	}()
	if w.task != nil {
		w.conclude(w.advance(finished))
		w.executor.mu.Unlock()
	}
	w.loop()
}

// loop runs tasks until the executor quits. Guest code runs nowhere else.
func (w *worker) loop() {
	e := w.executor
	e.mu.Lock()
	for w.take() {
		w.conclude(w.resume()) // takes mu
		if w.shouldYield() {
			w.yieldToGo() // releases mu and takes it again
		}
	}
	e.mu.Unlock()
}

// take takes the next task, sleeping until there is one, or returns false if the worker is to end.
// The caller holds mu. take releases it if it returns true.
func (w *worker) take() bool {
	e := w.executor
	for polled := false; ; {
		if e.events && !polled && e.mayPoll(w.now) {
			w.poll()
			polled = true
		}
		if w.task = e.queue.take(); w.task != nil {
			e.counts.running++
			e.counts.ready.end(w.now)
			e.gate.onTake(w.task.class)
			e.unlock()
			return true
		}
		if e.quit {
			return false
		}
		if e.events || !polled && e.driver.HasSources() { // before it sleeps: that is cheaper than to be woken
			w.poll()
			polled = true
			continue
		}
		polled = false
		e.idle = append(e.idle, w)
		e.mu.Unlock()
		e.driver.Unattend()
		<-w.wake
		w.now = e.uptime()
		w.lastYield = w.now
		e.mu.Lock()
		e.waking = false
	}
}

// poll takes events of sockets. The caller holds mu; poll releases it meanwhile.
func (w *worker) poll() {
	e := w.executor
	e.events = false
	e.gate.onPoll(w.now)
	e.looking++
	e.mu.Unlock()
	more := e.driver.Poll()
	w.now = e.uptime()
	e.mu.Lock()
	e.looking--
	e.events = e.events || more
}

// resume runs the task until it gives up the worker.
func (w *worker) resume() outcome {
	t := w.task
	w.late = -1
	since := min(time.Duration(t.since.Load()), w.now)
	w.use.wait = Wait{}
	if t.word.resume() == woken {
		due := time.Duration(t.due.Load())
		if due != 0 {
			t.due.Store(0)
			w.late = max(w.now-due, 0)
		}
		w.use.wait = Wait{Parked: true, Timer: due != 0, Time: t.wait(due, since, w.now)}
		t.waiting.Store(t.waiting.Load() + int64(w.use.wait.Time))
	}
	t.ready.Store(t.ready.Load() + int64(w.now-since-w.use.wait.Time))
	if t.fiber == nil {
		if t.Err() != nil {
			return finished
		}
		t.fiber = newFiber(t)
	}
	t.fiber.begin(&w.use, w.now)
	return w.advance(switched)
}

// advance runs the task's fiber, and those that it hands over to, until the task gives up the worker. why is switched, or
// finished if the fiber has just ended.
func (w *worker) advance(why outcome) outcome {
	for t := w.task; ; {
		if why == finished && t.fiber.turns != nil {
			why = t.fiber.turns.onEnd(t.fiber)
		}
		if why != switched {
			return why
		}
		if t.fiber.next == nil {
			w.idle.start(t.fiber)
		}
		why, _ = t.fiber.next()
	}
}

// conclude counts what the task has used and gives it up. It takes mu.
func (w *worker) conclude(why outcome) {
	w.count()
	if why == finished {
		w.end()
	}
	w.executor.mu.Lock()
	w.giveBack(why)
}

// count reads the clock, once for each resume, and counts the time since the last reading as the
// task's.
func (w *worker) count() {
	t := w.task
	start := w.now
	w.now = w.executor.uptime()
	w.spent = w.now - start
	w.spent += w.use.offFiber
	w.use.offFiber = 0
	t.cpu.Store(t.cpu.Load() + int64(w.spent))
	t.since.Store(int64(w.now))
	w.burnt, w.charge = 0, 0
	if t.fiber != nil {
		if w.burnt, w.charge = t.fiber.settle(w.now); w.burnt != 0 {
			t.fuel.Store(t.fuel.Load() + uint64(w.burnt))
		}
	}
}

// end ends a task whose body has returned or was never called.
func (w *worker) end() {
	t := w.task
	t.fiber, t.run = nil, nil
	t.word.finish()
	if t.done != nil {
		t.done(t)
		t.done = nil
		w.now = w.executor.uptime()
	}
}

// giveBack gives the task up: parks it, queues it again or forgets it. It adds the task's figures to
// the counts. The caller holds mu.
func (w *worker) giveBack(why outcome) {
	e, t := w.executor, w.task
	w.task = nil
	c := &e.counts
	c.running--
	c.resumes++
	c.fuel += uint64(w.burnt)
	c.busy += w.spent
	if w.late >= 0 {
		c.lateness.Record(w.now, w.late)
	}
	e.queue.settle(t, w.charge)
	switch why {
	case parking:
		c.beginWait(t, w.now)
		if t.word.park() {
			t.readied.Store(int64(w.now))
			c.endWait(t, w.now)
			if t.due.Load() != 0 {
				e.queue.push(t, timed)
			} else {
				e.queue.push(t, foreground)
			}
		} else {
			c.parkedPeak = max(c.parkedPeak, e.parked())
		}
	case preempted:
		c.preemptions++
		t.word.preempt()
		c.ready.begin(w.now)
		e.queue.push(t, background)
	case finished:
		t.tenant.tasks--
		e.tasks.remove(t)
		if e.tasks.len == 0 {
			e.drained.Tell()
		}
	}
}

// shouldYield reports whether timers are due, or it is time to let other goroutines run. The caller holds mu.
func (w *worker) shouldYield() bool {
	return w.executor.driver.Due(w.now) || w.hasRun(w.yieldEvery())
}

// yieldEvery returns how long the worker runs tasks before it lets other goroutines run. The caller holds mu.
func (w *worker) yieldEvery() time.Duration {
	if len(w.executor.idle) > 0 {
		return yieldSeldom
	}
	return yieldOften
}

func (w *worker) hasRun(d time.Duration) bool { return w.now-w.lastYield >= d }

// yieldToGo fires timers that are due, takes the events of sockets, and lets other goroutines run. The
// caller holds mu; yieldToGo releases it meanwhile.
func (w *worker) yieldToGo() {
	e := w.executor
	allBusy := len(e.idle) == 0
	spent := w.hasRun(w.yieldEvery())
	if spent && e.driver.HasSources() && e.mayPoll(w.now) {
		w.poll()
	}
	e.looking++
	if len(e.idle) == 0 { // which poll may have changed
		e.driver.Attend()
	}
	e.unlock()
	e.driver.Expire(w.now)
	if spent {
		e.yielder.yield(w.now, allBusy)
		w.now = e.uptime()
		w.lastYield = w.now
		e.driver.Expire(w.now)
	}
	e.mu.Lock()
	e.looking--
}
