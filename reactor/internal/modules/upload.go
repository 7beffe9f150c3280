package modules

import (
	"context"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/store"
)

// Upload stores a module whose bytes are all there, as a push of them would.
func (r *Registry) Upload(ctx context.Context, req api.UploadRequest) (m *api.Module, existed bool, err error) {
	var f errs.Faults
	if len(req.Content) == 0 {
		f.Add("content", "a module must not be empty")
	}
	if checkNames(&f, "", req.Tag, req.Name); len(f) > 0 {
		return nil, false, f.Err()
	}
	p, err := r.Push(ctx, api.PushRequest{
		Digest: store.DigestOf(req.Content).String(), SizeBytes: uint64(len(req.Content)), Tag: req.Tag, Name: req.Name,
		Signer: req.Signer,
	})
	if err != nil {
		return nil, false, err
	}
	defer p.Close() //nolint:errcheck // a failed close harms nobody
	if _, err := p.Write(req.Content[p.Offset():]); err != nil {
		return nil, false, err
	}
	return p.Commit(ctx)
}
