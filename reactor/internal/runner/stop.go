package runner

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
)

// Drain stops new workloads from being taken and started, or resumes that. What runs goes on. It returns how many
// workloads have started and not ended.
func (r *Runner) Drain(drain bool) (live int) {
	r.mu.Lock()
	r.sched.Drain(drain)
	live = r.sched.Live()
	r.mu.Unlock()
	r.Kick()
	return live
}

// Draining reports whether Drain is in effect.
func (r *Runner) Draining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sched.Draining()
}

// DrainForGood is like Drain, and can't be undone. It is not ok if it was called before.
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

// WaitIdle waits until no workload has an attempt.
func (r *Runner) WaitIdle(ctx context.Context) error {
	return r.await(ctx, func() bool { return r.sched.Live() == 0 })
}

// serveLook is how often WaitServices looks at what workloads wait for.
const serveLook = 250 * time.Millisecond

// WaitServices waits until no workload has an attempt but those that do not end by themselves: services, and guests that only wait for
// connections.
func (r *Runner) WaitServices(ctx context.Context) error {
	for busy := ""; ; {
		if busy = r.busy(busy); busy == "" {
			return nil
		}
		soon, cancel := context.WithTimeout(ctx, serveLook)
		err := r.await(soon, func() bool { return r.sched.Live() == r.services })
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

// busy returns a workload that does not only serve: the one that it has returned before, if that is one still. It returns nothing if
// there is none.
func (r *Runner) busy(before string) (id string) {
	if a, _, _ := r.Look(before); a != nil && !a.Serves() {
		return before
	}
	type running struct {
		id string
		*attempt.Attempt
	}
	for next := math.MaxInt; next > 0; {
		var piece []running
		next = r.VisitAttempts(next, func(id string, a *attempt.Attempt) { piece = append(piece, running{id, a}) })
		for _, w := range piece {
			if !w.Serves() {
				return w.id
			}
		}
	}
	return ""
}

// await waits for what the end of attempts brings about; reached is called with mu held.
func (r *Runner) await(ctx context.Context, reached func() bool) error {
	for {
		r.mu.Lock()
		if reached() {
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

// Unwind interrupts all workloads and waits until the store has recorded that they are PENDING again. It fails if none
// was for the duration stall, since jobs that block hang; the error says how many are left.
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
