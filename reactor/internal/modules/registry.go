package modules

import (
	"context"
	"errors"
	"strings"
	"time"

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
	// Admits reports whether workloads may have a module of a signer, which is as in store.Provenance.
	Admits func(signer string) bool
	// Grace is how long a module that was just pushed is kept for the submission that probably follows, when room is made.
	Grace time.Duration
	// Reading is called before records are read for a client; the function it returns is called when they have
	// been decoded. It may wait for other reads.
	Reading func(context.Context) (done func(), err error)
	// OnDamaged is called with the error of a record that can't be read. The record is left out.
	OnDamaged func(error)
	// OnPruned is called when modules were pruned to make room for a push.
	OnPruned func(Pruned)
	// OnStored is called when a new module was stored, or a damaged one was replaced.
	OnStored func(store.Digest)
}

// Registry keeps the modules of a node.
type Registry struct {
	Config
	catalog *catalog
	pushed  chan struct{} // an element for each push that waits to be compiled
	holds   holds

	maxPruned int // bounds what Prune lists
}

// New makes a registry.
func New(cfg Config) *Registry {
	return &Registry{
		Config: cfg, catalog: newCatalog(), pushed: make(chan struct{}, maxPushed), holds: newHolds(), maxPruned: api.MaxPrunedModules,
	}
}

// Get returns a module by its digest, the beginning of that, or a tag.
func (r *Registry) Get(ctx context.Context, ref string) (*api.Module, error) {
	rec, err := r.find(ctx, ref)
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
	rec, err := r.find(ctx, ref)
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

// Untag removes a tag, and returns the module that it pointed at.
func (r *Registry) Untag(ctx context.Context, tag string) (*api.Module, error) {
	var f errs.Faults
	if intake.CheckTag(&f, "tag", tag); len(f) > 0 {
		return nil, f.Err()
	}
	digest, err := r.Store.UntagModule(ctx, tag)
	r.catalog.forget()
	if missing, ok := errors.AsType[*store.NotFoundError](err); ok {
		return nil, errs.Module(errs.ModuleNotFound, missing.Name, "there is no tag %q", missing.Name)
	}
	if err != nil {
		return nil, refusal.OfStore(err)
	}
	return r.Get(ctx, digest.String())
}

// Delete removes a module and its tags, unless unfinished workloads use it. A module whose record is damaged can be
// removed by its whole digest.
func (r *Registry) Delete(ctx context.Context, ref string) error {
	digest, err := store.ParseDigest(ref)
	if err != nil {
		rec, err := r.find(ctx, ref)
		if err != nil {
			return err
		}
		digest = rec.Digest
	}
	err = r.Store.DeleteModule(ctx, digest)
	r.catalog.forget()
	if err == nil {
		r.Engine.Discard(digest.String())
	}
	return refusal.OfStore(err)
}

// Describe returns the description of a module that was found before. Its errors are the store's.
func (r *Registry) Describe(ctx context.Context, digest store.Digest) (*abi.Description, error) {
	m, generation := r.catalog.module(digest)
	if m.info != nil {
		return m.info, nil
	}
	rec, err := r.Store.Module(ctx, digest)
	if err != nil {
		return nil, err
	}
	info, err := decodeModule(rec)
	if err != nil {
		return nil, err
	}
	r.catalog.remember(generation, "", digest, entry{info, rec.Signer})
	return info, nil
}

// Load loads a module by the ABI of its kind. The caller must Release it. Errors are those of abi.ABI's Load, of the
// store, and an *abi.UnknownKindError.
func (r *Registry) Load(ctx context.Context, digest store.Digest) (abi.Program, error) {
	_, generation := r.catalog.module(digest)
	program, err := r.load(ctx, digest)
	if corrupt, ok := errors.AsType[*store.CorruptError](err); ok || err == nil {
		r.catalog.noteLoad(generation, digest, ok && corrupt.Kind == store.KindModule)
	}
	return program, err
}

func (r *Registry) load(ctx context.Context, digest store.Digest) (abi.Program, error) {
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
