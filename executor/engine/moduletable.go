package engine

import (
	"container/list"
	"sync"
)

// moduleTable holds the modules and composites by digest.
type moduleTable struct {
	mu         sync.Mutex // guards the fields below
	byDigest   map[string]*Module
	linked     int // of byDigest
	composites map[string]*Composite
	idle       *list.List // of *tableEntry: what is closed at once, then the longest idle first
	maxIdle    int
	limit      int64 // bound on used
	used       int64 // bytes of all modules and composites
	closed     bool
}

// tableEntry is what the table has of a Module or a Composite. moduleTable.mu guards it.
type tableEntry struct {
	of        kept
	holders   int
	idle      *list.Element // in moduleTable.idle; nil if not idle
	bytes     int64         // its part of moduleTable.used
	forgotten bool          // closed as soon as it is idle
	part      bool          // closed as soon as it is idle: what it is part of would hold it if it were needed
}

// kept is a Module or a Composite.
type kept interface {
	// leave removes it from the table. The caller holds moduleTable.mu.
	leave(t *moduleTable)
	// close frees it, once it has left.
	close()
}

func (t *moduleTable) init(maxIdle int, limit int64) {
	t.byDigest, t.composites, t.idle = map[string]*Module{}, map[string]*Composite{}, list.New()
	t.maxIdle, t.limit = maxIdle, limit
}

// All methods below but close are called with mu held.

// reserve counts bytes, evicting what is idle to make room. If there is none, it counts nothing of the entry any more.
func (t *moduleTable) reserve(e *tableEntry, bytes int64) (evicted []kept, full bool) {
	t.used += bytes
	e.bytes += bytes
	evicted = t.evict()
	if full = t.used > t.limit; full {
		t.release(e)
	}
	return evicted, full
}

// release stops counting an entry's bytes.
func (t *moduleTable) release(e *tableEntry) {
	t.used -= e.bytes
	e.bytes = 0
}

// hold adds a holder.
func (t *moduleTable) hold(e *tableEntry) {
	e.holders++
	e.forgotten = false
	if e.idle != nil {
		t.idle.Remove(e.idle)
		e.idle = nil
	}
}

// forget makes an entry the next to be evicted, once it is idle.
func (t *moduleTable) forget(e *tableEntry) {
	e.forgotten = true
	if e.idle != nil {
		t.idle.MoveToFront(e.idle)
	}
}

// retire makes an entry idle if nobody holds it.
func (t *moduleTable) retire(e *tableEntry) {
	switch {
	case e.holders > 0 || e.idle != nil:
	case e.forgotten || e.part:
		e.idle = t.idle.PushFront(e)
	default:
		e.idle = t.idle.PushBack(e)
	}
}

// add enters a module.
func (t *moduleTable) add(m *Module) {
	t.byDigest[m.digest] = m
	if m.linking != nil {
		t.linked++
	}
}

// remove removes a module from the table, unless another has taken its place.
func (t *moduleTable) remove(m *Module) {
	if t.byDigest[m.digest] == m {
		delete(t.byDigest, m.digest)
		if m.linking != nil {
			t.linked--
		}
	}
	t.release(&m.tableEntry)
	m.state = gone
}

// evict removes what is idle from the table until both its number and the bytes of all are within bounds. The caller closes
// what was evicted without holding mu.
func (t *moduleTable) evict() (evicted []kept) {
	for t.idle.Len() > 0 {
		e := t.idle.Front().Value.(*tableEntry)
		if t.idle.Len() <= t.maxIdle && t.used <= t.limit && !e.forgotten && !e.part {
			break
		}
		t.idle.Remove(e.idle)
		e.idle = nil
		e.of.leave(t)
		evicted = append(evicted, e.of)
	}
	return evicted
}

// close makes further Loads fail and closes all that is idle.
func (t *moduleTable) close() {
	t.mu.Lock()
	t.closed = true
	t.maxIdle = 0
	evicted := t.evict()
	t.mu.Unlock()
	closeAll(evicted)
}

func closeAll(evicted []kept) {
	for _, k := range evicted {
		k.close()
	}
}
