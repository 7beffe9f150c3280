package reactor

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/internal/closing"
	"github.com/reactord/reactord/reactor/internal/refusal"
)

// Drain stops the reactor from taking and starting work; undo resumes that. What runs goes on. It returns how many
// workloads have started and not ended.
func (r *Reactor) Drain(undo bool) (unfinished uint64) { return uint64(r.runner.Drain(!undo)) }

// Draining reports whether nothing is started any more.
func (r *Reactor) Draining() bool { return r.runner.Draining() }

// Shutdown ends the reactor, in steps:
//
//  1. Submissions and pushes are refused from now on, and nothing is started.
//  2. Running workloads have the grace period to finish, or until ctx ends. Services serve them meanwhile, and everyone
//     else, and so do guests that only wait for connections. When nothing else runs the grace is over, since those do not
//     finish. (TestServicesEndLast, TestListenersEndLast)
//  3. Workloads that still run are interrupted. The store records them as PENDING, with their usage and output, and the
//     next reactor starts them again. Parked guests end at once, running ones at their next fuel check; those that wait
//     for a blocking job end with it. Services take no new requests, and have some seconds for those under way.
//  4. When nothing runs any more, every end is in the store. Watches send what is left and then the event that says
//     that the reactor shuts down; calls that wait for PENDING workloads are refused with DRAINING. Shutdown waits
//     until all these calls have returned.
//  5. The executor, the background goroutines, the log spool, the store and the engine are closed, each before the parts
//     that it uses. Calls from now on are refused with DRAINING. A part that hangs is left after stallTime: the log
//     says so, and what it waits for. (TestWhatHangsIsLeft)
//
// Step 3 goes on even if ctx has ended, as long as workloads end: recording a hundred thousand takes some seconds. When
// none has ended for stallTime, because blocking jobs hang, Shutdown goes on with the next steps and
// returns what was left. Nothing that was acknowledged is lost: it is on disk.
//
// Rejected: ending services first (a workload that asks one of them in its grace would fail for good, and clients would
// be without the service for longer); telling watches first (they would miss what the shutdown itself changes); leaving
// interrupted workloads RUNNING in the store (a clean stop would look like a crash, and their usage would be lost);
// waiting until the queue is empty (that may take days); waiting for guests that only wait for connections, of which one may come and be
// the last that a guest wants (an idle server would hold up every stop).
func (r *Reactor) Shutdown(ctx context.Context) error {
	active, ok := r.runner.DrainForGood()
	if !ok {
		return refusal.Draining()
	}
	if err := r.journal.Remove(); err != nil {
		r.log.Warn("the next start will take this end for a crash", zap.Error(err))
	}
	period := r.current.Load().GracePeriod
	r.log.Info("shutting down", zap.Int("running", active), zap.Duration("grace", max(0, period)))

	if period > 0 {
		grace, cancel := context.WithTimeout(ctx, period)
		_ = r.runner.WaitServices(grace) // what is left is interrupted
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

// stallTime is how long a shutdown waits for the next interrupted workload to end.
const stallTime = 10 * time.Second

// close closes the parts that were opened, each before the parts that it uses.
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
