package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/reactord/reactord/reactor/internal/lifecycle"
)

// Drain stops workloads from being taken and started, or lets it go on. What runs runs on. It returns how many
// have started and not ended.
func (r *Runner) Drain(drain bool) (live int) {
	r.mu.Lock()
	r.sched.Drain(drain)
	live = r.sched.Live()
	r.mu.Unlock()
	r.Kick()
	return live
}

// Draining tells whether nothing is taken and started any more.
func (r *Runner) Draining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sched.Draining()
}

// DrainForGood is Drain that can't be undone. It is not ok if it was called before.
func (r *Runner) DrainForGood() (live int, ok bool) {
	r.mu.Lock()
	if r.sched.Closing() {
		r.mu.Unlock()
		return 0, false
	}
	r.sched.Close()
	live = r.sched.Live()
	r.mu.Unlock()
	r.Kick()
	return live, true
}

// WaitIdle waits until no workload has an attempt. What is started meanwhile is waited for, too.
func (r *Runner) WaitIdle(ctx context.Context) error {
	for {
		r.mu.Lock()
		if r.sched.Live() == 0 {
			r.mu.Unlock()
			return nil
		}
		idle := r.idle.Next()
		r.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("%d workloads have not ended: %w", r.Stats().Live, context.Cause(ctx))
		}
	}
}

// Unwind interrupts what runs, and waits until it has been put back and that is in the store, or until none has been
// for a while: then jobs that block hang, and the error says how many are left.
func (r *Runner) Unwind(ctx context.Context, stall time.Duration) error {
	r.mu.Lock()
	all := slices.Clone(r.all)
	r.mu.Unlock()
	for _, w := range all {
		r.interrupt(w, lifecycle.ByShutdown)
	}
	for left := r.Stats().Live; ; {
		patient, cancel := context.WithTimeout(ctx, stall)
		err := r.WaitIdle(patient)
		cancel()
		before := left
		if left = r.Stats().Live; err == nil || left >= before {
			return err
		}
	}
}
