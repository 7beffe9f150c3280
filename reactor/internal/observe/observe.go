package observe

import (
	"context"

	"github.com/reactord/reactord/reactor/internal/feed"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// Observer answers those who look at workloads.
type Observer struct {
	Store store.Store
	// Feed has the changes as they are committed.
	Feed *feed.Feed[*Change]
	// Log returns the log of a workload's attempt, nil if there is none, and what is closed when the
	// workload begins to run, is put back or is gone; nil if it is gone, or never was.
	Log func(id string) (log *logbuf.Log, changed <-chan struct{})
	// Port returns where clients attach to a workload; nil if that is gone.
	Port func(id string) *terminal.Port
	// Reading is called before records are read for a client, and what it returns when they have been
	// decoded. It may wait for others to be done.
	Reading func(context.Context) (done func(), err error)
	// OnDamaged is called with why a record can't be read. It is left out.
	OnDamaged func(error)
	// Quiet is closed when nothing will change any more.
	Quiet <-chan struct{}
}

// Await waits for a change of a workload, which closes changed, for the end of ctx, or for Quiet.
func (o *Observer) Await(ctx context.Context, id string, changed <-chan struct{}) error {
	if changed == nil {
		return refusal.Unrecorded(id)
	}
	select {
	case <-changed:
		return nil
	default:
	}
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-o.Quiet:
		return refusal.Draining()
	}
}
