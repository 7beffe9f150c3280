package store

import (
	"context"
	"time"
)

// Opener opens a store for its new owner, who closes it. The context bounds only the opening.
type Opener func(ctx context.Context, options Options) (Store, error)

// What Options.OnOutage tells apart.
const (
	DatabaseOutage = "database"
	ModulesOutage  = "modules"
)

// Commit is what one commit wrote, and how long it took.
type Commit struct {
	Took  time.Duration // from its begin until it was on disk
	Bytes int64         // about
}

// Options configure a store, and say how its owner is told what happens. The functions may be nil; they are
// called on the store's writing goroutine and must not block.
type Options struct {
	// Observer is called with every committed change.
	Observer Observer
	// OnPressed is called when workloads and logs come near their bound. Pruning relieves that.
	OnPressed func()
	// OnOutage is called with the cause when writing begins to fail for a cause that can pass, such as a full
	// disk, and with nil when writing works again. what is DatabaseOutage or ModulesOutage.
	OnOutage func(what string, cause error)
	// OnCommitted is called after each commit, on the goroutine that all commits wait for. It must not block.
	OnCommitted func(Commit)
	// ModuleBytes bounds the bytes of all modules; zero is the store's default.
	ModuleBytes int64
	// DatabaseBytes bounds what workloads and logs take on disk; zero is no bound. Part of it is reserved for
	// recording the ends of workloads: output is refused with ErrFull some way below the bound, and submissions
	// a little later.
	DatabaseBytes int64
}
