package reactor

import (
	"errors"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/store"
)

// How a workload that runs comes to its end, in steps:
//
//  1. Its fiber returns from the guest with an outcome, or was told to end before it began. The
//     guest's memory and descriptors are free again.
//  2. onTaskDone, on the worker, gives it to the finisher, one goroutine, and wakes the dispatcher.
//  3. The finisher makes it Ending, puts the status together, seals the log, and asks the store
//     for the transition, the rest of the log in the same commit.
//  4. The store commits; its observer publishes the change to watchers.
//  5. onEndStored, on the store's goroutine, makes it Gone (or Queued, if it is to be started anew),
//     and tells those who wait for it. So whoever is told finds the end in the store.
//
// Rejected: recording on the worker (encoding and locks of the store would take time from guests);
// telling waiters at 3 (a crash would take back what a client was told).

// run is the body of a workload's fiber.
func (r *Reactor) run(w *workload, prog *program, f *executor.Fiber) {
	a := prog.attempt
	if cause := r.onFiberStart(w, prog, f.Task()); cause != lifecycle.NoCause {
		a.outcome = outcome.Interrupted(cause, a.limits)
		return
	}
	r.onStarted(w, a)
	p, err := prog.module.NewProcess(prog.config)
	if err != nil {
		a.outcome = unstarted(err, a.limits)
		return
	}
	w.process.Store(&p) // what it waits for while its grants are opened can be seen
	exit, err := p.Run(f)
	switch {
	case err == nil:
		a.outcome = outcome.Exited(exit)
	case a.begun:
		a.outcome = outcome.Failed(err, a.limits)
	default:
		a.outcome = unstarted(err, a.limits)
	}
	a.outcome.Peak = p.PeakMemory()
}

// onFiberStart is step 5 of dispatch: the fiber runs for the first time.
func (r *Reactor) onFiberStart(w *workload, prog *program, task *executor.Task) lifecycle.Cause {
	r.mu.Lock()
	defer r.mu.Unlock()
	prog.attempt.task = task
	cause := r.sched.Begun(&w.entry)
	w.changed.Tell()
	r.kick()
	return cause
}

// onTaskDone is called on the worker when a task has ended.
func (r *Reactor) onTaskDone(w *workload, task *executor.Task) {
	a := w.attempt
	if p := task.Panic(); p != nil {
		a.outcome = outcome.Failed(p, a.limits)
	} else if a.outcome.State == 0 { // it never ran
		a.outcome = outcome.Failed(task.Err(), a.limits)
	}
	r.mu.Lock()
	r.sched.Free(&w.entry, a.outcome.Peak)
	r.mu.Unlock()
	r.finished.put(finished{workload: w, task: task})
	r.kick()
}

// finished is what the finisher is given: a workload whose task has ended, or a module that nobody
// holds any more, whose machine code takes time to free.
type finished struct {
	workload *workload
	task     *executor.Task
	module   abi.Program
}

// finisher is the finisher's goroutine.
func (r *Reactor) finisher() {
	for {
		batch, open := r.finished.take()
		for _, f := range batch {
			if f.module != nil {
				f.module.Release()
				continue
			}
			r.finish(f.workload, f.task, f.workload.attempt.outcome)
		}
		if !open {
			return
		}
	}
}

// finish makes a workload Ending and sees to it that its end is recorded. Task is nil if it had
// none.
func (r *Reactor) finish(w *workload, task *executor.Task, o outcome.Outcome) {
	if o.Fault != nil {
		r.log.Error("an internal fault ended a guest", zap.String("workload", w.id), zap.Error(o.Fault))
	}
	r.mu.Lock()
	ok := r.sched.Finish(&w.entry)
	r.mu.Unlock()
	if !ok {
		return
	}
	r.record(w, task, o)
}

// record asks the store for the transition to the outcome; the workload is Ending.
func (r *Reactor) record(w *workload, task *executor.Task, o outcome.Outcome) {
	a := w.attempt
	r.onEnded(w, a, o)
	status := &record.Status{
		Reason: o.Reason, ExitCode: o.ExitCode, Message: shorten(o.Message, maxMessageBytes), Results: o.Results,
	}
	if o.State.Ended() {
		status.EndTime = time.Now()
	}
	if a == nil {
		// What attempts of a former daemon used is in the record that was claimed, unless there was one
		// since.
		if last := w.last; last != nil {
			status.Usage, status.FirstStart, status.StartTime = record.Usage(last.usage), last.first, last.started
		} else if before, err := record.DecodeStatus(r.claimed(w)); err == nil {
			status.Usage, status.FirstStart, status.StartTime = before.Usage, before.FirstStart, before.StartTime
		}
		r.transition(w, o, status, nil)
		return
	}
	if a.timer != nil {
		r.executor.Driver().Stop(a.timer)
	}
	status.FirstStart, status.StartTime = a.first, a.started
	if p := w.process.Load(); p != nil {
		status.ListenAddresses = (*p).ListenAddresses()
	}
	log := a.log.Load()
	if log == nil {
		status.Usage = record.Usage(a.usage(task, o.Peak))
		r.transition(w, o, status, nil)
		return
	}
	log.Seal(func(rest []store.LogChunk) {
		status.Usage = record.Usage(a.usage(task, o.Peak))
		r.transition(w, o, status, rest)
	})
}

