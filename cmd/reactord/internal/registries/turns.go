package registries

import (
	"context"
	"sync"
)

// maxFetches is how many modules are read from a registry at a time. One that is slow keeps nobody from another.
const maxFetches = 4

// turns are those of the fetches from each registry.
type turns struct {
	mu sync.Mutex
	of map[string]chan struct{} // by registry, of those that were ever allowed: an element for each fetch that runs
}

// take waits for a turn at a registry. end ends it.
func (t *turns) take(ctx context.Context, registry string) (end func(), err error) {
	t.mu.Lock()
	if t.of == nil {
		t.of = make(map[string]chan struct{})
	}
	running := t.of[registry]
	if running == nil {
		running = make(chan struct{}, maxFetches)
		t.of[registry] = running
	}
	t.mu.Unlock()
	select {
	case running <- struct{}{}:
		return func() { <-running }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
