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
//  2. onTaskDone, on the worker, gives the workload to the finisher and wakes the dispatcher. Of a service that happens when
//     the requests under way are over, and its instances have ended.
//  3. The finisher, one goroutine, makes the workload Ending, puts its status together, seals its log, and asks the
//     store for the transition. The rest of the log is in the same commit.
//  4. The store commits and calls OnCommit, which publishes the change to watchers.
//  5. onEndStored, on the store's goroutine, makes the workload Gone, or Queued if it will have another attempt, and
//     notifies waiters. So a client that is told of an end finds it in the store.
//
// Rejected: recording on the worker (encoding and the store's locks would take time from guests); notifying waiters in
// step 3 (a crash would take back what a client was told).

// onTaskDone is called on the worker when a task has ended.
func (r *Runner) onTaskDone(w *workload, task *executor.Task) {
	a := w.attempt
	a.Ended(task)
	a.Rest(func() {
		r.mu.Lock()
		r.sched.Free(&w.entry, a.Outcome().Peak)
		r.mu.Unlock()
		r.finished.put(finished{workload: w})
		r.Kick()
	})
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
		r.recordEnd(w, o)
	}
}

// recordEnd asks the store for the transition to the outcome. The workload is Ending.
func (r *Runner) recordEnd(w *workload, o outcome.Outcome) {
	a := w.attempt
	r.leavePipes(w, o)
	r.onEnded(w, a, o)
	status := &record.Status{
		Reason: o.Reason, ExitCode: o.ExitCode, Message: clip.Text(o.Message, maxMessageBytes), Results: o.Results, Result: o.Result,
		Crash: record.OfCrash(o.Crash),
	}
	if o.State.Ended() {
		status.EndTime = time.Now()
	}
	if a == nil {
		if past := r.pastOf(w); past != nil {
			status.Usage, status.FirstStart, status.StartTime = record.OfUsage(past.Usage), past.First, past.Started
			status.SetRefused(past.Refusals.Noted())
		}
		r.transition(w, o, status, nil, store.Cut{})
		return
	}
	a.Disarm()
	status.FirstStart, status.StartTime, status.ListenAddresses = a.First, a.Started, a.ListenAddresses()
	status.SetRefused(a.Refused())
	status.Service = record.OfService(a.Service())
	log := a.LogIfAny()
	if log == nil {
		status.Usage = record.OfUsage(a.Usage())
		r.transition(w, o, status, nil, store.Cut{})
		return
	}
	log.Seal(func(rest []store.LogChunk, cut store.Cut) {
		status.Usage = record.OfUsage(a.Usage())
		r.transition(w, o, status, rest, cut)
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
func (r *Runner) transition(w *workload, o outcome.Outcome, status *record.Status, log []store.LogChunk, cut store.Cut) {
	at := status.EndTime
	if at.IsZero() {
		at = time.Now()
	}
	r.mu.Lock()
	status.Revoked = w.revoked
	awaited := w.changed.Awaited() || w.port.Load() != nil || r.sched.Draining() || r.cfg.Watched()
	r.mu.Unlock()
	r.cfg.Store.Transition(store.Transition{
		ID: w.id, From: store.Unfinished, To: record.StoredState(o.State), Attempt: w.attempts, Time: at,
		Status: record.EncodeStatus(status), Log: log, Cut: cut, Lazy: !awaited,
	}, func(_ int64, err error) { r.onEndStored(w, o, status, err) })
}

// onEndStored is called when the store has recorded an outcome. With an error it has refused to, because of a fault of
// the daemon or because it is closed: then the workload is forgotten.
func (r *Runner) onEndStored(w *workload, o outcome.Outcome, status *record.Status, err error) {
	if err != nil && !errors.Is(err, store.ErrClosed) {
		r.cfg.Log.Error("an end was not recorded", zap.String("workload", w.id), zap.Stringer("state", o.State), zap.Error(err))
	}
	final := o.State.Ended() || err != nil
	r.mu.Lock()
	left := r.leave(w, o, status, final)
	if final && err == nil {
		r.totals.count(o.State)
	}
	r.mu.Unlock()

	r.onCommitted(w, left.attempt, o, status, err)
	if !final && left.cancel == nil {
		r.onPutBack(w, left.attempt)
	}
	if left.first {
		r.logTrouble(w, o.Trouble, o.Cause)
	}
	r.drop(left.module, left.unused)
	if left.attempt != nil {
		if log := left.attempt.LogIfAny(); log != nil {
			log.Release()
		}
	}
	switch {
	case left.port == nil:
	case final || left.cancel != nil || o.Trouble == retry.None:
		left.port.End()
	default:
		left.port.Stop()
	}
	r.Kick()
	if left.cancel != nil {
		r.recordEnd(w, *left.cancel)
	}
}

// leftover is what an attempt leaves to be released, logged or recorded without the lock.
type leftover struct {
	attempt *started       // nil if there was none
	port    *terminal.Port // of an attempt whose guest ran, or of a workload that has ended
	module  loaded         // to be dropped if unused
	unused  bool
	first   bool             // log the trouble: no other workload waits for it
	cancel  *outcome.Outcome // to be recorded: a cancel came while the workload was being put back
}

// leave forgets a workload that has ended, or queues it for another attempt. Whatever it had is in the result. mu is
// held.
func (r *Runner) leave(w *workload, o outcome.Outcome, status *record.Status, final bool) (left leftover) {
	left.attempt, w.attempt = w.attempt, nil
	if left.attempt != nil {
		past := left.attempt.Past(status.Usage.Decode())
		w.past = &past
		if left.attempt.serves {
			r.services--
		}
	}
	if final || left.attempt != nil && left.attempt.Begun() {
		left.port = w.port.Swap(nil) // the next attempt, which can start from here on, has one of its own
	}
	now := time.Now()
	if final {
		left.module, left.unused = r.sched.Forget(&w.entry, now)
		r.remove(w)
	} else {
		w.queued = r.moment()
		var ok bool
		if left.module, left.unused, left.first, ok = r.sched.Requeue(&w.entry, r.whyAgain(w, o, now), now); !ok {
			cancelled := outcome.Interrupted(w.entry.Cause(), api.Limits{Timeout: w.past.Timeout})
			left.cancel = &cancelled
		}
	}
	w.changed.Tell()
	if r.sched.Live() <= r.services {
		r.idle.Tell()
	}
	return left
}

// whyAgain is why a workload waits for another attempt; nil if it waits for its turn alone. mu is held.
func (r *Runner) whyAgain(w *workload, o outcome.Outcome, now time.Time) *schedule.Why {
	if o.Trouble == retry.None {
		return nil
	}
	why := w.why(o.Trouble, o.Cause, now)
	if o.Trouble == retry.NodeMemory {
		why.Message, why.Until = r.sentBack(w), time.Time{}
	}
	return &why
}
