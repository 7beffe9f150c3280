package modules

import (
	"context"
	"errors"
	"strings"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// Config configures a Registry.
type Config struct {
	Store  store.Modules
	Engine *engine.Engine
	ABIs   *abi.Set
	// MaxBytes bounds the size of a module.
	MaxBytes uint64
	// MaxMemoryBytes returns the most memory that a module may start with.
	MaxMemoryBytes func() uint64
	// Reading is called before records are read for a client; the function it returns is called when they have
	// been decoded. It may wait for other reads.
	Reading func(context.Context) (done func(), err error)
	// OnDamaged is called with the error of a record that can't be read. The record is left out.
	OnDamaged func(error)
	// OnStored is called when a new module was stored, or a damaged one was replaced.
	OnStored func(store.Digest)
}

// Registry keeps the modules of a node.
type Registry struct {
	Config
	catalog *catalog
	pushed  chan struct{} // an element for each push that waits to be compiled
}

// New makes a registry.
func New(cfg Config) *Registry {
	return &Registry{Config: cfg, catalog: newCatalog(), pushed: make(chan struct{}, maxPushed)}
}

// Get returns a module by digest or tag.
func (r *Registry) Get(ctx context.Context, ref string) (*api.Module, error) {
	rec, err := r.readModule(ctx, ref)
	if err != nil {
		return nil, err
	}
	m, err := r.moduleOf(rec)
	return m, errs.Wrap(err, "module")
}

// List returns a page of modules, newest first.
func (r *Registry) List(ctx context.Context, page api.Page) (list api.ModulePage, err error) {
	size, err := intake.PageSize(page)
	if err != nil {
		return list, err
	}
	done, err := r.Reading(ctx)
	if err != nil {
		return list, err
	}
	defer done()
	found, err := r.Store.ListModules(ctx, page.Token, size)
	if err != nil {
		return list, refusal.OfStore(err)
	}
	for _, corrupt := range found.Corrupt {
		r.OnDamaged(corrupt)
		list.Unreadable = append(list.Unreadable, errs.Clip(strings.ToValidUTF8(corrupt.Name, "\uFFFD")))
	}
	for _, rec := range found.Modules {
		m, err := r.moduleOf(rec)
		if err != nil {
			r.OnDamaged(err)
			list.Unreadable = append(list.Unreadable, rec.Digest.String())
			continue
		}
		list.Modules = append(list.Modules, m)
	}
	list.Next = found.Next
	return list, nil
}

// Tag points a tag at a module, moving the tag if it exists.
func (r *Registry) Tag(ctx context.Context, ref, tag string) (*api.Module, error) {
	var f errs.Faults
	if intake.CheckNewTag(&f, "tag", tag); len(f) > 0 {
		return nil, f.Err()
	}
	rec, err := r.readModule(ctx, ref)
	if err != nil {
		return nil, err
	}
	err = r.Store.TagModule(ctx, tag, rec.Digest)
	r.catalog.forget()
	if err != nil {
		return nil, refusal.OfStore(err)
	}
	return r.Get(ctx, rec.Digest.String())
}

// Delete removes a module and its tags, unless unfinished workloads use it.
func (r *Registry) Delete(ctx context.Context, ref string) error {
	rec, err := r.readModule(ctx, ref)
	if err != nil {
		return err
	}
	err = r.Store.DeleteModule(ctx, rec.Digest)
	r.catalog.forget()
	if err == nil {
		r.Engine.Discard(rec.Digest.String())
	}
	return refusal.OfStore(err)
}

// LookUp finds a module by digest or tag.
func (r *Registry) LookUp(ctx context.Context, ref string) (store.Digest, *abi.Description, error) {
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

// Describe returns the description of a module that was found before. Its errors are the store's.
func (r *Registry) Describe(ctx context.Context, digest store.Digest) (*abi.Description, error) {
	info, generation := r.catalog.module(digest)
	if info != nil {
		return info, nil
	}
	rec, err := r.Store.Module(ctx, digest)
	if err != nil {
		return nil, err
	}
	if info, err = decodeModule(rec); err != nil {
		return nil, err
	}
	r.catalog.remember(generation, "", digest, info)
	return info, nil
}

// Load loads a module by the ABI of its kind. The caller must Release it. Errors are those of abi.ABI's Load, of the
// store, and an *abi.UnknownKindError.
func (r *Registry) Load(ctx context.Context, digest store.Digest) (abi.Program, error) {
	module, err := r.Describe(ctx, digest)
	if err != nil {
		return nil, err
	}
	a, err := r.ABIs.Of(module.Kind)
	if err != nil {
		return nil, err
	}
	return a.Load(ctx, r.Engine, abi.Source{
		Digest: digest.String(),
		Read:   func() ([]byte, error) { return r.Store.ModuleBinary(ctx, digest) },
	})
}

// readModule reads the record of a module, named by digest or tag.
func (r *Registry) readModule(ctx context.Context, ref string) (*store.Module, error) {
	var rec *store.Module
	var err error
	if store.IsDigest(ref) {
		digest, bad := store.ParseDigest(ref)
		if bad != nil {
			return nil, errs.Invalid(errs.Field{Path: "module", Description: bad.Error()})
		}
		rec, err = r.Store.Module(ctx, digest)
	} else {
		var f errs.Faults
		if intake.CheckTag(&f, "module", ref); len(f) > 0 {
			return nil, f.Err()
		}
		rec, err = r.Store.ModuleByTag(ctx, ref)
	}
	if missing, ok := errors.AsType[*store.NotFoundError](err); ok && missing.Kind != store.KindWorkload {
		return nil, refusal.NoModule(ref)
	}
	return rec, refusal.OfStore(err)
}
