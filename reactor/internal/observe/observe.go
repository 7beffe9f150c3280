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

// Workloads are the workloads that have not ended, by id. No method blocks.
type Workloads interface {
	// Log returns the log of a workload's attempt, nil if there is none, and a channel that is closed when the
	// workload begins to run, is put back or is gone. The channel is nil if there is no such workload.
	Log(id string) (log *logbuf.Log, changed <-chan struct{})
	// Port returns the port at which clients attach to a workload of a mode; nil if the workload is gone.
	Port(id string, mode terminal.Mode) *terminal.Port
	// Look returns a workload's attempt, if it has one, and what keeps the workload from being started, or its end from
	// being recorded; nil if it only waits for its turn or runs. live is false if the end is recorded, or if the
	// workload never existed.
	Look(id string) (a *attempt.Attempt, delay *api.Delay, live bool)
	// VisitAttempts calls visit for some of the workloads below next that have an attempt, and returns where to
	// continue: at zero all have been visited, some of them twice. visit is called with a lock held.
	VisitAttempts(next int, visit func(id string, a *attempt.Attempt)) (rest int)
}

// Observer answers clients that look at workloads.
type Observer struct {
	*Streams
	Workloads
	Store store.Store
	// Feed has the committed changes.
	Feed *feed.Feed[*Change]
	// Reading is called before records are read for a client; the function it returns is called when they have
	// been decoded. It may wait for other reads.
	Reading func(context.Context) (done func(), err error)
	// OnDamaged is called with the error of a record that can't be read. The record is left out.
	OnDamaged func(error)

	walks walks
}
