package reactor

import (
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/internal/modules"
	"github.com/reactord/reactord/reactor/internal/process"
	"github.com/reactord/reactord/reactor/internal/retention"
	"github.com/reactord/reactord/reactor/store"
)

const (
	// pruneInterval is how often the pruner looks for what may be deleted.
	pruneInterval = time.Minute
	// sweepInterval is how often it looks for machine code of modules that are gone.
	sweepInterval = time.Hour
)

// By default the store may take a quarter of its disk, within these bounds.
const (
	minStoreBytes = 64 * mib
	maxStoreBytes = 64 * gib
)

// storeBytes is the bound on the size of the store, without modules.
func (c *Config) storeBytes() (int64, error) {
	if c.StoreBytes > 0 {
		return c.StoreBytes, nil
	}
	disk, err := process.ReadDisk(c.DataDir)
	return int64(min(max(disk.Bytes/4, minStoreBytes), maxStoreBytes)), err
}

// onPressed is called on the store's goroutine when the store comes near its bound.
func (r *Reactor) onPressed() { r.pressure.Set() }

// onOutage is called when the store can't write any more, and when it can again.
func (r *Reactor) onOutage(what string, cause error) {
	if what == store.DatabaseOutage {
		r.unwritable.Store(&cause)
		if on := r.cfg.OnOutage; on != nil {
			on(cause)
		}
	} else {
		r.modulesUnwritable.Store(cause != nil)
	}
	if cause != nil {
		r.log.Warn("the store can't be written to: new work is refused, what has begun waits; make room: delete modules, free the disk, or raise store-size or module-store",
			zap.String("of", what), zap.Error(cause))
		return
	}
	r.log.Info("the store can be written to again", zap.String("of", what))
}

// outage returns why the database can't be written to, or nil.
func (r *Reactor) outage() error {
	if cause := r.unwritable.Load(); cause != nil {
		return *cause
	}
	return nil
}

// onDropping is called when output is dropped because the store takes none, and when that has ended.
func (r *Reactor) onDropping(bytes uint64, ended bool) {
	if !ended {
		r.log.Warn("the store takes no output: what guests print is counted and dropped")
		return
	}
	r.log.Info("the store takes output again", zap.Uint64("dropped_bytes", bytes))
}

// prune is the pruner's goroutine: it deletes finished workloads and unused modules.
func (r *Reactor) prune() {
	tick, sweep := time.NewTicker(pruneInterval), time.NewTicker(sweepInterval)
	defer tick.Stop()
	defer sweep.Stop()
	workloads, unused := retention.New(0, r.former), retention.New(0, r.former)
	r.sweepCode()
	for {
		current := r.current.Load()
		workloads.SetKeep(max(current.RetainFinished, 0))
		unused.SetKeep(max(current.RetainModules, 0))
		now, uptime := time.Now(), time.Since(r.since)
		if err := r.pruneNow(r.retain(workloads, now, uptime)); err != nil && r.ctx.Err() == nil {
			r.log.Error("finished workloads could not be deleted", zap.Error(err))
		}
		before, _ := unused.Before(now, uptime)
		if err := r.pruneModules(before); err != nil && r.ctx.Err() == nil {
			r.log.Error("unused modules could not be deleted", zap.Error(err))
		}
		select {
		case <-tick.C:
		case <-sweep.C:
			r.sweepCode()
		case <-r.pressure:
		case <-r.ctx.Done():
			return
		}
	}
}

// pruneModules deletes modules that nothing refers to: those that were last used before a time, and if modules take nearly
// all their room the least recently used ones.
func (r *Reactor) pruneModules(before time.Time) error {
	if r.current.Load().RetainModules > 0 {
		pruned, err := r.modules.PruneBefore(r.ctx, before)
		r.onPruned(pruned)
		if err != nil {
			return err
		}
	}
	used, bound := r.store.ModuleBytes()
	if used <= bound/8*7 {
		return nil
	}
	pruned, err := r.modules.MakeRoom(r.ctx, uint64(used-bound/4*3))
	r.onPruned(pruned)
	return err
}

// onPruned is called when unused modules were deleted without a client's asking.
func (r *Reactor) onPruned(pruned modules.Pruned) {
	if pruned.Modules > 0 {
		r.log.Info("unused modules were deleted", zap.Int("modules", pruned.Modules), zap.Uint64("bytes", pruned.Bytes))
	}
}

// sweepCode deletes machine code of modules that are gone.
func (r *Reactor) sweepCode() {
	if err := r.modules.SweepCode(r.ctx); err != nil && r.ctx.Err() == nil {
		r.log.Error("the compile cache could not be tidied up", zap.Error(err))
	}
}

// lastChange is when a former daemon last recorded anything, zero if it never did.
func (r *Reactor) lastChange() time.Time {
	found, err := r.store.Changes(r.ctx, max(r.store.Revision()-1, 0), 1)
	if err != nil || len(found.Workloads) == 0 {
		return time.Time{}
	}
	return found.Workloads[0].Updated
}

// retain returns what to keep now.
func (r *Reactor) retain(clock *retention.Clock, now time.Time, uptime time.Duration) store.Retention {
	current := r.current.Load()
	policy := store.Retention{Keep: current.RetainCount, Bytes: r.cfg.StoreBytes / 4 * 3}
	before, jump := clock.Before(now, uptime)
	if jump != 0 {
		r.log.Warn("the clock was set, or the daemon was not there: finished workloads are kept for longer", zap.Duration("by", jump))
	}
	if current.RetainFinished > 0 {
		policy.Before = before
	}
	return policy
}

// pruneNow forgets all that the policy does not keep, in bounded steps, so that others can use the store in between.
func (r *Reactor) pruneNow(policy store.Retention) error {
	for {
		done, err := r.store.Prune(r.ctx, policy)
		if err != nil || !done.More {
			return err
		}
	}
}
