package reactor

import (
	"context"
	"errors"
	"sync"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// catalog remembers what tags point at and what modules are like, so that a submission does not
// read the store for it. The store has the last word: it refuses a workload whose module is gone.
//
// Whoever changes tags or modules calls forget after the change. A lookup that read the store
// before, and would remember after, finds that the generation has moved on, and does not.
type catalog struct {
	mu         sync.Mutex
	generation int
	tags       map[string]store.Digest
	modules    map[store.Digest]*abi.Description
}

// maxCatalog bounds the entries of each kind.
const maxCatalog = 4096

func newCatalog() *catalog {
	c := new(catalog)
	c.clear()
	return c
}

func (c *catalog) clear() {
	c.tags, c.modules = map[string]store.Digest{}, map[store.Digest]*abi.Description{}
}

// forget drops everything.
func (c *catalog) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.clear()
}

func (c *catalog) tag(tag string) (digest store.Digest, generation int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	digest, ok = c.tags[tag]
	return digest, c.generation, ok
}

func (c *catalog) module(digest store.Digest) (info *abi.Description, generation int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.modules[digest], c.generation
}

func (c *catalog) remember(generation int, tag string, digest store.Digest, info *abi.Description) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.generation {
		return
	}
	if len(c.tags) >= maxCatalog || len(c.modules) >= maxCatalog {
		c.clear()
	}
	if tag != "" {
		c.tags[tag] = digest
	}
	c.modules[digest] = info
}

// lookup finds a module by digest or tag.
func (r *Reactor) lookup(ctx context.Context, ref string) (store.Digest, *abi.Description, error) {
	var tag string
	var digest store.Digest
	generation, known := 0, true
	if store.IsDigest(ref) {
		var err error
		if digest, err = store.ParseDigest(ref); err != nil {
			return digest, nil, errs.Invalid(errs.Field{Path: "module", Description: err.Error()})
		}
	} else {
		tag = ref
		digest, generation, known = r.catalog.tag(ref)
	}
	if known {
		info, g := r.catalog.module(digest)
		if info != nil {
			return digest, info, nil
		}
		generation = g
	}
	rec, err := r.readModule(ctx, ref)
	if err != nil {
		return digest, nil, err
	}
	info, err := decodeModule(rec)
	if err != nil {
		return digest, nil, errs.Wrap(err, "module")
	}
	r.catalog.remember(generation, tag, rec.Digest, info)
	return rec.Digest, info, nil
}

// moduleInfo returns what a module is like that was found before. Its errors are the store's.
func (r *Reactor) moduleInfo(digest store.Digest) (*abi.Description, error) {
	info, generation := r.catalog.module(digest)
	if info != nil {
		return info, nil
	}
	rec, err := r.store.Module(r.ctx, digest)
	if err != nil {
		return nil, err
	}
	if info, err = decodeModule(rec); err != nil {
		return nil, err
	}
	r.catalog.remember(generation, "", digest, info)
	return info, nil
}

// readModule reads the record of a module, named by digest or tag.
func (r *Reactor) readModule(ctx context.Context, ref string) (*store.Module, error) {
	var rec *store.Module
	var err error
	if store.IsDigest(ref) {
		digest, bad := store.ParseDigest(ref)
		if bad != nil {
			return nil, errs.Invalid(errs.Field{Path: "module", Description: bad.Error()})
		}
		rec, err = r.store.Module(ctx, digest)
	} else {
		var f errs.Faults
		if intake.CheckTag(&f, "module", ref); len(f) > 0 {
			return nil, f.Err()
		}
		rec, err = r.store.ModuleByTag(ctx, ref)
	}
	if missing, ok := errors.AsType[*store.NotFoundError](err); ok && missing.Kind != store.KindWorkload {
		return nil, refusal.NoModule(ref)
	}
	return rec, refusal.OfStore(err)
}
