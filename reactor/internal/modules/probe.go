package modules

import (
	"context"
	"errors"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// Binary returns the bytes of a module that was found before.
func (r *Registry) Binary(ctx context.Context, digest store.Digest) ([]byte, error) {
	binary, err := r.Store.ModuleBinary(ctx, digest)
	return binary, refusal.OfStore(err)
}

// LoadForClient is Load with errors for clients.
func (r *Registry) LoadForClient(ctx context.Context, digest store.Digest) (abi.Program, error) {
	program, err := r.Load(ctx, digest)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if errors.Is(err, store.ErrDamaged) {
			return nil, refusal.DamagedModule(digest.String())
		}
		return nil, errs.Wrap(refuse(digest.String(), err), "load the module")
	}
	return program, nil
}

// LoadProbe loads bytes that are not to be stored, by the ABI of a kind. The caller must Release the program.
func (r *Registry) LoadProbe(ctx context.Context, kind abi.Kind, binary []byte) (*Probe, error) {
	a, err := r.ABIs.Of(kind)
	if err != nil {
		return nil, errs.Wrap(refuse("", err), "load the module")
	}
	digest := store.DigestOf(binary)
	program, err := a.Load(ctx, r.Engine, abi.Source{
		Digest: digest.String(), Read: func() ([]byte, error) { return binary, nil },
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, errs.Wrap(refuse(digest.String(), err), "load the module")
	}
	return &Probe{program, r, digest}, nil
}

// Probe is a program that is not stored.
type Probe struct {
	abi.Program
	registry *Registry
	digest   store.Digest
}

// Release gives the program up, and deletes its machine code unless it is also a stored module's.
func (p *Probe) Release() {
	p.Program.Release()
	if _, err := p.registry.Store.Module(context.Background(), p.digest); missing(err) {
		p.registry.Engine.Discard(p.digest.String())
	}
}
