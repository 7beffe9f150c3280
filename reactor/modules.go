package reactor

import (
	"context"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/modules"
	"github.com/reactord/reactord/reactor/internal/refusal"
)

// Push is a module on its way in.
type Push = modules.Push

// PushModule begins or resumes the push of a module. It does not wait for other pushes.
func (r *Reactor) PushModule(ctx context.Context, req api.PushRequest) (*Push, error) {
	if r.runner.Draining() {
		return nil, refusal.Draining()
	}
	return r.modules.Push(ctx, req)
}

// GetModule returns a module by digest or tag.
func (r *Reactor) GetModule(ctx context.Context, ref string) (*api.Module, error) {
	return r.modules.Get(ctx, ref)
}

// ListModules returns a page of modules, newest first.
func (r *Reactor) ListModules(ctx context.Context, page api.Page) (api.ModulePage, error) {
	return r.modules.List(ctx, page)
}

// TagModule points a tag at a module, moving the tag if it exists.
func (r *Reactor) TagModule(ctx context.Context, ref, tag string) (*api.Module, error) {
	return r.modules.Tag(ctx, ref, tag)
}

// DeleteModule removes a module and its tags, unless workloads that have not finished use it.
func (r *Reactor) DeleteModule(ctx context.Context, ref string) error {
	return r.modules.Delete(ctx, ref)
}
