package reactor

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/internal/closing"
	"github.com/reactord/reactord/reactor/internal/refusal"
)

// Drain stops the reactor taking and starting work, or with undo lets it go on. What runs runs on.
// It returns how many workloads have started and not ended.
func (r *Reactor) Drain(undo bool) (unfinished uint64) { return uint64(r.runner.Drain(!undo)) }

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
	active, ok := r.runner.DrainForGood()
	if !ok {
		return refusal.Draining()
	}
	if err := r.journal.Remove(); err != nil {
		r.log.Warn("the next start will take this end for a crash", zap.Error(err))
	}
	r.log.Info("shutting down", zap.Int("running", active), zap.Duration("grace", max(0, r.cfg.GracePeriod)))

	if r.cfg.GracePeriod > 0 {
		grace, cancel := context.WithTimeout(ctx, r.cfg.GracePeriod)
		_ = r.runner.WaitIdle(grace) // what is left is interrupted
		cancel()
	}
	ctx = context.WithoutCancel(ctx)
	err := r.runner.Unwind(ctx, stallTime)
	r.observer.End()
	r.feed.Close()
	ctx, cancel := context.WithTimeout(ctx, stallTime)
	defer cancel()
	err = errors.Join(err, r.observer.Wait(ctx))
	return errors.Join(err, r.close(ctx))
}

// stallTime is how long a shutdown waits for the next of what it has interrupted to end.
const stallTime = 10 * time.Second

// close closes the parts there are, those that are used after those that use them.
func (r *Reactor) close(ctx context.Context) error {
	var parts []closing.Part
	add := func(name string, closePart func(context.Context) error) {
		parts = append(parts, closing.Part{Name: name, Close: closePart})
	}
	if r.executor != nil {
		add("executor", r.executor.Close)
	}
	add("background", func(context.Context) error {
		r.stop()
		if r.runner != nil {
			r.runner.Close()
		}
		r.background.Wait()
		return nil
	})
	if r.spool != nil {
		add("output", func(context.Context) error { r.spool.Close(); return nil })
	}
	if r.store != nil {
		add("store", func(context.Context) error { return r.store.Close() })
	}
	if r.engine != nil {
		add("engine", r.engine.Close)
	}
	return closing.Parts(ctx, r.log, parts)
}
