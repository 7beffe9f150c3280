package modules

import (
	"context"
	"errors"
	"time"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// Only modules that nothing refers to are pruned: no tag, no workload that is in the store, finished or not, no push and no
// submission under way. The least recently used go first.

// Prune removes the modules that nothing refers to, for a client.
func (r *Registry) Prune(ctx context.Context, req api.PruneRequest) (pruned api.PrunedModules, err error) {
	before := time.Now()
	switch {
	case req.UnusedFor < 0:
		return pruned, errs.Invalid(errs.Field{Path: "unused_for", Description: "must be a duration of zero or more"})
	case req.UnusedFor > 0:
		before = before.Add(-req.UnusedFor).Add(-store.UseStep)
	}
	err = r.eachUnused(ctx, before, func(rec *store.Module) (more bool, err error) {
		freed, ok := uint64(rec.Size)+uint64(r.Engine.CodeBytes(rec.Digest.String())), true
		if !req.DryRun {
			freed, ok, err = r.remove(ctx, rec, before)
		}
		if ok {
			pruned.Total++
			pruned.FreedBytes += freed
			if len(pruned.Modules) < r.maxPruned {
				r.addPruned(&pruned, rec)
			}
		}
		return true, err
	})
	return pruned, err
}

// addPruned adds a module to the answer, without what can be large.
func (r *Registry) addPruned(pruned *api.PrunedModules, rec *store.Module) {
	m, err := r.moduleOf(rec)
	if err != nil {
		r.OnDamaged(err)
		return
	}
	m.Imports, m.Exports = nil, nil
	pruned.Modules = append(pruned.Modules, m)
}

// Pruned is what was removed: how many modules, and the bytes that they and their machine code took on disk.
type Pruned struct {
	Modules int
	Bytes   uint64
}

// PruneBefore removes the modules that nothing refers to and that were last used before a time.
func (r *Registry) PruneBefore(ctx context.Context, before time.Time) (Pruned, error) {
	return r.pruneWhile(ctx, before.Add(-store.UseStep), func(uint64) bool { return true })
}

// MakeRoom removes modules that nothing refers to until so many bytes of the room for modules are free, or none are left.
func (r *Registry) MakeRoom(ctx context.Context, bytes uint64) (Pruned, error) {
	return r.pruneWhile(ctx, time.Now().Add(-r.Grace), func(room uint64) bool { return room < bytes })
}

// pruneWhile removes modules that nothing refers to as long as more says so of the room that they have left.
func (r *Registry) pruneWhile(ctx context.Context, before time.Time, more func(room uint64) bool) (pruned Pruned, err error) {
	room := uint64(0)
	err = r.eachUnused(ctx, before, func(rec *store.Module) (bool, error) {
		if !more(room) {
			return false, nil
		}
		freed, ok, err := r.remove(ctx, rec, before)
		if ok {
			pruned.Modules++
			pruned.Bytes += freed
			room += uint64(rec.Size)
		}
		return true, err
	})
	return pruned, err
}

// eachUnused calls do for each module that nothing refers to and that was last used before a time, the least recently
// used first, until do returns false.
func (r *Registry) eachUnused(ctx context.Context, before time.Time, do func(*store.Module) (more bool, err error)) error {
	for query := (store.UnusedQuery{Before: before}); ; {
		page, err := r.readUnused(ctx, query)
		if err != nil {
			return err
		}
		for _, rec := range page.Modules {
			if r.holds.has(rec.Digest) {
				continue
			}
			if more, err := do(rec); !more || err != nil {
				return err
			}
		}
		if query.Token = page.Next; query.Token == "" {
			return nil
		}
	}
}

func (r *Registry) readUnused(ctx context.Context, query store.UnusedQuery) (store.ModulePage, error) {
	done, err := r.Reading(ctx)
	if err != nil {
		return store.ModulePage{}, err
	}
	defer done()
	page, err := r.Store.UnusedModules(ctx, query)
	for _, corrupt := range page.Corrupt {
		r.OnDamaged(corrupt)
	}
	return page, refusal.OfStore(err)
}

// remove removes a module with its machine code, unless something refers to it by now.
func (r *Registry) remove(ctx context.Context, rec *store.Module, before time.Time) (freed uint64, ok bool, err error) {
	done, ok := r.holds.prune(rec.Digest)
	if !ok {
		return 0, false, nil
	}
	defer done()
	err = r.Store.PruneModule(ctx, rec.Digest, before)
	r.catalog.forget()
	if _, kept := errors.AsType[*store.KeptError](err); kept || missing(err) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, refusal.OfStore(err)
	}
	return uint64(rec.Size) + uint64(r.Engine.Discard(rec.Digest.String())), true, nil
}

// SweepCode deletes machine code of modules that are not there: a daemon that was killed leaves some, and so do pushes
// that are refused after their compilation.
func (r *Registry) SweepCode(ctx context.Context) error {
	for _, name := range r.Engine.CodeModules() {
		if engine.IsLinked(name) {
			continue // parts of components, which may be of several
		}
		digest, err := store.ParseDigest(name)
		if err != nil {
			r.Engine.Discard(name)
			continue
		}
		if r.holds.has(digest) {
			continue
		}
		found, err := r.Store.FindModules(ctx, store.PrefixOf(digest), false, 1)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			r.Engine.Discard(name)
		}
	}
	return nil
}
