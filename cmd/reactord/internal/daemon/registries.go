package daemon

import (
	"context"

	"github.com/reactord/reactord/cmd/internal/version"
	"github.com/reactord/reactord/cmd/reactord/internal/registries"
	"github.com/reactord/reactord/reactor/api"
)

// newFetcher returns what reads modules from registries into the reactor.
func (d *Daemon) newFetcher() *registries.Fetcher {
	return registries.New(registries.Config{
		Push: func(ctx context.Context, req api.PushRequest) (registries.Push, error) {
			push, err := d.reactor.PushModule(ctx, req)
			if err != nil {
				return nil, err
			}
			return push, nil
		},
		Signers:   d.signers,
		MaxBytes:  d.cfg.Reactor.Resolved().MaxModuleBytes,
		UserAgent: "reactord/" + version.Get().Version,
		Log:       d.log,
	}, d.cfg.Registries)
}
