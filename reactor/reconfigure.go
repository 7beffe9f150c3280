package reactor

import (
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/intake"
)

// Reconfigure takes over from cfg what can change while the reactor runs: DefaultLimits and MaxLimits, MaxPending and
// MaxPendingBytes, Allow, RetainFinished, RetainCount and RetainModules, GracePeriod. It ignores all other fields. If cfg is not valid it
// changes nothing.
//
// What was submitted keeps its limits and its place in the queue, and what guests have open stays open. Grants that are
// opened from now on are checked against the new policy, also those of workloads that were submitted before.
func (r *Reactor) Reconfigure(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	changed := r.cfg
	changed.DefaultLimits, changed.MaxLimits = cfg.DefaultLimits, cfg.MaxLimits
	changed.MaxPending, changed.MaxPendingBytes = cfg.MaxPending, cfg.MaxPendingBytes
	changed.Allow = cfg.Allow
	changed.RetainFinished, changed.RetainCount = cfg.RetainFinished, cfg.RetainCount
	changed.RetainModules = cfg.RetainModules
	changed.GracePeriod = cfg.GracePeriod

	r.current.Store(&changed)
	r.permit.SetPolicy(changed.Allow)
	r.runner.SetQueueBounds(changed.MaxPending, changed.MaxPendingBytes)
	r.pressure.Set() // the pruner looks at once
	return nil
}

// submissionLimits returns what a submission may have at most, and the limits of a workload that sets none.
func (r *Reactor) submissionLimits() (most intake.Bounds, defaults api.Limits) {
	current := r.current.Load()
	return current.bounds(), current.DefaultLimits
}

// sandboxLimits returns the limits of the sandbox of a snapshot: those of a workload that sets none. The engine has room for
// the memory that this was at the start.
func (r *Reactor) sandboxLimits() api.Limits {
	limits := r.current.Load().DefaultLimits
	limits.MemoryBytes = min(limits.MemoryBytes, r.cfg.DefaultLimits.MemoryBytes)
	return limits
}

// maxGuestMemory returns the most memory that a workload can have.
func (r *Reactor) maxGuestMemory() uint64 {
	return min(uint64(r.cfg.MemoryBytes), r.current.Load().MaxLimits.MemoryBytes)
}
