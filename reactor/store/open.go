package store

import "context"

// Opener opens a store for who owns it from then on, and closes it. The context bounds only the opening.
type Opener func(ctx context.Context, options Options) (Store, error)

// Options are what the owner of a store asks of it, and how the owner is told what happens. The functions
// may be nil; they are called on the store's goroutine that writes, and must not block.
type Options struct {
	// Observer is told of every committed change.
	Observer Observer
	// OnPressed is called when workloads and logs come near their bound. Pruning is what helps.
	OnPressed func()
	// OnOutage is called with the cause when writing begins to fail for a cause that can pass, such
	// as a full disk, and with nil when it works again. What is database, or modules.
	OnOutage func(what string, cause error)
	// ModuleBytes bounds the bytes of all modules together; zero leaves it to the store.
	ModuleBytes int64
	// DatabaseBytes bounds the size of workloads and logs on disk; zero is no bound. A part of it is kept
	// for the ends of workloads: output is refused with ErrFull below the bound, submissions a little
	// above that.
	DatabaseBytes int64
}
