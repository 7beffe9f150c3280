package runner

import (
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/internal/clip"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/attempt"
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

// run is the body of the attempt's fiber.
func (a *started) run(f *executor.Fiber) {
	cause := a.runner.onFiberStart(a, f.Task())
	if cause == lifecycle.NoCause {
		a.runner.onStarted(a.workload, a)
	}
	a.Run(f, cause)
}

// onFiberStart is step 5 of dispatch: the fiber runs for the first time.
func (r *Runner) onFiberStart(a *started, task *executor.Task) lifecycle.Cause {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.SetTask(task)
	cause := r.sched.Begun(&a.workload.entry)
	a.workload.changed.Tell()
	r.Kick()
	return cause
}

// onTaskDone is called on the worker when a task has ended.
func (r *Runner) onTaskDone(w *workload, task *executor.Task) {
	a := w.attempt
	a.Ended(task)
	r.mu.Lock()
	r.sched.Free(&w.entry, a.Outcome().Peak)
	r.mu.Unlock()
	r.finished.put(finished{workload: w})
	r.Kick()
}

// finished is what the finisher is given: a workload whose task has ended, or a module that nobody
// holds any more, whose machine code takes time to free.
type finished struct {
	workload *workload
	module   abi.Program
}

// finisher is the finisher's goroutine.
func (r *Runner) finisher() {
	for {
		batch, open := r.finished.take()
		for _, f := range batch {
			if f.module != nil {
				f.module.Release()
				continue
			}
			r.finish(f.workload, f.workload.attempt.Outcome())
		}
		if !open {
			return
		}
	}
}

// finish makes a workload Ending and has its end recorded.
func (r *Runner) finish(w *workload, o outcome.Outcome) {
	if o.Fault != nil {
		r.cfg.Log.Error("an internal fault ended a guest", zap.String("workload", w.id), zap.Error(o.Fault))
	}
	r.mu.Lock()
	ok := r.sched.Finish(&w.entry)
	r.mu.Unlock()
	if ok {
		r.record(w, o)
	}
}

// record asks the store for the transition to the outcome; the workload is Ending.
func (r *Runner) record(w *workload, o outcome.Outcome) {
	a := w.attempt
	r.onEnded(w, a, o)
	status := &record.Status{
		Reason: o.Reason, ExitCode: o.ExitCode, Message: clip.Text(o.Message, maxMessageBytes), Results: o.Results,
	}
	if o.State.Ended() {
		status.EndTime = time.Now()
	}
	if a == nil {
		if past := r.pastOf(w); past != nil {
			status.Usage, status.FirstStart, status.StartTime = record.Usage(past.Usage), past.First, past.Started
		}
		r.transition(w, o, status, nil)
		return
	}
	a.Disarm()
	status.FirstStart, status.StartTime, status.ListenAddresses = a.First, a.Started, a.ListenAddresses()
	log := a.LogIfAny()
	if log == nil {
		status.Usage = record.Usage(a.Usage())
		r.transition(w, o, status, nil)
		return
	}
	log.Seal(func(rest []store.LogChunk) {
		status.Usage = record.Usage(a.Usage())
		r.transition(w, o, status, rest)
	})
}

// pastOf is what the attempts of a workload left that has none now: the last one here, or those of a former daemon,
// which are in the record that was claimed. It is nil if that can't be read.
func (r *Runner) pastOf(w *workload) *attempt.Past {
	r.mu.Lock()
	past, rec := w.past, w.rec
	r.mu.Unlock()
	if past != nil {
		return past
	}
	if rec == nil {
		rec = &store.Workload{ID: w.id, Status: w.status}
	}
	status, err := record.DecodeStatus(rec)
	if err != nil {
		return nil
	}
	return pastOf(&status)
}

// maxMessageBytes bounds the message of a status: the names in a stack are the guest's choice.
const maxMessageBytes = 16 << 10

// transition asks the store for the outcome; without haste, if nobody is known to wait for it.
func (r *Runner) transition(w *workload, o outcome.Outcome, status *record.Status, log []store.LogChunk) {
	at := status.EndTime
	if at.IsZero() {
		at = time.Now()
	}
	r.mu.Lock()
	awaited := w.changed.Awaited() || w.port.Load() != nil || r.sched.Draining() || r.cfg.Watched()
	r.mu.Unlock()
	r.cfg.Store.Transition(store.Transition{
		ID: w.id, From: store.Unfinished, To: record.StoredState(o.State), Attempt: w.attempts, Time: at,
		Status: record.EncodeStatus(status), Log: log, Lazy: !awaited,
	}, func(_ int64, err error) { r.onEndStored(w, o, status, err) })
}

// onEndStored is called when the store has recorded an outcome, or has refused to, which only a fault makes it do:
// then there is nothing left that could be done for the workload here.
func (r *Runner) onEndStored(w *workload, o outcome.Outcome, status *record.Status, err error) {
	state := o.State
	if err != nil && !errors.Is(err, store.ErrClosed) {
		r.cfg.Log.Error("an end was not recorded", zap.String("workload", w.id), zap.Stringer("state", state), zap.Error(err))
	}
	final := state.Ended() || err != nil
	now := time.Now()
	r.mu.Lock()
	a := w.attempt
	w.attempt = nil
	if a != nil {
		past := a.Past(api.Usage(status.Usage))
		w.past = &past
	}
	again := r.again(w, o, final, now)
	w.changed.Tell()
	if r.sched.Live() == 0 {
		r.idle.Tell()
	}
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
		if log := a.LogIfAny(); log != nil {
			log.Release()
		}
	}
	if port := w.port.Load(); port != nil && (final || a != nil && a.Begun()) {
		w.port.Store(nil)
		port.End()
	}
	r.Kick()
	if again.cancelled {
		r.record(w, outcome.Interrupted(w.entry.Cause(), api.Limits{Timeout: w.past.Timeout}))
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
func (r *Runner) again(w *workload, o outcome.Outcome, final bool, now time.Time) (a after) {
	if final {
		a.module, a.unused = r.sched.Gone(&w.entry, now)
		r.remove(w)
		r.totals.count(o.State)
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
