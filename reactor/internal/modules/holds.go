package modules

import (
	"sync"

	"github.com/reactord/reactord/reactor/store"
)

// holds counts the pushes and submissions under way of each module. What is held is not pruned: it is about to be
// referred to.
type holds struct {
	mu      sync.Mutex
	count   map[store.Digest]int
	pruning map[store.Digest]chan struct{} // closed when the module was pruned, or was not
}

func newHolds() holds {
	return holds{count: map[store.Digest]int{}, pruning: map[store.Digest]chan struct{}{}}
}

// add holds a module. If that is being pruned, add waits until it is gone: one commit.
func (h *holds) add(digest store.Digest) {
	for {
		h.mu.Lock()
		pruned := h.pruning[digest]
		if pruned == nil {
			h.count[digest]++
			h.mu.Unlock()
			return
		}
		h.mu.Unlock()
		<-pruned
	}
}

func (h *holds) remove(digest store.Digest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count[digest]--; h.count[digest] == 0 {
		delete(h.count, digest)
	}
}

func (h *holds) has(digest store.Digest) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count[digest] > 0
}

// prune makes others wait until done is called. It returns false for a module that is held, or being pruned already.
func (h *holds) prune(digest store.Digest) (done func(), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count[digest] > 0 || h.pruning[digest] != nil {
		return nil, false
	}
	pruned := make(chan struct{})
	h.pruning[digest] = pruned
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.pruning, digest)
		close(pruned)
	}, true
}

// Hold keeps a module from being pruned until Release: a submission of it is under way.
func (r *Registry) Hold(digest store.Digest) { r.holds.add(digest) }

// Release undoes Hold.
func (r *Registry) Release(digest store.Digest) { r.holds.remove(digest) }
