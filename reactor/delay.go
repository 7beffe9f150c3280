package reactor

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/store"
)

// How a workload waits that met a passing failure of the host before its guest began, in steps:
//
//  1. Its module can't be loaded, its record not read, its grants not opened, or its memory not
//     mapped, and passing finds a trouble of the host in the error. What comes once the guest has
//     begun is told to the guest, and is its own.
//  2. It becomes Delayed: at once if it has no attempt (postpone), else when the store has recorded
//     that it is PENDING again (ended). It gives up its module and its place; others go on.
//  3. The dispatcher is woken when it is due, after a time that grows with its failures in a row, and
//     puts it before the queue, since its turn was before. If its timeout has passed meanwhile it ends.
//  4. Its guest begins (relieve), or it meets the same or another trouble and is back at 2.
//
// The first workload that meets a trouble logs it, and when nobody waits for its end any more that is
// logged once. (TestPassingShortage, TestTroubleIsLoggedOnce, TestDelayedCancelAndDeadline)
//
// Rejected: ending the workload after some number of tries (it was acknowledged, and nothing tells
// how long a disk stays full; whoever does not want to wait can cancel it, or give it a timeout);
// holding the queue as for memory (what is missing may be missing for one module or one folder).

// delay is why a workload waits. Reactor.mu guards it.
type delay struct {
	alarm    retry.Alarm[*workload]
	trouble  retry.Trouble
	message  string // what failed
	failures uint32 // in a row
	until    time.Time
}

// maxDelayMessage bounds the message of a delay; a great many may wait.
const maxDelayMessage = 256

// lastAttempt is what the store has of attempts that are over, for one that has none now.
type lastAttempt struct {
	timeout        time.Duration
	first, started time.Time
	usage          api.Usage
}

// deadline is when the workload's timeout passes; zero if it has none, or was never started.
func (l *lastAttempt) deadline() time.Time {
	if l == nil || l.timeout == 0 || l.first.IsZero() {
		return time.Time{}
	}
	return l.first.Add(l.timeout)
}

// postpone delays a workload that has no attempt; the caller is the dispatcher.
func (r *Reactor) postpone(w *workload, t retry.Trouble, cause error) {
	last := w.last
	if last == nil && w.attempts > 0 {
		last = r.readLast(w)
	}
	now := time.Now()
	r.mu.Lock()
	if !w.machine.Delay() { // cancelled meanwhile
		r.mu.Unlock()
		return
	}
	r.preparing--
	w.last = last
	unused := r.release(w)
	began := r.delay(w, t, cause, now)
	r.mu.Unlock()
	if unused != nil {
		r.finished.put(finished{module: unused})
	}
	if began {
		r.logTrouble(w, t, cause)
	}
}

// readLast reads what the store has of attempts of a former daemon. Without it the workload's timeout
// is looked at when it is started, not while it waits.
func (r *Reactor) readLast(w *workload) *lastAttempt {
	rec, err := r.store.Workload(r.ctx, w.id)
	if err != nil {
		return nil
	}
	spec, err1 := record.DecodeSpec(rec)
	status, err2 := record.DecodeStatus(rec)
	if err1 != nil || err2 != nil {
		return nil
	}
	return &lastAttempt{timeout: spec.Limits.Timeout, first: status.FirstStart, started: status.StartTime, usage: api.Usage(status.Usage)}
}

// delay puts a workload on the schedule, and tells whether the trouble began with it; mu is held.
func (r *Reactor) delay(w *workload, t retry.Trouble, cause error, now time.Time) (began bool) {
	d := w.delay
	switch {
	case d == nil:
		d = &delay{trouble: t}
		d.alarm.Value = w
		w.delay = d
		began = r.troubles.Meet(t, now)
	case d.trouble != t:
		r.troubles.Leave(d.trouble, now)
		d.trouble = t
		began = r.troubles.Meet(t, now)
	default:
		r.troubles.Again(t, now)
	}
	d.failures++
	d.message = shorten(cause.Error(), maxDelayMessage)
	d.until = now.Add(retry.Backoff(d.failures, rand.Float64()))
	due := d.until
	if end := w.last.deadline(); !end.IsZero() && end.Before(due) {
		due = end
	}
	r.delayed.Add(&d.alarm, due)
	r.setBell(now)
	return began
}

// relieve ends the wait of a workload that has got what it waited for, or ends; mu is held.
func (r *Reactor) relieve(w *workload) {
	d := w.delay
	if d == nil {
		return
	}
	now := time.Now()
	w.delay = nil
	r.delayed.Remove(&d.alarm)
	r.troubles.Leave(d.trouble, now)
	r.setBell(now)
}

