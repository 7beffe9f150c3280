package reactor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/refusal"
)

// Drain stops the reactor taking and starting work, or with undo lets it go on. What runs runs on.
// It returns how many workloads have started and not ended.
func (r *Reactor) Drain(undo bool) (unfinished uint64) {
	r.mu.Lock()
	r.sched.Drain(!undo)
	n := r.sched.Live()
	r.mu.Unlock()
	r.kick()
	return uint64(n)
}

func (r *Reactor) isDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sched.Draining()
}

// Shutdown ends the reactor, in steps:
//
//  1. From now on submissions and pushes are refused, and nothing is started. The dispatcher ends.
//  2. What runs has the grace period to finish, or until ctx ends.
//  3. What still runs is interrupted. It is put back to PENDING in the store, with what it has used
//     and written, and will be started anew by the next reactor. Parked guests end at once,
//     running ones at their next fuel check; those that wait for a blocking job end with it.
//  4. When nothing runs any more, everything that ended is in the store. Watches have sent all of
//     it, and send the event that tells that the reactor shuts down; calls that wait for
//     workloads that are PENDING now are refused with DRAINING. Shutdown waits for them to leave.
//  5. The executor, the background goroutines, the log spool, the store and the engine are closed,
//     those that are used before those that use them last. Calls that come from now on are refused
//     with DRAINING. A part that hangs is left after stallTime, the log says so and what it waits
//     for, and the rest goes on. (TestWhatHangsIsLeft)
//
// Whatever became of ctx, Shutdown goes on with step 3 for as long as workloads end: a hundred
// thousand take the store some seconds. When none has for stallTime, because blocking jobs hang, it
// goes through the remaining steps all the same, and says what was left. Nothing that was
// acknowledged is lost by that: it is on disk.
//
// Rejected: telling watches first (they would miss what the shutdown itself changes); leaving
// interrupted workloads RUNNING in the store (a clean stop and a crash would look the same, and
// what they have used would be lost); waiting for the queue to empty (it may take days).
func (r *Reactor) Shutdown(ctx context.Context) error {
	r.mu.Lock()
	if r.sched.Closing() {
		r.mu.Unlock()
		return refusal.Draining()
	}
	r.sched.Close()
	active := r.sched.Live()
	r.mu.Unlock()
	if err := r.journal.Remove(); err != nil {
		r.log.Warn("the next start will take this end for a crash", zap.Error(err))
	}
	r.kick()
	r.log.Info("shutting down", zap.Int("running", active), zap.Duration("grace", max(0, r.cfg.GracePeriod)))

	if r.cfg.GracePeriod > 0 {
		grace, cancel := context.WithTimeout(ctx, r.cfg.GracePeriod)
		_ = r.waitIdle(grace) // what is left is interrupted
		cancel()
	}
	ctx = context.WithoutCancel(ctx)
	for _, w := range r.snapshot() {
		r.interrupt(w, lifecycle.ByShutdown)
	}
	err := r.waitUnwound(ctx)
	close(r.quiet)
	r.feed.Close()
	ctx, cancel := context.WithTimeout(ctx, stallTime)
	defer cancel()
	err = errors.Join(err, r.waitSilent(ctx))
	return errors.Join(err, r.close(ctx))
}

// stallTime is how long a shutdown waits for the next of what it has interrupted to end.
const stallTime = 10 * time.Second

// waitUnwound waits until no workload has an attempt, or until none has ended for stallTime.
func (r *Reactor) waitUnwound(ctx context.Context) error {
	for left := r.attempts(); ; {
		stall, cancel := context.WithTimeout(ctx, stallTime)
		err := r.waitIdle(stall)
		cancel()
		before := left
		if left = r.attempts(); err == nil || left >= before {
			return err
		}
	}
}

// attempts is how many workloads have an attempt.
func (r *Reactor) attempts() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sched.Live()
}

// close closes the parts there are, those that are used after those that use them.
func (r *Reactor) close(ctx context.Context) error {
	var parts []part
	if r.executor != nil {
		parts = append(parts, part{"executor", r.executor.Close})
	}
	parts = append(parts, part{"background", func(context.Context) error {
		r.stop()
		r.finished.close()
		r.background.Wait()
		return nil
	}})
	if r.spool != nil {
		parts = append(parts, part{"output", func(context.Context) error { r.spool.Close(); return nil }})
	}
	if r.store != nil {
		parts = append(parts, part{"store", func(context.Context) error { return r.store.Close() }})
	}
	if r.engine != nil {
		parts = append(parts, part{"engine", r.engine.Close})
	}
	return closeParts(ctx, r.log, parts)
}

// part is something to be closed.
type part struct {
	name  string
	close func(context.Context) error
}

// closeParts closes one part after the other. It waits for each until ctx ends, or closeTime if that is
// later, then logs what hangs and goes on.
func closeParts(ctx context.Context, log *zap.Logger, parts []part) error {
	var err error
	for _, p := range parts {
		if e := closePart(ctx, p); e != nil {
			log.Error("a part did not close", zap.String("part", p.name), zap.Error(e))
			if e = fmt.Errorf("%s: %w", p.name, e); err != nil {
				e = fmt.Errorf("%w; %w", err, e)
			}
			err = e
		}
	}
	return err
}

func closePart(ctx context.Context, p part) error {
	ctx, cancel := atLeast(ctx, closeTime)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.close(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select { // it may have seen the same, and know more
	case err := <-done:
		return err
	case <-time.After(100 * time.Millisecond):
		return fmt.Errorf("it hangs: %w", context.Cause(ctx))
	}
}

// closeTime is how long a part has to close if others took all the time there was. It has no other work
// left than its own.
const closeTime = 5 * time.Second

// atLeast is ctx for no less than a duration from now.
func atLeast(ctx context.Context, least time.Duration) (context.Context, context.CancelFunc) {
	left := least
	if due, ok := ctx.Deadline(); ok {
		left = max(time.Until(due), least)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), left)
}

// waitIdle waits until no workload has an attempt.
func (r *Reactor) waitIdle(ctx context.Context) error {
	r.mu.Lock()
	if r.sched.Live() == 0 {
		r.mu.Unlock()
		return nil
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	idle := r.idle
	r.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		r.mu.Lock()
		defer r.mu.Unlock()
		return fmt.Errorf("%d workloads have not ended: %w", r.sched.Live(), context.Cause(ctx))
	}
}

// idleIfSo tells waitIdle; mu is held.
func (r *Reactor) idleIfSo() {
	if r.sched.Live() == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// enter counts a call that lasts: a watch, a log that is followed, an attached client. It is false
// if the reactor has become quiet.
func (r *Reactor) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.quiet:
		return false
	default:
		r.streams++
		return true
	}
}

func (r *Reactor) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams--
	if r.streams == 0 && r.silent != nil {
		close(r.silent)
		r.silent = nil
	}
}

// waitSilent waits until no such call is under way.
func (r *Reactor) waitSilent(ctx context.Context) error {
	r.mu.Lock()
	if r.streams == 0 {
		r.mu.Unlock()
		return nil
	}
	r.silent = make(chan struct{})
	silent := r.silent
	r.mu.Unlock()
	select {
	case <-silent:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("watches have not ended: %w", context.Cause(ctx))
	}
}
