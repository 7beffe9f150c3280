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
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// How an attempt ends, in steps:
//
//  1. Its fiber returns with an outcome, or was interrupted before it ran. The guest's memory and descriptors are free
//     again.
//  2. onTaskDone, on the worker, gives the workload to the finisher and wakes the dispatcher.
//  3. The finisher, one goroutine, makes the workload Ending, puts its status together, seals its log, and asks the
//     store for the transition. The rest of the log is in the same commit.
//  4. The store commits and calls OnCommit, which publishes the change to watchers.
//  5. onEndStored, on the store's goroutine, makes the workload Gone, or Queued if it will have another attempt, and
//     notifies waiters. So a client that is told of an end finds it in the store.
//
// Rejected: recording on the worker (encoding and the store's locks would take time from guests); notifying waiters in
// step 3 (a crash would take back what a client was told).

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
	cause := r.sched.OnFirstRun(&a.workload.entry)
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

// finished is work for the finisher: a workload whose task has ended, or a module to release.
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

// finish makes a workload Ending and records its end.
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

// record asks the store for the transition to the outcome. The workload is Ending.
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

// pastOf returns what a workload without an attempt has left from earlier ones, of this daemon or of an earlier one. It
// returns nil if that can't be read.
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

// transition asks the store to record the outcome, lazily if nobody is known to wait for it.
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

// onEndStored is called when the store has recorded an outcome. With an error it has refused to, which only a fault of
// the daemon makes it do: then the workload is forgotten.
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
	var port *terminal.Port
	if final || a != nil && a.Begun() {
		port = w.port.Swap(nil) // the next attempt, which can start from here on, has one of its own
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
	switch {
	case port == nil:
	case final || again.cancelled || o.Trouble == retry.None:
		port.End()
	default:
		port.Stop()
	}
	r.Kick()
	if again.cancelled {
		r.record(w, outcome.Interrupted(w.entry.Cause(), api.Limits{Timeout: w.past.Timeout}))
	}
}

// after is what to do, without the lock, after an outcome was recorded.
type after struct {
	module    loaded // to be dropped if unused
	unused    bool
	first     bool // log the trouble: no other workload waits for it
	cancelled bool // record a cancel that came while the workload was being put back
}

// again forgets a workload that has ended, or queues it for another attempt. mu is held.
func (r *Runner) again(w *workload, o outcome.Outcome, final bool, now time.Time) (a after) {
	if final {
		a.module, a.unused = r.sched.Forget(&w.entry, now)
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
	a.module, a.unused, a.first, ok = r.sched.Requeue(&w.entry, why, now)
	a.cancelled = !ok
	return a
}