// setBell has the dispatcher woken when there is something for tend to do; mu is held.
func (r *Reactor) setBell(now time.Time) {
	at, ok := r.delayed.Next()
	if over, open := r.troubles.Next(); open && (!ok || over.Before(at)) {
		at, ok = over, true
	}
	if ok && !r.closing {
		r.bell.Reset(max(0, at.Sub(now)))
	}
}

// healed has those tried again at once that wait for a module to be pushed.
func (r *Reactor) healed(module store.Digest) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.troubles.Waiting(retry.Damage) == 0 {
		return
	}
	for _, w := range r.all {
		if w.digest == module && w.delay != nil && w.delay.trouble == retry.Damage && r.delayed.Remove(&w.delay.alarm) {
			r.delayed.Add(&w.delay.alarm, now)
		}
	}
	r.setBell(now)
}

// ring is the bell.
func (r *Reactor) ring() {
	r.rang.Store(true)
	r.kick()
}

// tend puts back into the queue what is due, ends what is overdue, and logs what is over.
func (r *Reactor) tend() {
	now := time.Now()
	var overdue []*workload
	r.mu.Lock()
	for range observeChunk {
		alarm := r.delayed.Pop(now)
		if alarm == nil {
			break
		}
		w := alarm.Value
		if end := w.last.deadline(); !end.IsZero() && !end.After(now) {
			overdue = append(overdue, w)
		} else if w.machine.Due() {
			r.queue.PushFront(w.tenant, &w.place)
		}
	}
	over := r.troubles.Over(now)
	r.setBell(now)
	r.mu.Unlock()
	for _, w := range overdue {
		r.interrupt(w, lifecycle.ByDeadline)
	}
	for _, o := range over {
		if o.Trouble == retry.Crash {
			continue // judge has told what is to be told
		}
		r.log.Info("what workloads waited for is there", zap.Stringer("trouble", o.Trouble),
			zap.Duration("lasted", now.Sub(o.Since).Round(time.Millisecond)), zap.Int("delays", o.Delayed))
	}
}

func (r *Reactor) logTrouble(w *workload, t retry.Trouble, cause error) {
	r.log.Warn("workloads wait, and are tried again", zap.Stringer("trouble", t),
		zap.String("workload", w.id), zap.String("error", shorten(cause.Error(), maxMessageBytes)))
}

// begun is called on the fiber when the instance is there: from now on failures are the guest's own.
func (r *Reactor) begun(w *workload) {
	w.attempt.begun = true
	if w.delay == nil { // only the dispatcher sets it, before the task was spawned
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.relieve(w)
}

// unstarted is the outcome of an attempt whose guest has not begun, because of err.
func (r *Reactor) unstarted(w *workload, err error, limits api.Limits) outcome {
	if errors.Is(err, engine.ErrNodeMemory) && r.mayFit(w) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.engine.MemoryUsed()+w.startBytes() > r.cfg.MemoryBytes {
			return outcome{state: api.Pending} // the dispatcher holds it until there is room
		}
		return outcome{state: api.Pending, trouble: retry.Memory, cause: err}
	}
	if t := passing(err); t != retry.None {
		return outcome{state: api.Pending, trouble: t, cause: err}
	}
	return failed(err, limits)
}

// mayFit tells whether a workload that the node had no memory for may find some later: others have it,
// or had it when it was refused, so that one that was alone is tried once more.
func (r *Reactor) mayFit(w *workload) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.active > 1 {
		w.refusedAlone = false
		return true
	}
	again := !w.refusedAlone
	w.refusedAlone = true
	return again
}

// expired is the outcome of a workload whose timeout passed while it waited.
func expired(d *delay, timeout time.Duration) outcome {
	o := interrupted(lifecycle.ByDeadline, api.Limits{Timeout: timeout})
	if d != nil {
		o.message = fmt.Sprintf("its timeout of %v passed while it waited for %v: %s", timeout, d.trouble, d.message)
	}
	return o
}

// delayOf is a delay as clients see it.
func delayOf(d *delay) *api.Delay {
	if d == nil {
		return nil
	}
	return &api.Delay{
		Reason:   api.DelayReason(d.trouble),
		Message:  fmt.Sprintf("it waits for %v: %s", d.trouble, d.message),
		Failures: d.failures,
		Until:    d.until,
	}
}
