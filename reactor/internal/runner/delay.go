package runner

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/dustin/go-humanize"
	"go.uber.org/zap"

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

// How a workload waits after a transient failure of the host, in steps:
//
//  1. Its module can't be loaded, its record can't be read, its grants can't be opened or its memory can't be mapped,
//     and outcome.TroubleOf finds a trouble of the host in the error. Failures after the guest has started are
//     reported to the guest instead.
//  2. The workload becomes Delayed: at once if it has no attempt (postpone), else when the store has recorded that it
//     is PENDING again (onEndStored). It gives up its module and its place; others go on.
//  3. The dispatcher wakes when the delay is over and puts the workload at the front of the queue. The delay grows with
//     the number of failures in a row. If the workload's timeout has passed, it ends.
//  4. Its guest starts (OnGuestStart), or it meets a trouble again and goes back to step 2.
//
// The first workload that meets a trouble logs it. When no workload waits for that trouble any more, that is
// logged once. (TestPassingShortage, TestTroubleIsLoggedOnce, TestDelayedCancelAndDeadline)
//
// Rejected: ending the workload after some number of tries (it was acknowledged, and nobody knows how long a disk stays
// full; clients can cancel it or give it a timeout); holding other workloads up (the trouble may concern one module or
// one folder). Waiting for the node's memory is the scheduler's; see memory.go.

// maxDelayMessage bounds the message of a delay, in bytes: many workloads may have one.
const maxDelayMessage = 256

// postpone delays a workload that has no attempt. The dispatcher calls it.
func (r *Runner) postpone(w *workload, t retry.Trouble, cause error) {
	past := w.past
	if past == nil && w.attempts > 0 {
		past = r.readDeadline(w)
	}
	now := time.Now()
	r.mu.Lock()
	w.past = past
	module, unused, first, ok := r.sched.Postpone(&w.entry, w.why(t, cause, now), now)
	r.mu.Unlock()
	r.drop(module, unused)
	if ok && first {
		r.logTrouble(w, t, cause)
	}
}

// readDeadline reads what earlier attempts left, with the workload's timeout. It returns nil if that can't be read: then
// the timeout takes effect when the workload is started, not while it waits.
func (r *Runner) readDeadline(w *workload) *attempt.Past {
	rec, err := r.cfg.Store.Workload(r.ctx, w.id)
	if err != nil {
		return nil
	}
	spec, err1 := record.DecodeSpec(rec)
	status, err2 := record.DecodeStatus(rec)
	if err1 != nil || err2 != nil {
		return nil
	}
	past := pastOf(&status)
	past.Timeout = spec.Limits.Timeout
	return past
}

// why is why a workload is delayed, and for how long. mu is held.
func (w *workload) why(t retry.Trouble, cause error, now time.Time) schedule.Why {
	return schedule.Why{
		Trouble: t, Message: clip.Text(outcome.TroubleText(cause), maxDelayMessage), Deadline: w.past.Deadline(),
		Until: now.Add(retry.Backoff(w.entry.Failures()+1, rand.Float64())),
	}
}

// OnModuleStored ends the delay of the workloads that wait for a damaged module to be pushed again.
func (r *Runner) OnModuleStored(module store.Digest) {
	if r.Waiting(retry.Damage) == 0 {
		return
	}
	now := time.Now()
	hurry := func(w *workload) bool {
		if w.entry.Key() == module {
			r.sched.Hurry(&w.entry, retry.Damage, now)
		}
		return true
	}
	for next := math.MaxInt; next > 0; {
		next = r.visit(next, hurry)
	}
	r.Kick()
}

// tend queues workloads whose delay is over, ends those whose timeout has passed, and logs which troubles are over.
func (r *Runner) tend() {
	now := time.Now()
	r.mu.Lock()
	overdue, over := r.sched.Due(now, lockedBatch)
	r.mu.Unlock()
	for _, e := range overdue {
		r.interrupt(e.Value, lifecycle.ByDeadline)
	}
	for _, o := range over {
		if o.Trouble == retry.Crash {
			continue // judge has told what is to be told
		}
		r.cfg.Log.Info("what workloads waited for is there", zap.Stringer("trouble", o.Trouble),
			zap.Duration("lasted", now.Sub(o.Since).Round(time.Millisecond)), zap.Int("delays", o.Delayed))
	}
}

func (r *Runner) logTrouble(w *workload, t retry.Trouble, cause error) {
	r.cfg.Log.Warn("workloads wait, and are tried again", zap.Stringer("trouble", t),
		zap.String("workload", w.id), zap.String("error", clip.Text(cause.Error(), maxMessageBytes)))
}

// OnGuestStart implements attempt.Owner.
func (a *started) OnGuestStart() {
	r, e := a.runner, &a.workload.entry
	if e.Delay() == nil { // only set before the task was spawned
		return
	}
	r.mu.Lock()
	r.sched.Relieve(e, time.Now())
	r.mu.Unlock()
	r.Kick()
}

// expired is the outcome of a workload whose timeout passed while it was delayed.
func expired(why *schedule.Why, timeout time.Duration) outcome.Outcome {
	o := outcome.Interrupted(lifecycle.ByDeadline, api.Limits{Timeout: timeout})
	if why != nil {
		o.Message = fmt.Sprintf("its timeout of %v passed while it waited for %v: %s", timeout, why.Trouble, why.Message)
	}
	return o
}

// delayOf is why a workload waits, as clients see it: nil if it waits for its turn alone. mu is held.
func (r *Runner) delayOf(w *workload) *api.Delay {
	if need, free, since, short := r.sched.Short(&w.entry); short {
		return &api.Delay{
			Reason: api.DelayReason(retry.NodeMemory),
			Message: fmt.Sprintf("it waits since %s for %s of the node's memory, of which %s of %s are free",
				since.Format(time.TimeOnly), humanize.IBytes(uint64(need)), humanize.IBytes(uint64(max(free, 0))), humanize.IBytes(uint64(r.cfg.Schedule.Memory))),
			Failures: w.entry.Failures(),
		}
	}
	why := w.entry.Delay()
	if why == nil {
		return nil
	}
	return &api.Delay{
		Reason:   api.DelayReason(why.Trouble),
		Message:  fmt.Sprintf("it waits for %v: %s", why.Trouble, why.Message),
		Failures: w.entry.Failures(),
		Until:    why.Until,
	}
}
