package observe

import (
	"context"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/feed"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// Workloads are those that have not ended, by their ids. No method blocks.
type Workloads interface {
	// Log returns the log of a workload's attempt, nil if there is none, and what is closed when the
	// workload begins to run, is put back or is gone; nil if it is gone, or never was.
	Log(id string) (log *logbuf.Log, changed <-chan struct{})
	// Port returns where clients attach to a workload; nil if that is gone.
	Port(id string) *terminal.Port
	// Look returns a workload's attempt, or if it has none, what keeps it from being started, nil for its turn
	// alone. It is not live if it has ended, or never was.
	Look(id string) (a *attempt.Attempt, delay *api.Delay, live bool)
	// VisitAttempts calls visit for some of the workloads below next that have an attempt, and returns where to
	// go on: at zero all have been visited, some of them twice. Visit is called with a lock held.
	VisitAttempts(next int, visit func(id string, a *attempt.Attempt)) (rest int)
}

// Observer answers those who look at workloads.
type Observer struct {
	*Streams
	Workloads
	Store store.Store
	// Feed has the changes as they are committed.
	Feed *feed.Feed[*Change]
	// Reading is called before records are read for a client, and what it returns when they have been
	// decoded. It may wait for others to be done.
	Reading func(context.Context) (done func(), err error)
	// OnDamaged is called with why a record can't be read. It is left out.
	OnDamaged func(error)
}
