package reactor

import (
	"context"
	"io"

	"go.uber.org/zap"

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

// UploadModule stores a module in one call, as a push of it would.
func (r *Reactor) UploadModule(ctx context.Context, req api.UploadRequest) (m *api.Module, existed bool, err error) {
	if r.runner.Draining() {
		return nil, false, refusal.Draining()
	}
	return r.modules.Upload(ctx, req)
}

// GetModule returns the module that ref names: a digest, the beginning of one, or a tag.
func (r *Reactor) GetModule(ctx context.Context, ref string) (*api.Module, error) {
	return r.modules.Get(ctx, ref)
}

// DescribeModule returns the module that ref names, with the types of a component's functions.
func (r *Reactor) DescribeModule(ctx context.Context, ref string) (*api.ModuleDescription, error) {
	return r.modules.DescribeTypes(ctx, ref)
}

// PullModule opens the module that ref names for reading. A read of bytes that are damaged fails, at the latest when all
// others have been read.
func (r *Reactor) PullModule(ctx context.Context, ref string) (*api.Module, io.ReadCloser, error) {
	return r.modules.Pull(ctx, ref)
}

// ListModules returns a page of modules, newest first.
func (r *Reactor) ListModules(ctx context.Context, page api.Page) (api.ModulePage, error) {
	return r.modules.List(ctx, page)
}

// TagModule points a tag at a module, moving the tag if it exists.
func (r *Reactor) TagModule(ctx context.Context, ref, tag string) (*api.Module, error) {
	return r.modules.Tag(ctx, ref, tag)
}

// UntagModule removes a tag, and returns the module that it pointed at.
func (r *Reactor) UntagModule(ctx context.Context, tag string) (*api.Module, error) {
	return r.modules.Untag(ctx, tag)
}

// DeleteModule removes a module and its tags, unless workloads that have not finished use it.
func (r *Reactor) DeleteModule(ctx context.Context, ref string) error {
	return r.modules.Delete(ctx, ref)
}

// PruneModules removes the modules that nothing refers to: no tag, no workload, no push and no submission under way. If it
// fails some may be removed already.
func (r *Reactor) PruneModules(ctx context.Context, req api.PruneRequest) (api.PrunedModules, error) {
	return r.modules.Prune(ctx, req)
}

// SnapshotModule runs a module's initialization and stores what came of it as a module of its own.
func (r *Reactor) SnapshotModule(ctx context.Context, req api.SnapshotRequest) (*api.Snapshot, error) {
	if r.runner.Draining() {
		return nil, refusal.Draining()
	}
	made, err := r.snapshots.Make(ctx, req)
	if err == nil && !made.Existed {
		r.log.Info("made a snapshot", zap.String("module", made.From), zap.String("snapshot", made.Module.Digest),
			zap.String("invoke", req.Invoke), zap.Bool("clock", req.AllowClock), zap.Bool("random", req.AllowRandom))
	}
	return made, err
}
