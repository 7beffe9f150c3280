package executor

import "time"

// worker runs tasks, one after the other.
type worker struct {
	executor *Executor
	call     chan struct{} // of capacity one, so that calling a worker never blocks; see Executor
	now      time.Duration // the uptime, as of when the worker last looked
	breathed time.Duration // the uptime when it last let others run

	// The task it has taken and not given back, and what there is to count for it.
	task  *Task
	use   use
	burnt int64         // fuel
	share int64         // fuel that its turn counts for among tenants
	spent time.Duration // CPU time
	late  time.Duration // after its timer was due; negative if it was not resumed by a timer
}

func newWorker(e *Executor) *worker {
	return &worker{executor: e, call: make(chan struct{}, 1), now: e.uptime()}
}

// run is the worker's goroutine.
//
// A body that calls [runtime.Goexit], which in practice is a test that fails inside a body, ends
// the goroutine that resumed it as well. The task has ended, as after a panic; another goroutine
// goes on in the worker's place.
func (w *worker) run() {
	defer func() {
		if w.task == nil {
			w.executor.workers.Done()
			return
		}
		go func() {
			w.count(finished)
			w.end()
			w.executor.mu.Lock()
			w.giveBack(finished)
			w.executor.mu.Unlock()
			w.run()
		}()
	}()
	w.loop()
}

// loop is the only one that runs guest code.
func (w *worker) loop() {
	e := w.executor
	e.mu.Lock()
	for w.take() {
		why := w.resume()
		w.count(why)
		if why == finished {
			w.end()
		}
		e.mu.Lock()
		w.giveBack(why)
		if w.needsBreath() {
			w.breathe() // gives up mu meanwhile
		}
	}
	e.mu.Unlock()
}

// take takes the next task, which it sleeps for if need be, or returns false if the worker is to
// end. mu is held when it is called; when it returns, it is held only if there was no task.
func (w *worker) take() bool {
	e := w.executor
	for {
		if w.task = e.queue.take(); w.task != nil {
			e.counts.running++
			e.unlock()
			return true
		}
		if e.quit {
			return false
		}
		e.idle = append(e.idle, w)
		e.mu.Unlock()
		<-w.call
		w.now = e.uptime()
		w.breathed = w.now
		e.mu.Lock()
		e.called = false
	}
}

// resume runs the task until it gives up the worker.
func (w *worker) resume() outcome {
	t := w.task
	w.late = -1
	if t.word.resume() == woken {
		t.waiting.Store(t.waiting.Load() + int64(w.now) - t.since.Load())
		if due := t.due.Load(); due != 0 {
			t.due.Store(0)
			w.late = max(w.now-time.Duration(due), 0)
		}
	}
	if t.fiber == nil {
		if t.Err() != nil {
			return finished
		}
		t.fiber = newFiber(t)
	}
	return t.fiber.resume(&w.use, w.now)
}

// count reads the clock, once for each resume: what has passed since the last reading is counted as
// the task's.
func (w *worker) count(why outcome) {
	t := w.task
	began := w.now
	w.now = w.executor.uptime()
	w.spent = w.now - began
	w.spent += w.use.elsewhere
	w.use.elsewhere = 0
	t.cpu.Store(t.cpu.Load() + int64(w.spent))
	if why == parking {
		t.since.Store(int64(w.now))
	}
	w.burnt, w.share = 0, 0
	if t.fiber != nil {
		if w.burnt, w.share = t.fiber.settle(w.now); w.burnt != 0 {
			t.fuel.Store(t.fuel.Load() + uint64(w.burnt))
		}
	}
}

// end ends a task whose body has returned, or was not called.
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

// giveBack puts the task where it goes on from here, and adds up what there is to count. mu is held.
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
	e.queue.settle(t, w.share)
	switch why {
	case parking:
		if t.word.park() {
			e.queue.push(t, foreground)
		} else {
			c.parkedPeak = max(c.parkedPeak, e.parked())
		}
	case preempted:
		c.preemptions++
		t.word.preempt()
		e.queue.push(t, background)
	case finished:
		t.tenant.tasks--
		e.tasks.remove(t)
		if e.tasks.len == 0 && e.drained != nil {
			close(e.drained)
			e.drained = nil
		}
	}
}

// needsBreath reports whether timers are due, or the rest of the process has waited long enough.
func (w *worker) needsBreath() bool {
	return w.executor.driver.Due(w.now) || w.now-w.breathed >= breathEvery
}

// breathe lets timers expire and the rest of the process run. mu is held when it is called and when
// it returns.
func (w *worker) breathe() {
	e := w.executor
	everybodyWorks := len(e.idle) == 0
	e.unlock()
	e.driver.Expire(w.now)
	if w.now-w.breathed >= breathEvery {
		e.breath.breathe(w.now, everybodyWorks)
		w.now = e.uptime()
		w.breathed = w.now
		e.driver.Expire(w.now)
	}
	e.mu.Lock()
}
