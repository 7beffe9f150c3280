package reactor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/internal/lifecycle"
)

// Drain stops the reactor taking and starting work, or with undo lets it go on. What runs runs on.
// It returns how many workloads have started and not ended.
func (r *Reactor) Drain(undo bool) (unfinished uint64) {
	r.mu.Lock()
	r.draining = r.closing || !undo
	n := r.active
	r.mu.Unlock()
	r.kick()
	return uint64(n)
}

func (r *Reactor) isDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draining
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
//     with DRAINING.
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
	if r.closing {
		r.mu.Unlock()
		return errDraining()
	}
	r.closing, r.draining = true, true
	active := r.active
	r.bell.Stop()
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
	return r.active
}

// close closes the parts there are.
func (r *Reactor) close(ctx context.Context) (err error) {
	if r.executor != nil {
		if e := r.executor.Close(ctx); e != nil {
			err = fmt.Errorf("executor: %w", e)
		}
	}
	r.stop()
	r.finished.close()
	r.background.Wait()
	if r.spool != nil {
		r.spool.Close()
	}
	if r.store != nil {
		if e := r.store.Close(); e != nil {
			err = errors.Join(err, fmt.Errorf("store: %w", e))
		}
	}
	if r.engine != nil {
		if e := r.engine.Close(context.WithoutCancel(ctx)); e != nil {
			err = errors.Join(err, fmt.Errorf("engine: %w", e))
		}
	}
	return err
}

// waitIdle waits until no workload has an attempt.
func (r *Reactor) waitIdle(ctx context.Context) error {
	r.mu.Lock()
	if r.active == 0 {
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
		return fmt.Errorf("%d workloads have not ended: %w", r.active, context.Cause(ctx))
	}
}

// idleIfSo tells waitIdle; mu is held.
func (r *Reactor) idleIfSo() {
	if r.active == 0 && r.idle != nil {
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