// maxMessageBytes bounds the message of a status: the names in a stack are the guest's choice.
const maxMessageBytes = 16 << 10

// shorten cuts a text, not within a character.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// transition asks the store for the outcome; without haste, if nobody is known to wait for it.
func (r *Reactor) transition(w *workload, o outcome.Outcome, status *record.Status, log []store.LogChunk) {
	at := status.EndTime
	if at.IsZero() {
		at = time.Now()
	}
	r.mu.Lock()
	awaited := w.changed.Awaited() || w.port.Load() != nil || r.sched.Draining() || r.feed.Active()
	r.mu.Unlock()
	r.store.Transition(store.Transition{
		ID: w.id, From: store.Unfinished, To: record.StoredState(o.State), Attempt: w.attempts, Time: at,
		Status: record.EncodeStatus(status), Log: log, Lazy: !awaited,
	}, func(_ int64, err error) { r.onEndStored(w, o, status, err) })
}

// onEndStored is called when the store has recorded an outcome, or has refused to, which only a fault makes it do:
// then there is nothing left that could be done for the workload here.
func (r *Reactor) onEndStored(w *workload, o outcome.Outcome, status *record.Status, err error) {
	state := o.State
	if err != nil && !errors.Is(err, store.ErrClosed) {
		r.log.Error("an end was not recorded", zap.String("workload", w.id), zap.Stringer("state", state), zap.Error(err))
	}
	final := state.Ended() || err != nil
	now := time.Now()
	r.mu.Lock()
	a := w.attempt
	w.attempt = nil
	w.process.Store(nil)
	if a != nil {
		w.last = &lastAttempt{timeout: a.limits.Timeout, first: a.first, started: a.started, usage: api.Usage(status.Usage)}
	}
	again := r.again(w, o, final, now)
	w.changed.Tell()
	r.idleIfSo()
	r.mu.Unlock()

	r.onCommitted(w, a, o, status, err)
	if !final && !again.cancelled {
		r.onPutBack(w)
	}
	if again.first {
		r.logTrouble(w, o.Trouble, o.Cause)
	}
	r.drop(again.module, again.unused)
	if a != nil {
		if log := a.log.Load(); log != nil {
			log.Release()
		}
	}
	if port := w.port.Load(); port != nil && (final || a != nil && a.begun) {
		w.port.Store(nil)
		port.End()
	}
	r.kick()
	if again.cancelled {
		r.record(w, nil, outcome.Interrupted(w.entry.Cause(), api.Limits{Timeout: w.last.timeout}))
	}
}

// after is what is left to do after an outcome was recorded.
type after struct {
	module    loaded // to be dropped if unused
	unused    bool
	first     bool // it is the first that meets its trouble
	cancelled bool // it was told to end for good while it was recorded that it is to be started anew
}

// again forgets a workload that has ended, or has it started anew; mu is held.
func (r *Reactor) again(w *workload, o outcome.Outcome, final bool, now time.Time) (a after) {
	if final {
		a.module, a.unused = r.sched.Gone(&w.entry, now)
		r.forget(w)
		r.count(o.State)
		return a
	}
	var why *schedule.Why
	if o.Trouble != retry.None {
		reason := w.why(o.Trouble, o.Cause, now)
		if o.Trouble == retry.NodeMemory {
			reason.Message, reason.Until = r.sentBack(w), time.Time{}
		}
		why = &reason
	}
	var ok bool
	a.module, a.unused, a.first, ok = r.sched.Again(&w.entry, why, now)
	a.cancelled = !ok
	return a
}

// forget takes a workload out of memory.
func (r *Reactor) forget(w *workload) {
	delete(r.live, w.id)
	last := len(r.all) - 1
	r.all[w.index] = r.all[last]
	r.all[w.index].index = w.index
	r.all[last] = nil
	r.all = r.all[:last]
}

// interrupt tells a workload to end.
func (r *Reactor) interrupt(w *workload, cause lifecycle.Cause) {
	r.mu.Lock()
	action := r.sched.Cancel(&w.entry, cause)
	if action == lifecycle.Interrupt {
		w.interruptTask(cause)
	}
	r.mu.Unlock()
	switch {
	case action != lifecycle.Record:
	case cause == lifecycle.ByDeadline && w.last != nil:
		r.record(w, nil, expired(w.entry.Delay(), w.last.timeout))
	default:
		r.record(w, nil, outcome.Interrupted(cause, api.Limits{}))
	}
}
