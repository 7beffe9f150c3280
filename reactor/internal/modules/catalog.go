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
	modules    map[store.Digest]*abi.Description
}

// maxCatalog bounds the entries of each kind.
const maxCatalog = 4096

func newCatalog() *catalog {
	c := new(catalog)
	c.clear()
	return c
}

func (c *catalog) clear() {
	c.digests, c.modules = map[string]store.Digest{}, map[store.Digest]*abi.Description{}
}

// forget drops everything.
func (c *catalog) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.clear()
}

func (c *catalog) digest(name string) (digest store.Digest, generation int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	digest, ok = c.digests[name]
	return digest, c.generation, ok
}

func (c *catalog) module(digest store.Digest) (info *abi.Description, generation int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.modules[digest], c.generation
}

func (c *catalog) remember(generation int, name string, digest store.Digest, info *abi.Description) {
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
	c.modules[digest] = info
}
