package modules

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// DescribeTypes returns the module that ref names, with the types of a component's functions. Of its WIT one is made at a time,
// since that takes the whole module into memory.
func (r *Registry) DescribeTypes(ctx context.Context, ref string) (*api.ModuleDescription, error) {
	rec, err := r.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	module, err := r.moduleOf(rec)
	if err != nil {
		return nil, errs.Wrap(err, "module")
	}
	info, err := decodeModule(rec)
	if err != nil {
		return nil, errs.Wrap(err, "module")
	}
	d := &api.ModuleDescription{Module: module, Signatures: info.Signatures}
	if info.Signatures == nil {
		return d, nil
	}
	resolved, err := info.Signatures.Resolve()
	if err != nil {
		return nil, fmt.Errorf("the record of module %s: %w", module.Digest, err)
	}
	for i := range resolved.Functions {
		d.Callable = append(d.Callable, resolved.Functions[i].Callable())
	}
	a, err := r.ABIs.Of(info.Kind)
	if err != nil {
		return nil, errs.Wrap(refuse(module.Digest, err), "module")
	}
	binary, err := r.Store.ModuleBinary(ctx, rec.Digest)
	if err != nil {
		return nil, unreadable(rec.Digest, err)
	}
	var fault error
	if err := r.Engine.Decode(ctx, func() { d.WIT, fault = a.WIT(binary) }); err != nil {
		return nil, err
	}
	if fault != nil {
		return nil, errs.Wrap(refuse(module.Digest, fault), "module")
	}
	return d, nil
}

// Pull opens the module that ref names for reading.
func (r *Registry) Pull(ctx context.Context, ref string) (*api.Module, io.ReadCloser, error) {
	rec, err := r.find(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	module, err := r.moduleOf(rec)
	if err != nil {
		return nil, nil, errs.Wrap(err, "module")
	}
	file, err := r.Store.OpenModule(ctx, rec.Digest)
	if err != nil {
		return nil, nil, unreadable(rec.Digest, err)
	}
	return module, &pull{file, rec.Digest}, nil
}

// pull reads a module.
type pull struct {
	io.ReadCloser
	digest store.Digest
}

func (p *pull) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = unreadable(p.digest, err)
	}
	return n, err
}

// unreadable is the error for a module whose bytes could not be read.
func unreadable(digest store.Digest, err error) error {
	if errors.Is(err, store.ErrDamaged) {
		return refusal.DamagedModule(digest.String())
	}
	return refusal.OfStore(err)
}
