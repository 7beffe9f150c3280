package modules

import (
	"sync"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/store"
)

// catalog caches the digests of names (tags, beginnings of digests) and the descriptions of modules, so that a submission
// does not read the store for them. The store has the last word: it refuses a workload whose module is gone.
//
// Whoever changes tags or modules calls forget after the change. A lookup that read the store before the change and
// remembers its result afterwards has an older generation, so the result is not kept.
type catalog struct {
	mu         sync.Mutex
	generation int
	digests    map[string]store.Digest
	modules    map[store.Digest]entry
	damaged    map[store.Digest]struct{} // what could not be loaded because its bytes or its record are damaged on disk
}

// entry is what a submission needs to know of a module.
type entry struct {
	info   *abi.Description // nil: it is not known
	signer string           // as in store.Provenance
}

// maxCatalog bounds the entries of each kind.
const maxCatalog = 4096

func newCatalog() *catalog {
	c := &catalog{damaged: map[store.Digest]struct{}{}}
	c.clear()
	return c
}

func (c *catalog) clear() {
	c.digests, c.modules = map[string]store.Digest{}, map[store.Digest]entry{}
}

// forget drops everything but which modules are damaged: only a push or a load of such a module shows that it is sound.
func (c *catalog) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.clear()
}

// forgetDamage notes that a module is sound: it was pushed.
func (c *catalog) forgetDamage(digest store.Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++ // a load that read the damaged bytes before is not heard any more
	delete(c.damaged, digest)
}

// noteLoad notes whether a load found a module damaged. generation is from before the load.
func (c *catalog) noteLoad(generation int, digest store.Digest, damaged bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !damaged:
		delete(c.damaged, digest)
	case generation == c.generation:
		if len(c.damaged) >= maxCatalog {
			clear(c.damaged)
		}
		c.damaged[digest] = struct{}{}
	}
}

// isDamaged reports whether the last load of a module found it damaged.
func (c *catalog) isDamaged(digest store.Digest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, damaged := c.damaged[digest]
	return damaged
}

func (c *catalog) digest(name string) (digest store.Digest, generation int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	digest, ok = c.digests[name]
	return digest, c.generation, ok
}

func (c *catalog) module(digest store.Digest) (m entry, generation int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.modules[digest], c.generation
}

func (c *catalog) remember(generation int, name string, digest store.Digest, m entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.generation {
		return
	}
	if len(c.digests) >= maxCatalog || len(c.modules) >= maxCatalog {
		c.clear()
	}
	if name != "" {
		c.digests[name] = digest
	}
	c.modules[digest] = m
}
